/** Serves the files of a folder, parts of them too. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";

/** @returns its address, and the server */
export async function serveFolder(
  folder: string,
): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    void (async () => {
      const path = join(folder, basename(decodeURI(request.url ?? "/")));
      const found = await stat(path).catch(() => undefined);
      if (!found?.isFile()) return response.writeHead(404).end();
      const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
      const start = range ? Number(range[1]) : 0;
      const last = Math.min(
        range?.[2] ? Number(range[2]) : Infinity,
        found.size - 1,
      );
      response.writeHead(range ? 206 : 200, {
        "content-length": last - start + 1,
        "accept-ranges": "bytes",
        "access-control-allow-origin": "*",
        ...(range && {
          "content-range": `bytes ${start}-${last}/${found.size}`,
        }),
      });
      return createReadStream(path, { start, end: last }).pipe(response);
    })();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, server };
}
