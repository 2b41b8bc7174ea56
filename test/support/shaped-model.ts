/** GGUF files of real models' shapes, with random weights: as large, as slow, and as wide as the real ones. */
import {
  type BlockType,
  tensorBytes,
} from "../../src/model/checkpoint/checkpoint";
import { expectedTensors } from "../../src/model/config/expected-tensors";
import { readConfig } from "../../src/model/config/config";
import { type ModelConfig, modelConfig } from "../fixtures/random-model";
import { ggufFile, type GgufTestTensor } from "./gguf-file";
import {
  type GgufModel,
  ggufName,
  ggufTypes,
  networkMetadata,
} from "./gguf-model";
import { bf16Bits, encode, f16Bits } from "./tensors";

export const SMOLLM2_135M = modelConfig({
  architecture: "LlamaForCausalLM",
  hiddenSize: 576,
  intermediateSize: 1536,
  layers: 30,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  vocabSize: 49_152,
  ropeTheta: 100_000,
  ropeScaling: null,
  isTied: true,
});

export const QWEN2_5_500M = modelConfig({
  architecture: "Qwen2ForCausalLM",
  hiddenSize: 896,
  intermediateSize: 4864,
  layers: 24,
  heads: 14,
  kvHeads: 2,
  headDim: 64,
  vocabSize: 151_936,
  ropeTheta: 1_000_000,
  ropeScaling: null,
  isTied: true,
});

export const QWEN3_600M = modelConfig({
  architecture: "Qwen3ForCausalLM",
  hiddenSize: 1024,
  intermediateSize: 3072,
  layers: 28,
  heads: 16,
  kvHeads: 8,
  headDim: 128,
  vocabSize: 151_936,
  ropeTheta: 1_000_000,
  ropeScaling: null,
  isTied: true,
});

/** Matrices in one block type; the embedding in Q8_0, as quantisers keep it. */
export function shapedGguf(
  config: ModelConfig,
  type: BlockType,
  tokenizer: GgufModel["metadata"],
): Uint8Array<ArrayBuffer> {
  const tensors: GgufTestTensor[] = [];
  for (const [name, shape] of expectedTensors(readConfig(config))) {
    const values = shape.reduce((product, size) => product * size, 1);
    const isOuter = /embed_tokens|lm_head/.test(name);
    const own = shape.length === 1 ? "F32" : isOuter ? "Q8_0" : type;
    const bytes =
      own === "F32"
        ? encode(own, new Float32Array(values).fill(1))
        : quickBlocks(own, values, shape[1]!);
    const typeId = ggufTypes[own].id;
    tensors.push({ name: ggufName(name), shape, typeId, bytes });
  }
  const metadata = [...networkMetadata(config), ...tokenizer];
  return ggufFile({ metadata, tensors });
}

/** The same in BF16, as the bytes of a safetensors file, piece by piece. */
export function* shapedCheckpoint(config: ModelConfig): Generator<Uint8Array> {
  const header: Record<string, unknown> = {};
  let end = 0;
  const tensors = [...expectedTensors(readConfig(config))];
  const count = (shape: readonly number[]) =>
    shape.reduce((product, size) => product * size, 1);
  for (const [name, shape] of tensors) {
    const data_offsets = [end, (end += 2 * count(shape))];
    header[name] = { dtype: "BF16", shape, data_offsets };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = new DataView(new ArrayBuffer(8));
  length.setBigUint64(0, BigInt(json.length), true);
  yield new Uint8Array(length.buffer);
  yield json;
  for (const [, shape] of tensors)
    yield shape.length === 1
      ? encode("BF16", new Float32Array(count(shape)).fill(1))
      : quickFloats(count(shape), shape[1]!);
}

/** BF16 of both signs around 1 / √columns. */
function quickFloats(values: number, columns: number): Uint8Array {
  const halves = new Uint16Array(values);
  const size = bf16Bits(1 / Math.sqrt(columns));
  let state = 0x9e3779b9 ^ values;
  for (let i = 0; i < values; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    // A sign, and one of 128 steps of a power of two.
    halves[i] = (size & 0x7f80) | (state >>> 25) | ((state >>> 9) & 0x8000);
  }
  return new Uint8Array(halves.buffer);
}

/** Blocks of one scale and random quants, in Q4_0 or Q8_0: a hundred megabytes in a second. */
function quickBlocks(
  type: BlockType,
  values: number,
  columns: number,
): Uint8Array {
  if (type !== "Q4_0" && type !== "Q8_0")
    throw new RangeError(`${type} has scales in other places`);
  const bytes = new Uint8Array(tensorBytes(type, values));
  const words = new Uint32Array(bytes.buffer, 0, Math.floor(bytes.length / 4));
  let state = 0x9e3779b9 ^ values;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  // Quants of deviation 4.6 or 74 become weights of deviation 1 / √columns.
  const deviation = type === "Q4_0" ? 4.6 : 74;
  const scale = f16Bits(1 / deviation / Math.sqrt(columns));
  const blockBytes = tensorBytes(type, 32);
  for (let at = 0; at < bytes.length; at += blockBytes) {
    bytes[at] = scale & 255;
    bytes[at + 1] = scale >> 8;
  }
  return bytes;
}
