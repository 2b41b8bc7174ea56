/**
 * The files of a model's folder. A missing file is `undefined`, not an error: the caller knows whether the model
 * can do without it. A server that answers every address with an HTML page (status 200, text/html) counts as not
 * having the file.
 */
import { ModelFetchError, ModelFormatError } from "../../util/errors";
import { firstGgufPart, ggufPart, ggufStem } from "./gguf-parts";

export interface ModelFiles {
  /** The folder's name, for people. */
  readonly name: string;
  /** The GGUF file with the weights, or its first part; without it they are in safetensors. */
  readonly gguf?: string | undefined;

  /**
   * A file's whole text; undefined if there is no such file.
   *
   * @throws ModelFetchError; the signal's reason
   */
  text(file: string, signal?: AbortSignal): Promise<string | undefined>;

  /**
   * Opens a file's bytes; undefined if there is no such file. Read the chunks to their end, or leave the loop
   * early: either closes the connection.
   *
   * @throws ModelFetchError; the signal's reason
   */
  open(
    file: string,
    range: ByteRange,
    signal?: AbortSignal,
  ): Promise<FileBytes | undefined>;
}

/** Bytes [start, end) of a file; `end` may lie beyond the file's end. */
export interface ByteRange {
  start: number;
  end: number;
}

export interface FileBytes {
  /** Bytes of the whole file, if the server tells. */
  fileBytes: number | undefined;
  /**
   * The range's bytes in order; fewer if the file ends early.
   *
   * @throws ModelFetchError if the connection breaks; the signal's reason
   */
  chunks: AsyncIterable<Uint8Array>;
}

/**
 * The files under `url` (relative to the page's or worker's own address; for the address of a GGUF file, the
 * files beside it), fetched with plain GET and at most one `Range: bytes=a-b`, which needs no preflight. If a
 * server ignores Range and sends the whole file, the range is cut out here.
 */
export function fetchedFiles(url: string | URL): ModelFiles {
  const folder = new URL(url, globalThis.location?.href);
  folder.search = "";
  folder.hash = "";
  const gguf = /[^/]+\.gguf$/i.exec(folder.pathname)?.[0];
  if (gguf !== undefined)
    folder.pathname = folder.pathname.slice(0, -gguf.length);
  else if (!folder.pathname.endsWith("/")) folder.pathname += "/";

  return {
    name: nameOf(folder, gguf),
    ...(gguf !== undefined && {
      gguf: firstGgufPart(decodeURIComponent(gguf)),
    }),

    async text(file, signal) {
      const address = new URL(file, folder);
      const response = await get(address, undefined, signal);
      if (response === undefined) return undefined;
      try {
        return await response.text();
      } catch (cause) {
        throw brokenConnection(address, cause, signal);
      }
    },

    async open(file, range, signal) {
      if (range.end <= range.start) {
        throw new RangeError(
          `empty range ${range.start}..${range.end} of ${file}`,
        );
      }
      const address = new URL(file, folder);
      const response = await get(address, range, signal);
      if (response === undefined) return undefined;
      // A range beyond the file's end (416) has no bytes.
      if (response.status === 416) {
        await response.body?.cancel();
        return {
          fileBytes: totalOf(response),
          chunks: cut(address, null, 0, 0),
        };
      }
      const skipBytes = response.status === 206 ? 0 : range.start;
      const keepBytes = range.end - range.start;
      return {
        fileBytes: totalOf(response),
        chunks: cut(address, response.body, skipBytes, keepBytes, signal),
      };
    },
  };
}

/**
 * The parsed JSON of an optional file; undefined if it is missing.
 *
 * @throws ModelFetchError, ModelFormatError; the signal's reason
 */
export async function readOptionalJson(
  files: ModelFiles,
  file: string,
  signal?: AbortSignal,
): Promise<unknown> {
  const text = await files.text(file, signal);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const found = `invalid JSON (${(error as Error).message})`;
    throw new ModelFormatError({ file, expected: "JSON", found });
  }
}

/**
 * The parsed JSON of a required file.
 *
 * @throws ModelFetchError if it is missing, ModelFormatError; the signal's reason
 */
