/** A copy of the built page on a server of its own, both to be changed and taken away. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { listPageFiles } from "../../tools/service-worker.mjs";

const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
};

export class BuildServer {
  readonly folder: string;
  #server: Server | undefined;
  #port = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async start(): Promise<BuildServer> {
    const folder = await mkdtemp(join(tmpdir(), "rondo-build-"));
    await cp("dist/page", folder, { recursive: true });
    const server = new BuildServer(folder);
    await server.#listen();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** Changes a file; what the list of the page's files says of it is out of date until `list` is called. */
  async edit(path: string, change: (text: string) => string): Promise<void> {
    const file = join(this.folder, path);
    await writeFile(file, change(await readFile(file, "utf8")));
  }

  /** Makes a version of the page of what is there. */
  list(): void {
    listPageFiles(this.folder);
  }

  async lose(path: string): Promise<void> {
    await rm(join(this.folder, path));
  }

  /** Nobody listens there any more. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true });
  }

  #listen(): Promise<void> {
    this.#server = createServer((request, response) => {
      const { pathname } = new URL(request.url!, this.url);
      const path = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
      readFile(join(this.folder, path)).then(
        (bytes) => {
          const type = TYPES[extname(path)] ?? "application/octet-stream";
          response.writeHead(200, { "content-type": type }).end(bytes);
        },
        () => response.writeHead(404).end(),
      );
    });
    return new Promise((resolve) =>
      this.#server!.listen(this.#port, "127.0.0.1", () => {
        this.#port = (this.#server!.address() as AddressInfo).port;
        resolve();
      }),
    );
  }
}
