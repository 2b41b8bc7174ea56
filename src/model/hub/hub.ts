/**
 * The Hugging Face hub, or a mirror of it: lists repositories and fetches bytes of files. It only uses plain GET
 * with at most one `Range: bytes=a-b`, which survives the redirect to the host of large files; each call is one
 * try. Without a token that needs no preflight. With one the browser sends a preflight first, because
 * `Authorization` is not a safelisted header; the token is not passed on at the redirect (token-guard.ts).
 */
import * as v from "valibot";
import { ModelFetchError } from "../../util/errors";
import { checked } from "../files/check-json";
import { refusalOf } from "./hub-errors";
import { type ByteRange, reasonOf } from "../files/model-files";
import { isOffline, TemporaryFetchError } from "./retry";
import { passesTokensOn } from "./token-guard";

const HUB_URL = "https://huggingface.co";

/** A file of a repository, as listed. */
export interface HubFile {
  path: string;
  bytes: number;
  /** Identifies the content: other content has another name. */
  version: string;
  /** SHA-256 of the content; known only for large files. */
  sha256: string | undefined;
}

/** The beginning of a response. Read `chunks` to the end, or leave the loop early: either closes the connection. */
export interface HubBody {
  /** The ETag without quotes and the mark of weak ones; undefined if the server gives none or hides it. */
  etag: string | undefined;
  /** The commit it is from, if the hub itself answered. */
  commit: string | undefined;
  /** Bytes of the whole file, if the server tells. */
  fileBytes: number | undefined;
  /** @throws TemporaryFetchError if the connection breaks; the signal's reason */
  chunks: AsyncIterable<Uint8Array>;
}

export interface HubOptions {
  /** Default: huggingface.co. */
  url?: string | undefined;
  /** An access token, for private and gated models. */
  token?: string | undefined;
}

/** The file ends before the requested range: it is not the file in the listing. */
export class RangeRefusedError extends ModelFetchError {}

const listingSchema = v.array(
  v.looseObject({
    type: v.string(),
    path: v.string(),
    size: v.optional(v.number(), 0),
    oid: v.optional(v.string(), ""),
    lfs: v.nullish(v.looseObject({ oid: v.string(), size: v.number() })),
  }),
);

/** More pages than any model's repository has. */
const MOST_PAGES = 50;

export class Hub {
  readonly url: string;
  readonly #token: string | undefined;

