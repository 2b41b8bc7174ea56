// The same GGUF files here and in llama.cpp: logits, and the text of a story.
import { afterEach, expect, test } from "vitest";
import { buildNetwork, destroyNetwork } from "../../../src/engine/load/network";
import { Runner } from "../../../src/engine/run/runner";
import { placeRounds } from "../../../src/memory/page-table";
import { readConfig } from "../../../src/model/config/config";
import { openGguf } from "../../../src/model/gguf/gguf";
import type { ModelFiles } from "../../../src/model/files/model-files";
import { sha256 } from "../../../src/util/hash";
import golden from "../../golden/llama-cpp.json";
import { stories260KFiles } from "../../golden/stories260K";
import { testGpu } from "../../support/gpu";
import { memoryFiles } from "../../support/memory-files";
import {
  forward,
  pendingPlaces,
  roundsOf,
  type TestNetwork,
} from "../../support/network";
import { FIRST_KEPT, oracleModels } from "../../support/oracle-models";

const gpu = await testGpu();
const networks: TestNetwork[] = [];

afterEach(() => {
  for (const network of networks.splice(0)) destroyNetwork(gpu, network);
});

/** The network of a GGUF file, as an engine loads it. */
async function networkOf(folder: ModelFiles, file: string) {
  const gguf = await openGguf(folder, file);
  const text = await gguf.files.text("config.json");
  const config = readConfig(JSON.parse(text!));
  const checkpoint = gguf.checkpoint(config);
  const options = { kvFormat: "f32", weightBits: 16 } as const;
  const made = await buildNetwork(gpu, config, checkpoint, options);
  const runner = new Runner(gpu, made.decoder, made.cache);
  const layers = config.numHiddenLayers;
  const network = { gpu, runner, layers, ...made };
  networks.push(network);
  return network;
}

/** What tells distributions apart, as one number: rows less their means, as one vector each. */
function cosine(a: readonly number[][], b: readonly number[][]): number {
  const flat = (rows: readonly number[][]) =>
    rows.flatMap((row) => {
      const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
      return row.map((value) => value - mean);
    });
  const [x, y] = [flat(a), flat(b)];
  const dot = (u: number[], v: number[]) =>
    u.reduce((sum, value, i) => sum + value * v[i]!, 0);
  return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
}

function logSoftmax(logits: Float32Array): number[] {
  const most = Math.max(...logits);
  const sum = logits.reduce(
    (total, value) => total + Math.exp(value - most),
    0,
  );
  return Array.from(logits, (value) => value - most - Math.log(sum));
}

function likeliest(row: readonly number[]): number {
  return row.indexOf(Math.max(...row));
}

/** llama.cpp rounds activations too where weights are quantised, to 8 bit. */
const LEAST: Record<string, number> = {
  F32: 0.9999999,
  Q8_0: 0.999,
  Q4_0: 0.999,
  Q4_K_M: 0.999,
  mixed: 0.999,
};

test.each(oracleModels().map((model) => [model.name, model] as const))(
  "%s",
  async (name, { file, tokens }) => {
    const { sha256: hash, logProbabilities: expected } =
      golden.models[name as keyof typeof golden.models];
    expect(await sha256(file)).toBe(hash);
    const network = await networkOf(memoryFiles({ "m.gguf": file }), "m.gguf");
    const placed = placeRounds(await roundsOf(network, [tokens]), 0);
    const asked = tokens.length - FIRST_KEPT;
    const logits = await forward(network, placed, pendingPlaces(placed), {
      asked,
    });
    const got = logits.map(logSoftmax);
    const likeness = cosine(got, expected);
    const agreeing = got.filter(
      (row, i) => likeliest(row) === likeliest(expected[i]!),
    ).length;
    console.info(
      `${name}: cosine ${likeness.toFixed(6)}, top 1 the same in ${agreeing} of ${asked}`,
    );
    expect(likeness).toBeGreaterThan(LEAST[name.split(" ")[1]!]!);
    if (name.endsWith("F32")) expect(agreeing).toBe(asked);
  },
);

test("stories260K tells the same story, token for token", async () => {
  const response = await fetch(stories260KFiles.gguf);
  const file = new Uint8Array(await response.arrayBuffer());
  const network = await networkOf(memoryFiles({ "s.gguf": file }), "s.gguf");
  const tokens = [1];
  const placed = placeRounds(
    await roundsOf(network, [[...tokens, ...golden.stories.slice(0, -1)]]),
    0,
  );
  const places = pendingPlaces(placed);
  for (let i = 0; i < golden.stories.length; i += 16) {
    const rows = places.slice(i, i + 16);
    const logits = await forward(network, placed, rows, {
      asked: rows.length,
      splitRows: 16,
    });
    for (const row of logits) tokens.push(row.indexOf(Math.max(...row)));
  }
  expect(tokens.slice(1)).toEqual(golden.stories);
});
