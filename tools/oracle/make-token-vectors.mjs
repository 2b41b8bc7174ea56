// What llama.cpp's tokenizer makes of texts with the vocabularies of test/support/sentencepiece-vocabulary.ts and
// test/support/byte-vocabulary.ts: written to test/golden/llama-cpp-tokens.json. Needed again only when those change.
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
/** @type {typeof import("../../test/support/byte-vocabulary")} */
const { byteVocabulary, PRE_NAMES, WORDS } = await server.ssrLoadModule(
  "/test/support/byte-vocabulary.ts",
);
/** @type {typeof import("../../test/support/gguf-file")} */
const { ggufFile } = await server.ssrLoadModule("/test/support/gguf-file.ts");
const folder = mkdtempSync(join(tmpdir(), "rondo-oracle-"));

/** What a vocabulary makes of texts; tokens that mark turns are only found where `hasMarks`. */
async function idsOf(vocabulary, ...groups) {
  const metadata = [
    ["general.architecture", ["string", "llama"]],
    ...vocabulary,
  ];
  const path = join(folder, "vocabulary.gguf");
  writeFileSync(path, ggufFile({ metadata }));
  const model = await llama.loadModel({ modelPath: path, vocabOnly: true });
  const ids = groups.map(({ texts, hasMarks }) =>
    texts.map((text) => [...model.tokenize(text, hasMarks)]),
  );
  await model.dispose();
  return ids;
}

const vectors = { words: {} };
for (const [name, hasLead] of [
  ["withLead", true],
  ["withoutLead", false],
]) {
  const [texts, turns] = await idsOf(
    sentencePieceVocabulary(hasLead),
    { texts: TEXTS, hasMarks: false },
    { texts: TURNS, hasMarks: true },
  );
  vectors[name] = { texts, turns };
}
for (const pre of PRE_NAMES)
  [vectors.words[pre]] = await idsOf(byteVocabulary(pre), {
    texts: WORDS,
    hasMarks: false,
  });
writeFileSync(
  join(root, "test/golden/llama-cpp-tokens.json"),
  JSON.stringify({
    madeBy: "tools/oracle/make-token-vectors.mjs, node-llama-cpp 3.21.1",
    ...vectors,
  }) + "\n",
);
await server.close();
process.exit(0);
