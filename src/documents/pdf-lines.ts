/** Joins the pieces of text that a PDF places one by one into lines. */
import { isRightToLeft, reordered, type Direction } from "./text-direction";

/** A piece of text as pdf.js gives it. Lengths are in the page's units, mostly 1/72 inch. */
export interface PlacedText {
  /** In the order in which pdf.js takes it to be read, as a line of its own. */
  str: string;
  /** The direction of that line. Vertical text has others. */
  dir: string;
  /** Start and direction of the base line: [a, b, c, d, x, y]. */
  transform: number[];
  /** Along the base line. */
  width: number;
  height: number;
  hasEOL: boolean;
}

/** A line, measured along its own direction, so that rotated pages need no special case later. */
export interface Line {
  /** On a page with text from right to left: as it is seen, from left to right. */
  text: string;
  left: number;
  right: number;
  /** Position of the base line; smaller is further down. */
  base: number;
  height: number;
  /** Direction, in whole degrees. */
  angle: number;
  /** Whether it has a gap as wide as between columns, written as a tab. */
  hasColumns: boolean;
}

/** A gap wider than this many heights of the text is one between columns. */
const COLUMN_GAP = 2;
/** A gap wider than this is a space. Letters of one word may stand a little apart. */
const SPACE_GAP = 0.12;

/** The lines of a page in the file's order, which is mostly the reading order. */
export function linesOf(items: readonly PlacedText[]): Line[] {
  return items.some(({ str }) => isRightToLeft(str))
    ? linesByPlace(items)
    : linesByOrder(items);
}

/** Lines whose pieces follow each other in the file as they do on the page. */
function linesByOrder(items: readonly PlacedText[]): Line[] {
  const lines: Line[] = [];
  let line: Line | undefined;
  let isSpaceDue = false;
  for (const item of items) {
    if (item.str.trim() === "") isSpaceDue ||= item.str !== "";
    else {
      const piece = lineOf(item);
      if (line !== undefined && line.angle === piece.angle) {
        append(line, piece, isSpaceDue || item.str.startsWith(" "));
      } else {
        line = piece;
        lines.push(line);
      }
      isSpaceDue = item.str.endsWith(" ");
    }
    if (item.hasEOL) {
      line = undefined;
      isSpaceDue = false;
    }
  }
  return lines;
}

/**
 * Lines whose pieces may follow each other in either direction: as they are seen, as they are read, or letter by
 * letter. They are put in the order of the page.
 */
function linesByPlace(items: readonly PlacedText[]): Line[] {
  const lines: Line[] = [];
  let pieces: Line[] = [];
  const endLine = () => {
    pieces.sort((a, b) => a.left - b.left);
    const [line, ...rest] = pieces;
    if (line === undefined) return;
    for (const piece of rest)
      append(line, piece, piece.left - line.right > SPACE_GAP * line.height);
    lines.push(line);
    pieces = [];
  };
  for (const item of items) {
    if (item.str.trim() !== "") {
      const dir: Direction = item.dir === "rtl" ? "rtl" : "ltr";
      const piece = lineOf({ ...item, str: reordered(item.str, dir) });
      if (pieces.length > 0 && pieces[0]!.angle !== piece.angle) endLine();
      pieces.push(piece);
    }
    if (item.hasEOL) endLine();
  }
  endLine();
  return lines;
}

function lineOf({ str, transform, width, height }: PlacedText): Line {
  const [a = 1, b = 0, c = 0, d = 0, x = 0, y = 0] = transform;
  const length = Math.hypot(a, b) || 1;
  const left = (x * a + y * b) / length;
  return {
    text: str.trim(),
    left,
    right: left + width,
    base: (y * a - x * b) / length,
    height: height || Math.hypot(c, d),
    angle: Math.round((Math.atan2(b, a) * 180) / Math.PI),
    hasColumns: false,
  };
}

function append(line: Line, piece: Line, isSpaceDue: boolean): void {
  const isColumn = piece.left - line.right > COLUMN_GAP * line.height;
  line.text += (isColumn ? "\t" : isSpaceDue ? " " : "") + piece.text;
  line.right = Math.max(line.right, piece.right);
  line.height = Math.max(line.height, piece.height);
  line.hasColumns ||= isColumn;
}
