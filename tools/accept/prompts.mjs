// Writes what the real models are asked, as tokens, to out/accept/: the input of exact.py.
//
//   node tools/accept/prompts.mjs FOLDER [smollm2] [qwen] [gemma]
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createServer } from "vite";
import { root } from "../setup.mjs";
import { fetchModels } from "./fetch.mjs";
import { acceptedModels } from "./models.mjs";

const [folder = "out/models", ...wanted] = process.argv.slice(2);
const keys = wanted.length > 0 ? wanted : Object.keys(acceptedModels);
await fetchModels(resolve(folder), keys);
const server = await createServer({
  root,
  logLevel: "error",
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
});
const { askedOf } = /** @type {typeof import("../../test/accept/prompts")} */ (
  await server.ssrLoadModule("/test/accept/prompts.ts")
);
const { diskFiles } =
  /** @type {typeof import("../../test/bench/disk-files")} */ (
    await server.ssrLoadModule("/test/bench/disk-files.ts")
  );
mkdirSync(join(root, "out/accept"), { recursive: true });
for (const key of keys) {
  const { file } = /** @type {{ file: string }} */ (acceptedModels[key]);
  const asked = await askedOf(diskFiles(join(resolve(folder), file)), file);
  const path = join(root, "out/accept", `${key}.json`);
  writeFileSync(path, JSON.stringify(asked));
  console.log(
    path,
    asked.prompts.map(({ tokens }) => tokens.length),
  );
}
await server.close();
