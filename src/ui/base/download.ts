/** Offers a file as a download. */

/** A browser may begin to read the file after the press has returned. */
const READ_MS = 60_000;
const LONGEST_NAME = 80;

export function download(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), READ_MS);
}

/** A chat's title as the name of a file: what file systems forbid, or what could mislead, is left out. */
export function chatFileName(
  title: string,
  format: "rondo" | "markdown" = "rondo",
): string {
  const plain = title
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\:*?"<>|]+/gu, " ")
    .replace(/\s+/g, " ")
    .replace(/^[. ]+/, "");
  const short = [...plain].slice(0, LONGEST_NAME).join("");
  const ending = format === "rondo" ? "rondo" : "md";
  return `${short.replace(/[. ]+$/, "") || "chat"}.${ending}`;
}
