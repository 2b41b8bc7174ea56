/** Which requests are answered from the cache, and with which file. All others go to the network. */
import type { PageVersion } from "./page-version";

/** The relevant parts of a request. */
export interface Asked {
  url: string;
  method: string;
  mode: Request["mode"];
  headers: Pick<Headers, "get">;
}

/** Bytes [start, end) of a file; `end` may be beyond the file's end. */
export interface Part {
  start: number;
  end: number;
}

export interface Route {
  /** Relative to the page's folder. */
  path: string;
  /** Undefined: the whole file. */
  part?: Part;
}

/** Folder of files with hashed names: one that is not of this version belongs to another. */
const HASHED = "assets/";

/**
 * The file that answers a request, if it is one of the page.
 *
 * @param scope the page's folder, as a URL that ends in a slash
 */
export function routeOf(
  { url, method, mode, headers }: Asked,
  scope: string,
  { files }: PageVersion,
): Route | undefined {
  const [address = ""] = url.split("#", 1);
  if (method !== "GET" || !address.startsWith(scope)) return undefined;
  if (mode === "navigate") {
    const [page = ""] = address.slice(scope.length).split("?", 1);
    return page === "" || page === "index.html" ? { path: "" } : undefined;
  }
  const path = address.slice(scope.length);
  const isOurs = Object.hasOwn(files, path) || path.startsWith(HASHED);
  if (!isOurs) return undefined;
  const range = headers.get("range");
  if (range === null) return { path };
  const part = partOf(range);
  return part && { path, part };
}

/** The forms of Range that ask for one part, counted from the start. */
function partOf(range: string): Part | undefined {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
  if (first === undefined) return undefined;
  const start = Number(first);
  const end = last === "" ? Infinity : Number(last) + 1;
  return start < end ? { start, end } : undefined;
}
