/** A hub with rondo-tiny on it, of another origin than the page, for tests in the browser. */
import { readdir, readFile } from "node:fs/promises";
import type { TestProject } from "vitest/node";
import { fakeHub } from "./fake-hub";

declare module "vitest" {
  export interface ProvidedContext {
    hubUrl: string;
  }
}

const FOLDER = new URL("../../public/models/rondo-tiny/", import.meta.url);

export default async function setup({ provide }: TestProject) {
  const files: Record<string, Uint8Array> = {};
  for (const name of await readdir(FOLDER))
    files[name] = await readFile(new URL(name, FOLDER));
  const hub = await fakeHub({ "rondo/tiny": files });
  // Slow enough for a test to stop it on the way.
  hub.faults.push({ path: "model.safetensors", slowMs: 2 });
  provide("hubUrl", hub.url);
  return () => hub.close();
}
