/** Serves a model's folder over real HTTP on localhost, imitating various servers. */
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

export interface ModelServer {
  /** The folder's address, with a slash at its end. */
  url: string;
  /** "file range" of each request, in order. */
  requests: string[];
  close(): Promise<void>;
}

export interface Manners {
  /** Whether Range is answered with 206; otherwise the whole file comes with 200. Default true. */
  hasRanges?: boolean;
  /** Breaks the connection after so many bytes of a body. */
  cutAfterBytes?: number;
  /** Ends the body cleanly after so many bytes, as a truncated copy of the file would. */
  endAfterBytes?: number;
  /** Answers missing files with this status and an HTML page. Default 404. */
  missingStatus?: number;
}

export async function serveModel(
  contents: Record<string, Uint8Array | string>,
  manners: Manners = {},
): Promise<ModelServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const file = decodeURIComponent(request.url!.replace("/models/tiny/", ""));
    requests.push(`${file} ${request.headers.range ?? "whole"}`);
    const content = contents[file];
    if (content === undefined) {
      response.writeHead(manners.missingStatus ?? 404, {
        "content-type": "text/html",
      });
      response.end("<!doctype html><title>Not here</title>");
    } else {
      answer(request, response, Buffer.from(content), manners);
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/models/tiny/`,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  content: Buffer,
  manners: Manners,
): void {
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  const isPart = range !== null && manners.hasRanges !== false;
  const start = isPart ? Number(range[1]) : 0;
  const end = isPart
    ? Math.min(Number(range[2]) + 1, content.length)
    : content.length;
  const total = content.length;
  if (isPart && start >= total) {
    response.writeHead(416, { "content-range": `bytes */${total}` }).end();
    return;
  }
  const body = content.subarray(start, end);
  if (manners.endAfterBytes !== undefined) {
    response.writeHead(200);
    response.end(body.subarray(0, manners.endAfterBytes));
    return;
  }
  response.writeHead(isPart ? 206 : 200, {
    "content-length": body.length,
    ...(isPart
      ? { "content-range": `bytes ${start}-${end - 1}/${total}` }
      : {}),
  });
  if (
    manners.cutAfterBytes === undefined ||
    manners.cutAfterBytes >= body.length
  ) {
    response.end(body);
  } else {
    response.write(body.subarray(0, manners.cutAfterBytes), () => {
      setTimeout(() => response.destroy(), 20);
    });
  }
}
