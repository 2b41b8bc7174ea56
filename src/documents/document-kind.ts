/** The kind of a file, by its name and type, or else by its first bytes. */
import { ownValue } from "../util/own-value";

export type DocumentKind = "text" | "html" | "pdf" | "picture";

const TYPES: Record<string, DocumentKind> = {
  "application/pdf": "pdf",
  "application/xhtml+xml": "html",
  "text/html": "html",
  "text/markdown": "text",
  "text/plain": "text",
};

const ENDINGS: Record<string, DocumentKind> = {
  htm: "html",
  html: "html",
  markdown: "text",
  md: "text",
  pdf: "pdf",
  txt: "text",
  xhtml: "html",
};

/** How pictures begin. What is called Latin-1 is Windows-1252 in browsers. */
const PICTURE =
  /^(?:[\x89\u2030]PNG|\xff\xd8\xff|GIF8|BM.{4}\0{4}|II\*\0|MM\0\*|RIFF.{4}WEBP|.{4}ftyp(?:hei|avif|mif1))/s;

/** Bytes inspected for a signature. */
const START_BYTES = 256;

/**
 * The kind of a file. The extension comes first, as the user sees it; MIME types other than those above are
 * unreliable (browsers call TypeScript a video), so content decides.
 */
export function documentKind(
  { name, type }: Pick<File, "name" | "type">,
  bytes: Uint8Array,
): DocumentKind {
  const start = new TextDecoder("latin1").decode(
    bytes.subarray(0, START_BYTES),
  );
  // Also under another name: text about PDFs may begin so, but has no such bytes in it.
  if (start.startsWith("%PDF-") && bytes.some((byte) => byte >= 0x80))
    return "pdf";
  if (PICTURE.test(start)) return "picture";

  const ending = /\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  const mimeType = type.split(";")[0]!.trim().toLowerCase();
  const named = ownValue(ENDINGS, ending) ?? ownValue(TYPES, mimeType);
  if (named !== undefined) return named;

  if (start.startsWith("%PDF-")) return "pdf";
  const isHtml = /^(?:\u00EF\u00BB\u00BF)?\s*<(?:!doctype html|html)\b/i;
  return isHtml.test(start) ? "html" : "text";
}
