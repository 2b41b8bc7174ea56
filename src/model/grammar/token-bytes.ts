/** The bytes that each token of a vocabulary adds to a text. */
import type { Tokenizer } from "../text/tokenizer";

const encoder = new TextEncoder();

/**
 * By id; undefined for tokens that are no text: those that mark turns, and ids without a token.
 *
 * @param marks texts of marking tokens that count as text all the same
 */
export function tokenBytes(
  tokenizer: Tokenizer,
  marks: readonly string[] = [],
): (Uint8Array | undefined)[] {
  const { isByteLevel, texts, added } = tokenizer.vocabulary();
  const toBytes = isByteLevel ? byteLevelBytes : sentencePieceBytes;
  return Array.from({ length: tokenizer.tokenCount }, (_, id) => {
    const content = added.get(id);
    const isText = tokenizer.isText(id) && !tokenizer.isMarker(id);
    if (!isText && !marks.includes(content!)) return undefined;
    // An added token is matched in the text itself, so it is spelled like it.
    return content === undefined
      ? toBytes(texts[id]!)
      : encoder.encode(content);
  });
}

/** A space is "▁"; bytes without a token in the vocabulary are spelled <0x0A>. */
function sentencePieceBytes(token: string): Uint8Array {
  const byte = /^<0x([0-9A-F]{2})>$/.exec(token)?.[1];
  return byte === undefined
    ? encoder.encode(token.replaceAll("▁", " "))
    : Uint8Array.of(Number.parseInt(byte, 16));
}

/** GPT-2's spelling: each byte is a character that can be seen. */
function byteLevelBytes(token: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = BYTES.get(character);
    if (byte === undefined) bytes.push(...encoder.encode(character));
    else bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

/** Printable characters of Latin-1 stand for themselves, the other bytes for what follows U+0100. */
const BYTES: ReadonlyMap<string, number> = (() => {
  const bytes = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const isItself =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
    bytes.set(String.fromCharCode(isItself ? byte : next++), byte);
  }
  return bytes;
})();
