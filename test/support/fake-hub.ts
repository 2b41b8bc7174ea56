/**
 * A hub on localhost that behaves like the real one: a paged listing, small files from the hub itself, large ones
 * by a redirect to another origin, the headers of both, and CORS; with faults to switch on.
 */
import { createHash } from "node:crypto";
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

export interface HubRequest {
  /** `hub` lists and answers small files, `cdn` has the large ones. */
  from: "hub" | "cdn";
  method: string;
  /** "api" for the listing, else the file's path. */
  path: string;
  /** The first byte asked for; 0 where all are. */
  start: number;
  /** The byte behind the last one asked for; Infinity where all are. */
  end: number;
  /** Bytes of a body that were sent. */
  sentBytes: number;
  headers: IncomingMessage["headers"];
}

/** A fault, and how often it occurs. Without `times` it stays. */
export interface Fault {
  /** Where it happens: a file's path, or "api". Default: any file. */
  path?: string;
  times?: number;
  /** Requests to let pass first. */
  after?: number;
  /** Breaks the connection behind this byte of the file. */
  cutAtByte?: number;
  /** Ends the body cleanly at this byte of the file. */
  endAtByte?: number;
  /** Turns this byte of the file into another. */
  flipByte?: number;
  status?: number;
  headers?: OutgoingHttpHeaders;
  /** Waits before each piece of a body. */
  slowMs?: number;
  /** Runs before the request is answered: a change on the hub. */
  meanwhile?: () => void;
}

export interface FakeHub {
  url: string;
  /** Where large files are redirected to. */
  cdnUrl: string;
  /** Its files, by repository and path: a change makes another commit. */
  repositories: Record<string, Record<string, Uint8Array>>;
  requests: HubRequest[];
  faults: Fault[];
  /** Entries of a page of the listing. Default 1000. */
  pageEntries: number;
  /** Files of at least so many bytes are large: listed with their SHA-256, and behind the redirect. */
  largeBytes: number;
  /** Whether ranges are answered. */
  hasRanges: boolean;
  close(): Promise<void>;
}

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers":
    "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash",
};
const PIECE_BYTES = 4096;

export async function fakeHub(
  repositories: FakeHub["repositories"],
): Promise<FakeHub> {
  const hub: FakeHub = {
    url: "",
    cdnUrl: "",
    repositories,
    requests: [],
    faults: [],
    pageEntries: 1000,
    largeBytes: 10_000,
    hasRanges: true,
    async close() {
      for (const server of [front, cdn]) {
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
      }
    },
  };
  const front = await listen((request, response) =>
    answerHub(hub, request, response),
  );
  const cdn: Server = await listen((request, response) => {
    const [, org, name, ...rest] = pathOf(request);
    const path = rest.join("/");
    const content = hub.repositories[`${org!}/${name!}`]?.[path];
    if (content === undefined) response.writeHead(404, CORS).end();
    else answerFile(hub, "cdn", path, content, {}, request, response);
  });
  hub.url = addressOf(front);
  hub.cdnUrl = addressOf(cdn);
  return hub;
}

function answerHub(
  hub: FakeHub,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const parts = pathOf(request).slice(1);
  if (request.method === "OPTIONS") {
    note(hub, "hub", parts.join("/"), request);
    response.writeHead(204, {
      ...CORS,
      "access-control-allow-headers": "authorization",
    });
    response.end();
    return;
  }
  // Not the real hub's: tells a test's page what was requested.
  if (parts[0] === "requests") {
    response.writeHead(200, { ...CORS, "content-type": "application/json" });
    response.end(JSON.stringify(hub.requests.splice(0)));
    return;
  }
  if (parts[0] === "api") return answerListing(hub, parts, request, response);
  const repository = `${parts[0]!}/${parts[1]!}`;
  const path = parts.slice(4).join("/");
  const files = hub.repositories[repository];
  const content = files?.[path];
  if (files === undefined || content === undefined) {
    note(hub, "hub", path, request);
    const code = files === undefined ? "RepoNotFound" : "EntryNotFound";
    const status = files === undefined ? 401 : 404;
    response.writeHead(status, { ...CORS, "x-error-code": code });
    response.end(code);
    return;
  }
  const headers = { "x-repo-commit": commitOf(files) };
  if (content.length < hub.largeBytes)
    return answerFile(hub, "hub", path, content, headers, request, response);
  if (fails(hub, "hub", path, request, response)) return;
  response.writeHead(302, {
    ...CORS,
    ...headers,
    "x-linked-size": content.length,
    "x-linked-etag": `"${hashOf(content, "sha256")}"`,
    location: `${hub.cdnUrl}/${repository}/${path}`,
  });
  response.end();
}

function answerListing(
  hub: FakeHub,
  parts: string[],
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const noted = note(hub, "hub", "api", request);
  const fault = take(hub, "api", noted);
  if (fault?.status !== undefined) return refuse(fault, response);
  const repository = `${parts[2]!}/${parts[3]!}`;
  const files = hub.repositories[repository];
  if (files === undefined) {
    response.writeHead(401, { ...CORS, "x-error-code": "RepoNotFound" });
    response.end('{"error":"Invalid username or password."}');
    return;
  }
  const url = new URL(request.url!, hub.url);
  const first = Number(url.searchParams.get("cursor") ?? 0);
  const entries = Object.entries(files).map(([path, content]) => ({
    type: "file",
    path,
    size: content.length,
    oid: hashOf(content, "sha1"),
    ...(content.length >= hub.largeBytes && {
      lfs: {
        oid: hashOf(content, "sha256"),
        size: content.length,
        pointerSize: 134,
      },
    }),
  }));
  const next = first + hub.pageEntries;
  if (next < entries.length) {
    url.searchParams.set("cursor", String(next));
    response.setHeader("link", `<${url.href}>; rel="next"`);
  }
  response.writeHead(200, { ...CORS, "content-type": "application/json" });
  response.end(
    JSON.stringify([
      { type: "directory", path: "folder", size: 0, oid: "" },
      ...entries.slice(first, next),
    ]),
  );
}

