/** Bytes in an encoding; undefined where they are not. The last character may be cut, but in UTF-8 without another. */
export function decode(
  bytes: Uint8Array,
  encoding: string | undefined,
): string | undefined {
  if (encoding === undefined) return undefined;
  try {
    const decoder = new TextDecoder(encoding, { fatal: true });
    const text = decoder.decode(bytes, { stream: true });
    if (encoding !== "utf-8" || /[^\0-\x7f]/.test(text)) return text;
    return text + decoder.decode();
  } catch {
    // Either the bytes are not valid in it, or there is no such encoding.
    return undefined;
  }
}