export async function readJson(
  files: ModelFiles,
  file: string,
  signal?: AbortSignal,
): Promise<unknown> {
  const json = await readOptionalJson(files, file, signal);
  if (json === undefined) throw missingFile(files, file);
  return json;
}

/** The error for a required file that is missing. */
export function missingFile(files: ModelFiles, file: string): ModelFetchError {
  const part = ggufPart(file);
  if (part !== undefined)
    return new ModelFetchError(
      `The model ${files.name} has no file ${file}, part ${part.number} of ${part.count}. All parts have to be in one place.`,
    );
  const should =
    file === files.gguf
      ? "that of a GGUF file"
      : "the folder that holds config.json";
  return new ModelFetchError(
    `The model ${files.name} has no file ${file}. Check the model's address: it should be ${should}.`,
  );
}

/** "org/model" for a hub address, else the GGUF file or the last folder, else the host. */
function nameOf(folder: URL, gguf: string | undefined): string {
  const path = decodeURIComponent(folder.pathname);
  const onHub = /^\/(.+)\/resolve\/[^/]+\/$/.exec(path)?.[1];
  const file = gguf && ggufStem(decodeURIComponent(gguf));
  const last = path.split("/").at(-2);
  return onHub ?? file ?? (last || folder.host);
}

/** GETs `address`. Undefined if there is no such file; otherwise 200, 206 or 416. */
async function get(
  address: URL,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): Promise<Response | undefined> {
  signal?.throwIfAborted();
  let response: Response;
  try {
    response = await fetch(address, {
      headers: range ? { Range: `bytes=${range.start}-${range.end - 1}` } : {},
      // After a fetch of the whole file that was broken off, Chromium 156 answers ranges out of its cache wrongly.
      cache: range ? "no-store" : "default",
      referrerPolicy: "no-referrer",
      signal: signal ?? null,
    });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new ModelFetchError(
      `${address.href} could not be reached (${reasonOf(cause)}). Check the connection and that the server allows requests from this page (CORS), then load again.`,
      { cause },
    );
  }
  if (response.ok) {
    const isPage = response.headers
      .get("content-type")
      ?.startsWith("text/html");
    if (!isPage) return response;
    await response.body?.cancel();
    return undefined;
  }
  if (range && response.status === 416) return response;
  await response.body?.cancel();
  if (response.status === 404 || response.status === 410) return undefined;
  throw new ModelFetchError(
    `${address.href} answered with status ${response.status}. ${adviceFor(response.status)}`,
  );
}

/** `keepBytes` bytes of a body after its first `skipBytes`, chunk by chunk. */
async function* cut(
  address: URL,
  body: ReadableStream<Uint8Array> | null,
  skipBytes: number,
  keepBytes: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  let at = -skipBytes;
  try {
    while (at < keepBytes) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw brokenConnection(address, cause, signal);
      });
      if (done) return;
      const from = Math.max(0, -at);
      const to = Math.min(value.length, keepBytes - at);
      at += value.length;
      if (from < to) yield value.subarray(from, to);
    }
  } finally {
    // The rest is not needed; after an error there is nothing to cancel.
    await reader.cancel().catch(() => undefined);
  }
}

/** A whole file's size: the number after the slash in Content-Range. */
function totalOf(response: Response): number | undefined {
  // Content-Length would do for status 200, but it is sometimes the compressed length.
  const total = /\/(\d+)$/.exec(
    response.headers.get("content-range") ?? "",
  )?.[1];
  return total === undefined ? undefined : Number(total);
}

function brokenConnection(
  address: URL,
  cause: unknown,
  signal: AbortSignal | undefined,
): unknown {
  if (signal?.aborted) return signal.reason;
  return new ModelFetchError(
    `The connection to ${address.href} broke before the file was complete (${reasonOf(cause)}). Load the model again.`,
    { cause },
  );
}

function adviceFor(status: number): string {
  if (status === 401 || status === 403) {
    return "The model may require an account or acceptance of its licence: download it and serve its folder yourself.";
  }
  if (status === 429 || status >= 500) {
    return "The server is overloaded or broken: try again later.";
  }
  return "Check the model's address.";
}

/** Node hides the actual problem in the cause; browsers say it in the message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
