// What is said of weights that no binding of the GPU takes; the GPU is a fake that only keeps books.
import { describe, expect, test } from "vitest";
import { readConfig } from "../../../src/model/config/config";
import type { WeightBits } from "../../../src/model/weights/matrix-format";
import { loadWeights } from "../../../src/model/weights/weights";
import { OutOfMemoryError } from "../../../src/util/errors";
import { randomModel } from "../../fixtures/random-model";
import { fakeGpu } from "../../support/fake-gpu";
import { memoryCheckpoint } from "../../support/tensors";

const model = randomModel({
  hiddenSize: 64,
  intermediateSize: 160,
  vocabSize: 1024,
  type: "BF16",
});
const config = readConfig(model.config);
/** Gate and up: [2 · 160, 64]. */
const GATED_VALUES = 2 * 160 * 64;

/** Loads the model on a GPU that binds so many bytes; says whether anything of it was read. */
function load(bufferBytes: number, bits: WeightBits = 16) {
  const gpu = fakeGpu({ bufferBytes });
  const checkpoint = memoryCheckpoint(model.tensors);
  let isRead = false;
  const read = () => {
    isRead = true;
    return { async *[Symbol.asyncIterator]() {} };
  };
  return {
    gpu,
    weights: loadWeights(gpu, config, { ...checkpoint, read }, { bits }),
    isRead: () => isRead,
  };
}

describe("a matrix of a layer that no binding takes", () => {
  test("is refused before anything of the model is read, and leaves nothing on the GPU", async () => {
    const { gpu, weights, isRead } = load(GATED_VALUES * 2 - 1);
    await expect(weights).rejects.toThrow(OutOfMemoryError);
    await expect(weights).rejects.toThrow(
      /\(layer 0 gate and up\) take 40960 bytes, and this GPU binds at most 40959 at once.*8-bit weights/,
    );
    expect(isRead()).toBe(false);
    expect(gpu.ledger.totalBytes).toBe(0);
  });

  test("is taken at fewer bits, which the refusal proposes", async () => {
    const bindings: [number, WeightBits, WeightBits][] = [
      [GATED_VALUES, 16, 8],
      [GATED_VALUES / 2, 16, 4],
      [GATED_VALUES / 2, 8, 4],
    ];
    for (const [bytes, bits, fewer] of bindings) {
      await expect(load(bytes, bits).weights).rejects.toThrow(
        `Load the model with ${fewer}-bit weights`,
      );
      const { weights } = load(bytes, fewer);
      const { gateUp } = (await weights).layers[0]!;
      expect(gateUp.parts).toHaveLength(1);
    }
  });

  test("is no model for this GPU where fewer bits do not help", async () => {
    await expect(load(GATED_VALUES / 2 - 1, 4).weights).rejects.toThrow(
      /Choose a smaller model/,
    );
  });
});

test("the embedding comes in parts", async () => {
  const { embedTokens } = await load(GATED_VALUES * 2).weights;
  expect(embedTokens.parts.map(({ rows }) => rows)).toEqual([
    320, 320, 320, 64,
  ]);
});
