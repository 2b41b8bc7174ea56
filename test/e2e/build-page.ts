/** Builds the page once and serves it as a plain file server would, for all end-to-end tests. */
import type { AddressInfo } from "node:net";
import { build, preview } from "vite";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    pageUrl: string;
  }
}

export default async function setup({ provide }: TestProject) {
  // Vitest's own NODE_ENV would build a page for development.
  const environment = process.env.NODE_ENV;
  process.env.NODE_ENV = "production";
  await build({ logLevel: "warn" });
  process.env.NODE_ENV = environment;
  const server = await preview({ preview: { port: 0, host: "127.0.0.1" } });
  const { port } = server.httpServer.address() as AddressInfo;
  provide("pageUrl", `http://127.0.0.1:${port}/`);
  return () => server.close();
}
