/**
 * The page's files in the browser's cache, one cache per version: a new version is complete before it is used, and
 * the version of an open page stays until that page is closed.
 */
import type { PageVersion } from "./page-version";
import type { Part } from "./route";

export interface PageCacheOptions {
  version: PageVersion;
  /** The page's folder, as a URL that ends in a slash. */
  scope: string;
  /** Default: the platform's. */
  caches?: Pick<CacheStorage, "open" | "keys" | "delete">;
  fetch?: typeof globalThis.fetch;
}

export class PageCache {
  readonly #version: PageVersion;
  readonly #scope: string;
  readonly #caches: Pick<CacheStorage, "open" | "keys" | "delete">;
  readonly #fetch: typeof globalThis.fetch;
  /** Pages in other folders of the site have other names. */
  readonly #prefix: string;

  constructor({
    version,
    scope,
    caches = globalThis.caches,
    fetch = globalThis.fetch.bind(globalThis),
  }: PageCacheOptions) {
    this.#version = version;
    this.#scope = scope;
    this.#caches = caches;
    this.#fetch = fetch;
    this.#prefix = `rondo-page ${scope} `;
  }

  /**
   * Downloads all files of this version; unchanged ones are copied from other versions.
   *
   * @throws TypeError where a file is missing or has changed
   */
  async install(): Promise<void> {
    const cache = await this.#caches.open(this.#name);
    const others = await this.#others();
    await Promise.all(
      Object.entries(this.#version.files).map(async ([path, integrity]) => {
        const url = this.#urlOf(path);
        for (const one of [cache, ...others]) {
          const kept = await one.match(url);
          if (kept === undefined || (await hashOf(kept.clone())) !== integrity)
            continue;
          if (one !== cache) await cache.put(url, kept);
          return;
        }
        await cache.put(url, await this.#download(url, integrity));
      }),
    );
  }

  /** A cached file; undefined where it is missing or can't be read. */
  async read(path: string, part?: Part): Promise<Response | undefined> {
    try {
      const own = await this.#caches.open(this.#name);
      for (const cache of [own, ...(await this.#others())]) {
        const kept = await cache.match(this.#urlOf(path));
        if (kept !== undefined) return part ? await cut(kept, part) : kept;
      }
    } catch {
      // Deleted by the browser: the network has it too.
    }
    return undefined;
  }

  /** Whether another version is cached too. */
  async hasOthers(): Promise<boolean> {
    return (await this.#otherNames()).length > 0;
  }

  /** Deletes all versions but this one. */
  async deleteOthers(): Promise<void> {
    const names = await this.#otherNames();
    await Promise.all(names.map((name) => this.#caches.delete(name)));
  }

  /** Bypasses the HTTP cache, which may still have the previous version's file. */
  async #download(url: string, integrity: string): Promise<Response> {
    const response = await this.#fetch(url, {
      cache: "no-cache",
      integrity,
      redirect: "error",
    });
    if (response.ok) return response;
    throw new TypeError(`${url} answered with status ${response.status}.`);
  }

  /** The newest first. */
  async #others(): Promise<Cache[]> {
    const names = await this.#otherNames();
    return Promise.all(
      names.toReversed().map((name) => this.#caches.open(name)),
    );
  }

  async #otherNames(): Promise<string[]> {
    const names = await this.#caches.keys();
    return names.filter(
      (name) => name.startsWith(this.#prefix) && name !== this.#name,
    );
  }

  get #name(): string {
    return this.#prefix + this.#version.name;
  }

  #urlOf(path: string): string {
    return this.#scope + path;
  }
}

async function hashOf(response: Response): Promise<string> {
  const bytes = await response.arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha256-${btoa(String.fromCharCode(...digest))}`;
}

/** A part of a file, as a server would answer a Range request. */
async function cut(
  response: Response,
  { start, end }: Part,
): Promise<Response> {
  const file = await response.blob();
  const type = response.headers.get("content-type") ?? "";
  if (start >= file.size)
    return new Response(null, {
      status: 416,
      headers: { "content-range": `bytes */${file.size}` },
    });
  const part = file.slice(start, Math.min(end, file.size), type);
  const last = start + part.size - 1;
  return new Response(part, {
    status: 206,
    headers: {
      "content-length": String(part.size),
      "content-range": `bytes ${start}-${last}/${file.size}`,
      "content-type": type,
    },
  });
}
