/** Content hashes: equal hashes mean equal content. */

/**
 * SHA-256 in 64 lower-case hexadecimal digits; a string is hashed as UTF-8. Needs a secure context, as
 * all of crypto.subtle does.
 */
export async function sha256(
  data: string | ArrayBuffer | ArrayBufferView,
): Promise<string> {
  const bytes =
    typeof data === "string"
      ? new TextEncoder().encode(data)
      : (data as BufferSource);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}
