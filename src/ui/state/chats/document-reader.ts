/** Reads a file into text. The readers are loaded with the first file. */
import type { ChatDocument } from "../../../engine/api/replies";

/** Types for the browser's file dialog; phones need MIME types as well as extensions. */
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
