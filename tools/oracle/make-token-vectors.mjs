// What llama.cpp's tokenizer makes of texts with the vocabularies of test/support/sentencepiece-vocabulary.ts:
// written to test/golden/llama-cpp-tokens.json. Needed again only when those change.
//
//   cd tools/oracle && npm i --omit=optional --ignore-scripts && node make-token-vectors.mjs
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { createServer } from "vite";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const llama = await getLlama({
  gpu: false,
  build: "never",
  skipDownload: true,
  // It complains that the file has a vocabulary and no network.
  logLevel: LlamaLogLevel.disabled,
  progressLogs: false,
});
const server = await createServer({
  root,
  logLevel: "error",
  server: { middlewareMode: true, hmr: false, ws: false },
});
/** @type {typeof import("../../test/support/sentencepiece-vocabulary")} */
const { sentencePieceVocabulary, TEXTS, TURNS } = await server.ssrLoadModule(
  "/test/support/sentencepiece-vocabulary.ts",
);
/** @type {typeof import("../../test/support/gguf-file")} */
const { ggufFile } = await server.ssrLoadModule("/test/support/gguf-file.ts");
const folder = mkdtempSync(join(tmpdir(), "rondo-oracle-"));

const vectors = {};
for (const [name, hasLead] of [
  ["withLead", true],
  ["withoutLead", false],
]) {
  const metadata = [
    ["general.architecture", ["string", "llama"]],
    ...sentencePieceVocabulary(hasLead),
  ];
  const path = join(folder, `${name}.gguf`);
  writeFileSync(path, ggufFile({ metadata }));
  const model = await llama.loadModel({ modelPath: path, vocabOnly: true });
  const idsOf = (text, hasMarks) => [...model.tokenize(text, hasMarks)];
  vectors[name] = {
    texts: TEXTS.map((text) => idsOf(text, false)),
    turns: TURNS.map((text) => idsOf(text, true)),
  };
  await model.dispose();
}
writeFileSync(
  join(root, "test/golden/llama-cpp-tokens.json"),
  JSON.stringify({
    madeBy: "tools/oracle/make-token-vectors.mjs, node-llama-cpp 3.21.1",
    ...vectors,
  }) + "\n",
);
await server.close();
process.exit(0);
