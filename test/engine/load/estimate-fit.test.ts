import { describe, expect, it } from "vitest";
import { fit as fitOf } from "../../../src/engine/load/estimate-fit";
import type { TensorType } from "../../../src/model/checkpoint/checkpoint";
import type { ModelConfig } from "../../../src/model/config/computable";
import { expectedTensors } from "../../../src/model/config/expected-tensors";
import type { TensorKind } from "../../../src/model/weights/matrix-parts";
import { loadWeights } from "../../../src/model/weights/weights";
import { randomModel } from "../../fixtures/random-model";
import { fakeGpu } from "../../support/fake-gpu";
import { memoryCheckpoint } from "../../support/tensors";
import { readConfig } from "../../../src/model/config/config";

const GIB = 2 ** 30;

/** Shapes of Llama-3.2-1B: 1.24 billion parameters, an embedding of 262.7 million. */
const large = readConfig({
  architectures: ["LlamaForCausalLM"],
  hidden_size: 2048,
  intermediate_size: 8192,
  num_hidden_layers: 16,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  max_position_embeddings: 131_072,
  vocab_size: 128_256,
  tie_word_embeddings: true,
});
/** Shapes of SmolLM2-135M. */
const small = readConfig({
  architectures: ["LlamaForCausalLM"],
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  max_position_embeddings: 8192,
  vocab_size: 49_152,
  tie_word_embeddings: true,
});
const LARGE_VALUES = 1_235_814_400;

/** Tensors of a model, of such types. */
function kindsOf(
  config: ModelConfig,
  typeOf: (name: string) => TensorType = () => "BF16",
): ReadonlyMap<string, TensorKind> {
  return new Map(
    [...expectedTensors(config)].map(([name, shape]) => [
      name,
      { shape: [...shape], type: shape.length > 1 ? typeOf(name) : "F32" },
    ]),
  );
}

/** What a file of these types takes. */
function fit({
  type = "BF16",
  ...request
}: Omit<Parameters<typeof fitOf>[0], "tensors"> & { type?: TensorType }) {
  const tensors = kindsOf(request.config, () => type);
  return fitOf({ ...request, tensors });
}
const roomy = { maxBufferSize: 4 * GIB, maxStorageBufferBindingSize: 2 * GIB };
const tight = {
  maxBufferSize: GIB,
  maxStorageBufferBindingSize: 128 * 2 ** 20,
};

describe("bytes", () => {
  it("of weights are 5 bits a value at 4 bit, 9 at 8 and in the embedding, and the file's at 16", () => {
    const bits = (weightBits: 4 | 8 | 16) =>
      (fit({ config: large, weightBits }).weightBytes * 8) / LARGE_VALUES;
    const embedding = 128_256 * 2048;
    expect(bits(4)).toBeCloseTo(5 + (4 * embedding) / LARGE_VALUES, 1);
    expect(bits(8)).toBeCloseTo(9, 1);
    expect(bits(16)).toBeCloseTo(16, 1);
    const { weightBytes } = fit({ config: large, type: "F32", weightBits: 16 });
    expect(weightBytes).toBe(LARGE_VALUES * 4);
  });

  it("of weights are 4 bit by default for large models alone", () => {
    expect(fit({ config: large }).weightBytes).toBe(
      fit({ config: large, weightBits: 4 }).weightBytes,
    );
    expect(fit({ config: small }).weightBytes).toBe(
      fit({ config: small, weightBits: 16 }).weightBytes,
    );
  });

  it.each([
    ["Q2_K", 4],
    ["Q3_K", 4],
    ["Q4_0", 5],
    ["Q4_K", 5],
    ["IQ4_XS", 5],
    ["Q5_0", 6],
    ["Q5_K", 6],
    ["Q6_K", 7],
    ["Q8_0", 9],
  ] as const)(
    "of a file in %s are %s bits a value, whatever is asked for",
    (type, bits) => {
      for (const weightBits of [4, 8, 16] as const) {
        const fitted = fit({ config: large, type, weightBits });
        expect(fitted.bitsPerWeight).toBeCloseTo(bits, 1);
        expect(fitted.weightBytes * 8).toBe(
          fitted.bitsPerWeight * LARGE_VALUES,
        );
      }
    },
  );

  it("of a file of several types are those that loading allocates", async () => {
    const model = randomModel({
      preset: "wide-heads",
      hiddenSize: 768,
      intermediateSize: 512,
      isTied: false,
    });
    const config = readConfig(model.config);
    // As llama.cpp mixes them: some of v and down have more bits.
    const typeOf = (name: string): TensorType =>
      /layers\.0\.(mlp.down|self_attn.v)/.test(name)
        ? "Q6_K"
        : /lm_head/.test(name)
          ? "Q8_0"
          : /o_proj/.test(name)
            ? "Q5_0"
            : "Q4_K";
    const tensors = new Map(
      [...kindsOf(config, typeOf)].map(([name, kind]) => [
        name,
        { ...kind, name, file: "", byteLength: 0 },
      ]),
    );
    const gpu = fakeGpu();
    const checkpoint = { tensors, totalBytes: 0, async *read() {} };
    const weights = await loadWeights(gpu, config, checkpoint);
    const planned = fitOf({ config, tensors });
    expect(planned.weightBytes).toBe(weights.bytes);
    expect(planned.weightBytes).toBe(gpu.ledger.bytes.weights);
  });

  it("of KV are keys and values of all layers in f16", () => {
    expect(fit({ config: large }).kvBytesPerToken).toBe(2 * 16 * 8 * 64 * 2);
    expect(fit({ config: small }).kvBytesPerToken).toBe(2 * 30 * 3 * 64 * 2);
  });

  it("of the workspace hold the logits", () => {
    const { workspaceBytes } = fit({ config: large });
    expect(workspaceBytes).toBeGreaterThan(16 * 128_256 * 4);
    expect(workspaceBytes).toBeLessThan(100 * 2 ** 20);
  });
});

