/** The built library and what stands on it, as a plain file server gives them, and what a page complains of. */
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright";

const TYPES: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

/** The repository's folder. */
const root = fileURLToPath(new URL("../..", import.meta.url));

export interface FileServer {
  /** Ends in a slash. */
  url: string;
  close(): void;
}

/**
 * Serves a folder of the repository.
 *
 * @param pages HTML that is served, too, by its path
 */
export async function serveFolder(
  folder: string,
  headers: Record<string, string> = {},
  pages: Record<string, string> = {},
): Promise<FileServer> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const page = pages[pathname];
    if (page !== undefined) {
      response.writeHead(200, { "content-type": "text/html", ...headers });
      response.end(page);
      return;
    }
    const file = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
    const path = join(root, folder, normalize(decodeURIComponent(file)));
    stat(path)
      .then((file) => {
        if (!file.isFile()) throw new Error(`${path} is no file.`);
        response.writeHead(200, {
          "content-type": TYPES[extname(path)] ?? "application/octet-stream",
          "content-length": file.size,
          ...headers,
        });
        createReadStream(path).pipe(response);
      })
      .catch(() => response.writeHead(404).end());
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** What a page complains of: its console's errors and warnings, what was thrown, what its policy forbade. */
export async function complaintsOf(page: Page): Promise<string[]> {
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()))
      complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.exposeFunction("reportViolation", (violation: string) =>
    complaints.push(violation),
  );
  await page.addInitScript(() =>
    addEventListener("securitypolicyviolation", (event) => {
      const { blockedURI, sourceFile, violatedDirective } = event;
      const { reportViolation } = globalThis as unknown as {
        reportViolation: (violation: string) => void;
      };
      reportViolation(
        `${violatedDirective} forbids ${blockedURI} (${sourceFile})`,
      );
    }),
  );
  return complaints;
}
