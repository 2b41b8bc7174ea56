/**
 * Reads a file into text for a language model: plain text of any kind (Markdown, source code, CSV, logs), HTML, PDF.
 * Nothing in a file runs, and nothing it refers to is fetched.
 */
import { DocumentError } from "../util/errors";
import { decodeText, type DecodedText } from "./decode-text";
import { documentKind } from "./document-kind";
import { htmlText } from "./html-text";
import { normaliseText } from "./normalise-text";
import { pdfText } from "./pdf-text";

/** Many times a model's context; larger files would block the page for seconds. */
export const MAX_DOCUMENT_BYTES = 20_000_000;

export interface DocumentText {
  /** The file's name, with the encoding behind it where that is a guess. */
  name: string;
  /** Lines end in LF; there are no control characters but tabs. Never empty. */
  text: string;
}

/**
 * Reads a file as a document.
 *
 * @throws DocumentError if it can't be read, with why and what to do; the signal's reason if aborted
 */
export async function readDocument(
  file: File,
  signal?: AbortSignal,
): Promise<DocumentText> {
  signal?.throwIfAborted();
  const bytes = await bytesOf(file);
  signal?.throwIfAborted();

  const { text: raw, guess } = await textOf(file, bytes, signal);
  const text = normaliseText(raw);
  if (text === "") {
    throw new DocumentError(
      "empty",
      `“${file.name}” contains no text. Choose another file.`,
    );
  }
  // The card shows the name: whoever reads it sees why a letter may be wrong.
  const note = guess === undefined ? "" : ` (read as ${guess}, a guess)`;
  return { name: `${file.name}${note}`, text };
}

async function textOf(
  file: File,
  bytes: Uint8Array<ArrayBuffer>,
  signal: AbortSignal | undefined,
): Promise<DecodedText> {
  const kind = documentKind(file, bytes);
  switch (kind) {
    case "text":
      return decodeText(file.name, bytes);
    case "html": {
      const { text, ...decoded } = await decodeText(file.name, bytes);
      return { ...decoded, text: htmlText(text) };
    }
    case "pdf":
      return { text: await pdfText(file.name, bytes, signal) };
    case "picture":
      throw new DocumentError(
        "picture",
        `“${file.name}” is a picture, and the model reads text only. Describe it, or paste the text in it.`,
      );
    default:
      return kind satisfies never;
  }
}

async function bytesOf(file: File): Promise<Uint8Array<ArrayBuffer>> {
  if (file.size > MAX_DOCUMENT_BYTES) {
    throw new DocumentError(
      "too-large",
      `“${file.name}” has ${megabytes(file.size)} MB; a document may have at most ${megabytes(MAX_DOCUMENT_BYTES)} MB. Choose a part of it.`,
    );
  }
  const buffer = await file.arrayBuffer().catch((cause: unknown) => {
    throw new DocumentError(
      "unreadable",
      `“${file.name}” could not be read. It may be a folder, or have been moved or changed: choose the file again.`,
      { cause },
    );
  });
  if (buffer.byteLength === 0) {
    throw new DocumentError(
      "empty",
      `“${file.name}” is empty. Choose another file.`,
    );
  }
  return new Uint8Array(buffer);
}

/** Rounded up, so that a size over the limit never shows as the limit. */
function megabytes(bytes: number): number {
  return Math.ceil(bytes / 100_000) / 10;
}
