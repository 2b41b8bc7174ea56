// What llama.cpp makes of the models of test/support/oracle-models.ts, and of stories260K: written to
// test/golden/llama-cpp.json, which tests hold the runtime against. Needed again only when those models change.
//
//   cd tools/oracle && npm i --omit=optional --ignore-scripts && node make-vectors.mjs
import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { createServer } from "vite";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const STORY_TOKENS = 200;

const llama = await getLlama({
  gpu: false,
  build: "never",
  skipDownload: true,
  logLevel: LlamaLogLevel.error,
  progressLogs: false,
});
const server = await createServer({
  root,
  logLevel: "error",
  server: { middlewareMode: true, hmr: false, ws: false },
});
/** @type {typeof import("../../test/support/oracle-models")} */
const { oracleModels, FIRST_KEPT } = await server.ssrLoadModule(
  "/test/support/oracle-models.ts",
);
const folder = mkdtempSync(join(tmpdir(), "rondo-oracle-"));

const models = {};
for (const { name, file, tokens } of oracleModels()) {
  const path = join(folder, "model.gguf");
  writeFileSync(path, file);
  const distributions = await evaluate(path, tokens);
  models[name] = {
    sha256: createHash("sha256").update(file).digest("hex"),
    logProbabilities: distributions
      .slice(FIRST_KEPT)
      .map((row) => row.map((value) => Number(value.toPrecision(6)))),
  };
  console.log(name, distributions.at(-1).slice(0, 4));
}
const stories = await greedy(
  join(root, "test/golden/stories260K/stories260Ktok512.gguf"),
);
writeFileSync(
  join(root, "test/golden/llama-cpp.json"),
  JSON.stringify({
    madeBy: "tools/oracle/make-vectors.mjs, node-llama-cpp 3.21.1 on the CPU",
    models,
    stories,
  }) + "\n",
);
await server.close();
process.exit(0);

async function sequenceOf(path) {
  const model = await llama.loadModel({
    modelPath: path,
    useMmap: false,
    gpuLayers: 0,
  });
  const context = await model.createContext({
    contextSize: 512,
    batchSize: 512,
    threads: 2,
    flashAttention: false,
    experimentalKvCacheKeyType: "F32",
    experimentalKvCacheValueType: "F32",
  });
  return { model, context, sequence: context.getSequence() };
}

/** Log-probabilities of all tokens, behind each of these. */
async function evaluate(path, tokens) {
  const { model, context, sequence } = await sequenceOf(path);
  const options = { temperature: 1, topK: 0, topP: 1, minP: 0 };
  const generateNext = { probabilities: true, options };
  const results = await sequence.controlledEvaluate(
    tokens.map((token) => [token, { generateNext }]),
  );
  const rows = results.map(({ next }) => {
    const row = Array(512).fill(-Infinity);
    for (const [token, probability] of next.probabilities)
      row[token] = Math.log(probability);
    return row;
  });
  await context.dispose();
  await model.dispose();
  return rows;
}

/** The likeliest token again and again, from BOS on. */
async function greedy(path) {
  const { sequence } = await sequenceOf(path);
  const tokens = [];
  for await (const token of sequence.evaluate([1], {
    temperature: 0,
    yieldEogToken: true,
  })) {
    tokens.push(token);
    if (tokens.length === STORY_TOKENS) break;
  }
  return tokens;
}
