/** Lines of text, from the pieces that a PDF places one by one. */

/** A piece of text as pdf.js gives it. Lengths are in the page's units, mostly 1/72 inch. */
export interface PlacedText {
  str: string;
  /** Where its base line begins, and which way that runs: [a, b, c, d, x, y]. */
  transform: number[];
  /** Along the base line. */
  width: number;
  height: number;
  hasEOL: boolean;
}

/** A line, measured along its own direction, so that turned pages need no care further on. */
export interface Line {
  text: string;
  left: number;
  right: number;
  /** Where the base line stands; less is further down. */
  base: number;
  height: number;
  /** Direction, in whole degrees. */
  angle: number;
  /** Whether there is a gap as between columns; a tab stands for it in the text. */
  hasColumns: boolean;
}

/** A gap wider than this many heights of the text is one between columns. */
const COLUMN_GAP = 2;

/** The lines of a page in the order they were written in, which is mostly the order they are read in. */
export function linesOf(items: Iterable<PlacedText>): Line[] {
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
