/**
 * Decodes bytes: UTF-8, UTF-16, an encoding that the file declares, or else the one it most likely is in. A guess is
 * said to be one.
 */
import { DocumentError } from "../util/errors";
import { decode } from "./decode-bytes";

/** A declaration is searched for in this many bytes; the HTML standard says 1,024. */
const DECLARED_WITHIN_BYTES = 1024;
/** In HTML and XML, in the first lines of source code, at the beginning of CSS. */
const DECLARATIONS = [
  /(?:charset|encoding)\s*=\s*["']?\s*([\w:.-]+)/i,
  /^(?:[^\n]*\n)?#.*?coding[:=]\s*([\w.-]+)/,
  /^@charset "([\w:.-]+)"/,
];
/** More NULs than this share, and it is no text with a slip in it. */
const NUL_SHARE = 1 / 1000;

export interface DecodedText {
  text: string;
  /** The encoding, where it is a guess. */
  guess?: string;
}

/**
 * Decodes a file's bytes. Invalid text is refused: a model would read it as noise.
 *
 * @throws DocumentError if the bytes are not text, or in an encoding that cannot be told
 */
export async function decodeText(
  name: string,
  bytes: Uint8Array,
): Promise<DecodedText> {
  const marked = markedEncoding(bytes);
  const text =
    decode(bytes, marked ?? "utf-8") ??
    (marked === undefined ? decode(bytes, declaredEncoding(bytes)) : undefined);
  if (text !== undefined && isText(text)) return { text };
  const found = marked === undefined ? await guessed(bytes) : undefined;
  if (found !== undefined && isText(found.text)) return found;
  throw new DocumentError(
    "binary",
    `“${name}” is not text, HTML or PDF. Export it as PDF, or save it as UTF-8 text.`,
  );
}

async function guessed(bytes: Uint8Array): Promise<DecodedText | undefined> {
  // Loaded where it is needed; without it the file is refused as before.
  const { guessEncoding } = await import("./guess-encoding").catch(() => ({
    guessEncoding: () => undefined,
  }));
  const guess = guessEncoding(bytes);
  const text = decode(bytes, guess);
  return text === undefined || guess === undefined
    ? undefined
    : { text, guess };
}

function isText(text: string): boolean {
  const first = text.indexOf("\0");
  return first < 0 || text.split("\0").length - 1 <= text.length * NUL_SHARE;
}

function markedEncoding(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  return undefined;
}

function declaredEncoding(bytes: Uint8Array): string | undefined {
  const start = new TextDecoder("latin1").decode(
    bytes.subarray(0, DECLARED_WITHIN_BYTES),
  );
  const found = DECLARATIONS.flatMap((one) => one.exec(start)?.[1] ?? []);
  // Python's name for it is not the web's.
  return found[0]?.replace(/^latin-/i, "latin");
}