  /** @throws ModelFetchError if the browser would pass the token on to another host */
  constructor({ url = HUB_URL, token }: HubOptions = {}) {
    this.url = new URL(url, globalThis.location?.href).href.replace(/\/+$/, "");
    this.#token = token === "" ? undefined : token;
    if (this.#token !== undefined && passesTokensOn())
      throw new ModelFetchError(
        "This browser would pass the access token on to the servers that large files come from, so it was not used. Update to Chrome or Edge 119 or newer, or load a model that needs no token.",
      );
  }

  /**
   * All files of a repository's main branch.
   *
   * @throws ModelFetchError, which is a TemporaryFetchError if another try may succeed; the signal's reason
   */
  async list(repository: string, signal?: AbortSignal): Promise<HubFile[]> {
    const files: HubFile[] = [];
    let address: string | undefined =
      `${this.url}/api/models/${repository}/tree/main?recursive=true`;
    for (let page = 0; address !== undefined && page < MOST_PAGES; page++) {
      const response = await this.#get(repository, address, undefined, signal);
      const entries = checked(
        listingSchema,
        await jsonOf(response, signal),
        `the listing of ${repository}`,
      );
      for (const { type, path, size, oid, lfs } of entries) {
        if (type !== "file" || !isPlainPath(path)) continue;
        const version = lfs?.oid ?? oid;
        const sha256 = /^[0-9a-f]{64}$/.exec(lfs?.oid ?? "")?.[0];
        files.push({ path, bytes: lfs?.size ?? size, version, sha256 });
      }
      address = this.#nextPage(response);
    }
    return files;
  }

  /**
   * A file's bytes, or a range of them that lies within it.
   *
   * @throws RangeRefusedError, ModelFetchError, which is a TemporaryFetchError if another try may succeed; the
   *   signal's reason
   */
  async open(
    repository: string,
    path: string,
    range: ByteRange | undefined,
    signal?: AbortSignal,
  ): Promise<HubBody> {
    const parts = path.split("/").map(encodeURIComponent).join("/");
    const address = `${this.url}/${repository}/resolve/main/${parts}`;
    const response = await this.#get(repository, address, range, signal);
    const place = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(
      response.headers.get("content-range") ?? "",
    );
    if (range !== undefined && response.status !== 206) {
      await response.body?.cancel();
      throw new ModelFetchError(
        `${new URL(address).host} sends ${path} of ${repository} only as a whole (status ${response.status} to a Range request), so an interrupted download could not resume. Use another mirror of the hub.`,
      );
    }
    if (range !== undefined && place && Number(place[1]) !== range.start) {
      await response.body?.cancel();
      throw new TemporaryFetchError(
        `${address} sent bytes from ${place[1]!} on instead of ${range.start}. Load the model again.`,
      );
    }
    const total = Number(place?.[2]);
    return {
      etag: response.headers
        .get("etag")
        ?.replace(/^W\//, "")
        .replaceAll('"', ""),
      commit: response.headers.get("x-repo-commit") ?? undefined,
      fileBytes: Number.isNaN(total) ? undefined : total,
      chunks: chunksOf(address, response, signal),
    };
  }

  async #get(
    repository: string,
    address: string,
    range: ByteRange | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    signal?.throwIfAborted();
    const headers = new Headers();
    if (range) headers.set("Range", `bytes=${range.start}-${range.end - 1}`);
    if (this.#token !== undefined)
      headers.set("Authorization", `Bearer ${this.#token}`);
    let response: Response;
    try {
      response = await fetch(address, {
        headers,
        referrerPolicy: "no-referrer",
        // The database stores it; the browser's cache would store it a second time.
        cache: "no-store",
        signal: signal ?? null,
      });
    } catch (cause) {
      signal?.throwIfAborted();
      throw new TemporaryFetchError(
        isOffline()
          ? `${repository} can't be downloaded: this device is offline. Load the model again when it is online: the download will resume.`
          : `${new URL(address).host} could not be reached for ${repository} (${reasonOf(cause)}). Check the connection, then load the model again: the download will resume.`,
        { cause },
      );
    }
    if (response.ok) return response;
    await response.body?.cancel().catch(() => undefined);
    if (range && response.status === 416) {
      throw new RangeRefusedError(
        `${address} has no bytes from ${range.start} on: it is not the file that the hub lists.`,
      );
    }
    throw refusalOf(response, {
      hubUrl: this.url,
      repository,
      address,
      hasToken: this.#token !== undefined,
    });
  }

  /** The next page's address, always on this hub: a mirror may pass on the hub's own links. */
  #nextPage(response: Response): string | undefined {
    const link = /<([^>]+)>\s*;\s*rel="?next"?/.exec(
      response.headers.get("link") ?? "",
    )?.[1];
    if (link === undefined) return undefined;
    const { pathname, search } = new URL(link, this.url);
    return this.url + pathname + search;
  }
}

/** A path becomes part of an address and of keys; it must not lead elsewhere. */
function isPlainPath(path: string): boolean {
  return path.split("/").every((part) => !["", ".", ".."].includes(part));
}

async function jsonOf(
  response: Response,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  let text: string;
  try {
    text = await response.text();
  } catch (cause) {
    throw broken(response.url, cause, signal);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new ModelFetchError(
      `${response.url} did not answer with a file listing. Check the hub's address.`,
    );
  }
}

async function* chunksOf(
  address: string,
  response: Response,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    while (true) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw broken(address, cause, signal);
      });
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function broken(
  address: string,
  cause: unknown,
  signal: AbortSignal | undefined,
): unknown {
  if (signal?.aborted) return signal.reason;
  return new TemporaryFetchError(
    `The connection to ${address} broke (${reasonOf(cause)}). Load the model again to resume the download.`,
    { cause },
  );
}
