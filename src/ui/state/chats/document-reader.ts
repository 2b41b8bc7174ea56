/** Makes text of a file. What does so is fetched with the first file, for most pages never need it. */
import type { ChatDocument } from "../../../engine/api/replies";

/** What can be attached, for the browser's own box; phones know types better than endings. */
export const DOCUMENT_FILES =
  ".txt,.md,.markdown,.html,.htm,.pdf,text/*,application/pdf";

/** @throws DocumentError, the signal's reason */
export async function readDocument(
  file: File,
  signal?: AbortSignal,
): Promise<ChatDocument> {
  const reader = await import("../../../documents/read-document");
  return reader.readDocument(file, signal);
}