function answerFile(
  hub: FakeHub,
  from: HubRequest["from"],
  path: string,
  content: Uint8Array,
  headers: OutgoingHttpHeaders,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const fault = fails(hub, from, path, request, response);
  if (fault === true) return;
  const noted = hub.requests.at(-1)!;
  const range = hub.hasRanges
    ? /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "")
    : null;
  const start = range ? Number(range[1]) : 0;
  const end = range
    ? Math.min(Number(range[2]) + 1, content.length)
    : content.length;
  const total = content.length;
  if (start >= total && total > 0) {
    response.writeHead(416, { ...CORS, "content-range": `bytes */${total}` });
    response.end();
    return;
  }
  const body = content.slice(start, end);
  const { flipByte, slowMs, cutAtByte, endAtByte } = fault ?? {};
  if (flipByte !== undefined && flipByte >= start && flipByte < end)
    body[flipByte - start]! ^= 1;
  const isCut = cutAtByte !== undefined && cutAtByte < end;
  const stopAt = Math.min(cutAtByte ?? end, endAtByte ?? end, end) - start;
  response.writeHead(range ? 206 : 200, {
    ...CORS,
    etag: `"${hashOf(content, "sha1")}"`,
    "content-type": "application/octet-stream",
    "accept-ranges": "bytes",
    ...(endAtByte === undefined && { "content-length": body.length }),
    ...(range && { "content-range": `bytes ${start}-${end - 1}/${total}` }),
    ...headers,
    ...fault?.headers,
  });
  void send(body.subarray(0, Math.max(0, stopAt)), isCut);

  async function send(bytes: Uint8Array, isCut: boolean): Promise<void> {
    response.flushHeaders();
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      if (slowMs !== undefined)
        await new Promise((done) => setTimeout(done, slowMs));
      if (response.destroyed) return;
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      response.write(piece);
      noted.sentBytes += piece.length;
    }
    if (!isCut) response.end();
    else setTimeout(() => response.destroy(), 5);
  }
}

/** Records a request for a file. True if a fault has answered it; else the fault that shapes the answer. */
function fails(
  hub: FakeHub,
  from: HubRequest["from"],
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): true | Fault | undefined {
  const noted = note(hub, from, path, request);
  const isRedirect =
    from === "hub" &&
    Object.values(hub.repositories).some(
      (files) => (files[path]?.length ?? 0) >= hub.largeBytes,
    );
  // Of the two requests for a large file, the second one fails.
  if (isRedirect) return undefined;
  const fault = take(hub, path, noted);
  if (fault?.status === undefined) return fault;
  refuse(fault, response);
  return true;
}

function refuse({ status, headers }: Fault, response: ServerResponse): void {
  response.writeHead(status!, { ...CORS, ...headers });
  response.end("refused");
}

/** The fault that this request meets. */
function take(
  hub: FakeHub,
  path: string,
  { start, end }: HubRequest,
): Fault | undefined {
  const fault = hub.faults.find(({ times, path: at, ...fault }) => {
    const byte = fault.cutAtByte ?? fault.endAtByte ?? fault.flipByte;
    return (
      times !== 0 &&
      (at === undefined ? path !== "api" : at === path) &&
      (byte === undefined || (byte >= start && byte < end))
    );
  });
  if (fault === undefined) return undefined;
  if (fault.after !== undefined && fault.after > 0) {
    fault.after--;
    return undefined;
  }
  if (fault.times !== undefined) fault.times--;
  fault.meanwhile?.();
  return fault;
}

function note(
  hub: FakeHub,
  from: HubRequest["from"],
  path: string,
  { method = "", headers }: IncomingMessage,
): HubRequest {
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "");
  const start = range ? Number(range[1]) : 0;
  const end = range ? Number(range[2]) + 1 : Infinity;
  const noted = { from, method, path, start, end, sentBytes: 0, headers };
  hub.requests.push(noted);
  return noted;
}

function commitOf(files: Record<string, Uint8Array>): string {
  const hash = createHash("sha1");
  for (const [path, content] of Object.entries(files))
    hash.update(path).update(hashOf(content, "sha1"));
  return hash.digest("hex");
}

/** Of a file, once: some are large. */
const hashes = new WeakMap<Uint8Array, Map<string, string>>();

function hashOf(content: Uint8Array, algorithm: string): string {
  const known = hashes.get(content) ?? new Map<string, string>();
  hashes.set(content, known);
  const hash =
    known.get(algorithm) ?? createHash(algorithm).update(content).digest("hex");
  known.set(algorithm, hash);
  return hash;
}

function pathOf(request: IncomingMessage): string[] {
  const { pathname } = new URL(request.url!, "http://localhost");
  return decodeURIComponent(pathname).split("/");
}

async function listen(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return server;
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
