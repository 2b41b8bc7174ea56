/** Decodes bytes: UTF-8, UTF-16 with a byte order mark, and encodings that HTML declares. */
import { DocumentError } from "../util/errors";

/** The encoding is searched for in this many bytes; the HTML standard says 1,024. */
const DECLARED_WITHIN_BYTES = 1024;

/**
 * Decodes a file's bytes. Invalid text is refused: a model would read it as noise.
 *
 * @param options.mayDeclare whether the bytes are HTML, which may name its encoding (`<meta charset>`)
 * @throws DocumentError if the bytes are not text, or in an encoding that cannot be told
 */
export function decodeText(
  name: string,
  bytes: Uint8Array,
  { mayDeclare = false } = {},
): string {
  const text =
    decode(bytes, markedEncoding(bytes) ?? "utf-8") ??
    (mayDeclare ? decode(bytes, declaredEncoding(bytes)) : undefined);
  if (text === undefined || text.includes("\0")) {
    throw new DocumentError(
      "binary",
      `“${name}” is not UTF-8 or UTF-16 text, HTML or PDF. Export it as PDF, or save it as UTF-8 text.`,
    );
  }
  return text;
}

function decode(
  bytes: Uint8Array,
  encoding: string | undefined,
): string | undefined {
  if (encoding === undefined) return undefined;
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    // Either the bytes are not valid in it, or there is no such encoding.
    return undefined;
  }
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
  return /(?:charset|encoding)\s*=\s*["']?\s*([\w:.-]+)/i.exec(start)?.[1];
}
