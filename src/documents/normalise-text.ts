/** Normalises text, so that the same document gives the same tokens whatever its format. */

/**
 * Lines end in LF, without spaces before it; more than two blank lines become one; byte order marks and
 * control characters other than tabs go. How characters are composed stays as it is. Takes time linear in
 * the text's length, whatever is in it.
 */
export function normaliseText(text: string): string {
  return (
    text
      .replace(/\r\n?|[\v\f\u0085\u2028\u2029]/g, "\n")
      .replace(/(?![\n\t])\p{Cc}|\uFEFF/gu, "")
      .split("\n")
      // Not `/\s+$/gm`, which is quadratic on a long run of spaces within a line.
      .map((line) => line.trimEnd())
      .join("\n")
      .replace(/\n{4,}/g, "\n\n")
      .replace(/^\n+/, "")
      .trimEnd()
  );
}
