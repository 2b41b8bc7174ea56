/**
 * The text of a PDF, read by pdf.js in a worker of its own. Uses pdf.js's legacy build: the other one needs functions
 * that browsers got years after WebGPU.
 *
 * PDFs are untrusted, so as little as possible of them is run: functions and fonts are not compiled, images are not
 * decoded, and nothing is fetched. Text whose font needs an external character map (some older Chinese, Japanese and
 * Korean PDFs) is lost.
 */
import type * as pdfjs from "pdfjs-dist";
import { DocumentError } from "../util/errors";
import { trustedWorker } from "../util/trusted-types";
import { isCrossOrigin, crossOriginWorker } from "../util/cross-origin-worker";
import { linesOf } from "./pdf-lines";
import { textOfLines } from "./pdf-paragraphs";
import { withPlainLetters } from "./plain-letters";

/**
 * Reads all pages, a blank line between them.
 *
 * @param bytes transferred to the worker: detached afterwards
 * @throws DocumentError if there is no text, or it can't be read; the signal's reason if aborted
 */
export async function pdfText(
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
  signal?: AbortSignal,
): Promise<string> {
  const library = await loadLibrary(name);
  signal?.throwIfAborted();

  const worker = pdfWorker();
  const done = new AbortController();
  try {
    // A worker stuck in a hostile file never answers; terminating it still works.
    const pages = await Promise.race([
      readPages(library, worker, name, bytes),
      failure(worker, name, done.signal, signal),
    ]);
    if (pages.length > 0) return pages.join("\n\n");
  } finally {
    done.abort();
    worker.terminate();
  }
  throw new DocumentError(
    "scanned",
    `“${name}” contains only pictures of text. Run text recognition (OCR) on it, then choose it again.`,
  );
}

/** In the built library, `pdf-worker.js` lies beside what imports this. */
function pdfWorker(): Worker {
  const here = import.meta.url;
  if (isCrossOrigin(here))
    return crossOriginWorker(
      new URL("./pdf-worker.js", here).href,
      "rondo pdf",
    );
  return trustedWorker(
    () =>
      new Worker(new URL("./pdf-worker.ts", import.meta.url), {
        type: "module",
        name: "rondo pdf",
      }),
  );
}

type Library = typeof pdfjs;

async function loadLibrary(name: string): Promise<Library> {
  try {
    return await import("pdfjs-dist/legacy/build/pdf.mjs");
  } catch (cause) {
    throw unavailable(name, cause);
  }
}

/** The text of each page that has some. */
async function readPages(
  { getDocument, PDFWorker, VerbosityLevel }: Library,
  port: Worker,
  name: string,
  data: Uint8Array<ArrayBuffer>,
): Promise<string[]> {
  const worker = PDFWorker.create({ port, verbosity: VerbosityLevel.ERRORS });
  try {
    const pdf = await getDocument({
      data,
      worker,
      verbosity: VerbosityLevel.ERRORS,
      isEvalSupported: false,
      useWasm: false,
      useWorkerFetch: false,
      // Nothing is drawn, so fonts that are not in the file need not be found.
      disableFontFace: true,
      useSystemFonts: true,
    }).promise;
    const texts: string[] = [];
    for (let number = 1; number <= pdf.numPages; number++) {
      const text = await textOfPage(await pdf.getPage(number));
      if (text !== "") texts.push(text);
    }
    return texts;
  } catch (cause) {
    throw documentError(name, cause);
  } finally {
    worker.destroy();
  }
}

async function textOfPage(page: pdfjs.PDFPageProxy): Promise<string> {
  // pdf.js writes ligatures out before it orders letters, which would turn those of Arabic around.
  const { items } = await page.getTextContent({ disableNormalization: true });
  page.cleanup();
  const lines = linesOf(items.filter((item) => "str" in item));
  return withPlainLetters(textOfLines(lines));
}

/** Rejects when the worker fails to load or the caller aborts. */
function failure(
  worker: Worker,
  name: string,
  done: AbortSignal,
  signal?: AbortSignal,
): Promise<never> {
  return new Promise((_, reject) => {
    worker.addEventListener(
      "error",
      ({ message }) => reject(unavailable(name, new Error(message))),
      { signal: done },
    );
    signal?.addEventListener("abort", () => reject(signal.reason as Error), {
      signal: done,
    });
  });
}

function documentError(name: string, cause: unknown): DocumentError {
  if (cause instanceof Error && cause.name === "PasswordException") {
    return new DocumentError(
      "encrypted",
      `“${name}” is protected by a password. Save a copy without one, then choose that.`,
      { cause },
    );
  }
  return new DocumentError(
    "damaged",
    `“${name}” is not a readable PDF: it is damaged or incomplete. Copy or download it again.`,
    { cause },
  );
}

function unavailable(name: string, cause: unknown): DocumentError {
  return new DocumentError(
    "unavailable",
    `“${name}” was not read: the PDF reader did not load. Check the connection, reload the page, then choose the file again.`,
    { cause },
  );
}