describe("a misfit", () => {
  it("is none where only the embedding is larger than a binding: it comes in parts", () => {
    const { misfit } = fit({ config: large, weightBits: 16, limits: tight });
    expect(misfit).toBeUndefined();
  });

  it("is none where nothing is known of the device, or there is room", () => {
    expect(fit({ config: large, weightBits: 16 }).misfit).toBeUndefined();
    expect(
      fit({ config: large, limits: roomy, deviceBytes: 4 * GIB }).misfit,
    ).toBeUndefined();
  });

  it("of a matrix that no binding takes proposes fewer bits, where that helps", () => {
    const limits = { ...roomy, maxStorageBufferBindingSize: 50 * 2 ** 20 };
    const { misfit } = fit({ config: large, weightBits: 16, limits });
    expect(misfit!.message).toMatch(
      /largest matrix \(layer 0 gate and up\) takes 64 MiB.*at most 50 MiB.*8-bit weights/,
    );
    expect(misfit!.proposal).toEqual({ weightBits: 8 });
    expect(
      fit({ config: large, ...misfit!.proposal, limits }).misfit,
    ).toBeUndefined();
  });

  it("of a matrix that no binding takes at 4 bit proposes another model", () => {
    const limits = { ...tight, maxStorageBufferBindingSize: 10 * 2 ** 20 };
    const { misfit } = fit({ config: large, limits });
    expect(misfit!.proposal).toBeUndefined();
    expect(misfit!.message).toMatch(/Choose a smaller model/);
  });

  it("of a matrix is one exactly where loading refuses it", async () => {
    const model = randomModel({ preset: "six-layers", type: "BF16" });
    const config = readConfig(model.config);
    const values = 2 * config.intermediateSize * config.hiddenSize;
    const bits = [16, 8, 4] as const;
    for (const weightBits of bits) {
      const boundBytes = (values * weightBits) / 8;
      for (const bytes of [boundBytes - 1, boundBytes]) {
        const { misfit } = fitOf({
          config,
          tensors: kindsOf(config),
          weightBits,
          limits: { maxBufferSize: bytes, maxStorageBufferBindingSize: bytes },
        });
        const loading = loadWeights(
          fakeGpu({ bufferBytes: bytes }),
          config,
          { ...memoryCheckpoint(model.tensors), async *read() {} },
          { bits: weightBits },
        );
        if (bytes === boundBytes) {
          expect(misfit).toBeUndefined();
          await loading;
        } else {
          expect(misfit!.message).toMatch(/gate and up/);
          await expect(loading).rejects.toThrow(/gate and up/);
        }
      }
    }
  });

  it("of the budget for chats proposes a smaller one", () => {
    const { misfit } = fit({ config: large, deviceBytes: 1.5 * GIB });
    const { memoryBudgetBytes, weightBits } = misfit!.proposal!;
    expect(weightBits).toBeUndefined();
    expect(memoryBudgetBytes).toBeGreaterThan(512 * 2 ** 20);
    expect(
      fit({ config: large, deviceBytes: 1.5 * GIB, memoryBudgetBytes }).misfit,
    ).toBeUndefined();
  });

  it("of the weights proposes fewer bits, and a smaller budget where it takes both", () => {
    const ask = { config: large, weightBits: 16 as const };
    const { misfit } = fit({ ...ask, deviceBytes: 2 * GIB });
    expect(misfit!.proposal).toEqual({ weightBits: 4 });
    const both = fit({ ...ask, deviceBytes: 1.2 * GIB }).misfit!.proposal!;
    expect(both.weightBits).toBe(4);
    expect(both.memoryBudgetBytes).toBeLessThan(GIB);
  });

  it("of a quantised file has no fewer bits to propose", () => {
    const { misfit } = fit({
      config: large,
      type: "Q8_0",
      deviceBytes: GIB,
    });
    expect(misfit!.proposal).toBeUndefined();
  });
});
