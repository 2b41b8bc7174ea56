/** The runtime's next-token distributions of a real file, against those of an exact forward pass. */
import { fit } from "../../src/engine/load/estimate-fit";
import { buildNetwork, destroyNetwork } from "../../src/engine/load/network";
import { openModel } from "../../src/engine/load/open-model";
import { Runner } from "../../src/engine/run/runner";
import type { Gpu } from "../../src/gpu/gpu";
import { placeRounds } from "../../src/memory/page-table";
import type { ModelFiles } from "../../src/model/files/model-files";
import { ROW_CAPACITY } from "../../src/model/network/workspace";
import { forward, pendingPlaces, roundsOf } from "../support/network";

export interface GoldenPrompt {
  text: string;
  tokens: number[];
  /** The likeliest tokens and their log-probabilities, falling. */
  top: [token: number, logProbability: number][];
}

export interface PromptComparison {
  tokens: number;
  /** Whether the likeliest token is the same. */
  isSameFirst: boolean;
  /** The largest difference in log-probability among the golden tokens. */
  largest: number;
  /** Their mean difference, weighted by probability. */
  mean: number;
}

export interface LogitsComparison {
  prompts: PromptComparison[];
  /** On the GPU. */
  weightBytes: number;
  /** What the plan says of them. */
  plannedBytes: number;
}

export async function compareLogits(
  gpu: Gpu,
  files: ModelFiles,
  golden: readonly GoldenPrompt[],
): Promise<LogitsComparison> {
  const { config, checkpoint } = await openModel(files, undefined);
  const made = await buildNetwork(gpu, config, checkpoint);
  const runner = new Runner(gpu, made.decoder, made.cache);
  const network = { gpu, runner, layers: config.numHiddenLayers, ...made };
  try {
    const prompts: PromptComparison[] = [];
    for (const prompt of golden) {
      const rounds = await roundsOf(network, [prompt.tokens]);
      const placed = placeRounds(rounds);
      const places = pendingPlaces(placed);
      let logits: Float32Array[] = [];
      for (let from = 0; from < places.length; from += ROW_CAPACITY)
        logits = await forward(
          network,
          placed,
          places.slice(from, from + ROW_CAPACITY),
          { splitRows: places.length },
        );
      prompts.push(compared(logits[0]!, prompt));
    }
    const { weightBytes: plannedBytes } = fit({
      config,
      tensors: checkpoint.tensors,
    });
    return { prompts, weightBytes: made.weights.bytes, plannedBytes };
  } finally {
    destroyNetwork(gpu, made);
  }
}

function compared(
  logits: Float32Array,
  { tokens, top }: GoldenPrompt,
): PromptComparison {
  let most = -Infinity;
  let first = 0;
  logits.forEach((value, token) => {
    if (value <= most) return;
    most = value;
    first = token;
  });
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - most);
  const norm = most + Math.log(sum);
  const differences = top.map(([token, expected]) => ({
    by: Math.abs(logits[token]! - norm - expected),
    weight: Math.exp(expected),
  }));
  return {
    tokens: tokens.length,
    isSameFirst: first === top[0]![0],
    largest: Math.max(...differences.map(({ by }) => by)),
    mean:
      differences.reduce((total, { by, weight }) => total + by * weight, 0) /
      differences.reduce((total, { weight }) => total + weight, 0),
  };
}
