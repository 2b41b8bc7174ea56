/**
 * Retrieval heads of known models, found by `npm run calibrate`. A fine-tuned model keeps its base model's
 * (arXiv 2404.15574), so they are listed by the shape of the network.
 */
import type { ModelConfig } from "../../model/config/computable";
import type { RoundIndex } from "../../model/config/round-index";

type Shape = Pick<
  ModelConfig,
  | "numHiddenLayers"
  | "numAttentionHeads"
  | "numKeyValueHeads"
  | "hiddenSize"
  | "headDim"
>;

/** A chat of so many tokens is read whole: choosing would spare nothing that a user feels. */
export const WHOLE_TOKENS = 512;

const KNOWN: Readonly<Record<string, RoundIndex>> = {
  // SmolLM2-135M, SmolLM-135M
  "30 9 3 576 64": {
    heads: [
      { layer: 15, head: 7 },
      { layer: 9, head: 2 },
    ],
    how: "greatest",
    noise: [
      [12, 0.141],
      [24, 0.067],
    ],
    wholeTokens: WHOLE_TOKENS,
  },
  // Gemma 3 270M: of the layers without a window
  "18 4 1 640 256": {
    heads: [{ layer: 5, head: 3 }],
    how: "sum",
    noise: [[24, 0.063]],
    wholeTokens: WHOLE_TOKENS,
  },
  // Qwen2.5-0.5B, also Coder
  "24 14 2 896 64": {
    heads: [{ layer: 11, head: 2 }],
    how: "greatest",
    noise: [
      [12, 0.051],
      [24, 0.052],
    ],
    wholeTokens: WHOLE_TOKENS,
  },
};

/** Undefined for a model that is not known. */
export function knownHeads(shape: Shape): RoundIndex | undefined {
  return KNOWN[shapeName(shape)];
}

/** Layers, query heads, KV heads, hidden size and head size: what `KNOWN` lists a model by. */
function shapeName({
  numHiddenLayers,
  numAttentionHeads,
  numKeyValueHeads,
  hiddenSize,
  headDim,
}: Shape): string {
  return [
    numHiddenLayers,
    numAttentionHeads,
    numKeyValueHeads,
    hiddenSize,
    headDim,
  ].join(" ");
}
