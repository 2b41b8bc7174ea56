// Names of what stored tokens and KV were made with: equal for the same model, another for any other.
import { expect, test } from "vitest";
import {
  contentHash,
  segmentFingerprint,
  segmentName,
  type SegmentParts,
  textFingerprint,
} from "../../../src/engine/load/fingerprint";
import type {
  Checkpoint,
  TensorRows,
} from "../../../src/model/checkpoint/checkpoint";
import {
  hashedCheckpoint,
  hashedTexts,
} from "../../../src/model/checkpoint/checkpoint-hash";
import { readConfig } from "../../../src/model/config/config";
import { openSafetensors } from "../../../src/model/checkpoint/safetensors";
import { memoryFiles } from "../../support/memory-files";
import { safetensorsFile, testTensor } from "../../support/safetensors-file";

const DIGITS = /^[0-9a-f]{64}$/;

const config = {
  architectures: ["LlamaForCausalLM"],
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 1024,
  vocab_size: 512,
  tie_word_embeddings: true,
};
const parts: SegmentParts = {
  config: readConfig(config),
  weightsHash: "w",
  weightFormats: { embedding: "BF16", matrices: ["BF16"] },
  textFingerprint: "t",
  pages: { format: "f16", watershed: 0 },
};

test("a segment's fingerprint is the same for the same model", async () => {
  const fingerprint = await segmentFingerprint(parts);
  expect(fingerprint).toMatch(DIGITS);
  expect(await segmentFingerprint(structuredClone(parts))).toBe(fingerprint);
});

test.each<[string, Partial<SegmentParts>]>([
  ["weights", { weightsHash: "v" }],
  [
    "quantisation",
    { weightFormats: { embedding: "BF16", matrices: ["BF16", "Q4"] } },
  ],
  ["tokenizer or template", { textFingerprint: "u" }],
  ["RoPE", { config: readConfig({ ...config, rope_theta: 5e5 }) }],
  [
    "RoPE's scaling",
    {
      config: readConfig({
        ...config,
        rope_scaling: { type: "linear", factor: 2 },
      }),
    },
  ],
  ["element type of pages", { pages: { format: "f32", watershed: 0 } }],
  ["watershed", { pages: { format: "f16", watershed: 1 } }],
])("a segment's fingerprint is another with other %s", async (_, changes) => {
  const other = await segmentFingerprint({ ...parts, ...changes });
  expect(other).not.toBe(await segmentFingerprint(parts));
});

test("a text's fingerprint depends on every file and not on their order", async () => {
  const fingerprint = await textFingerprint({ fileHashes: { a: "1", b: "2" } });
  expect(fingerprint).toMatch(DIGITS);
  expect(await textFingerprint({ fileHashes: { b: "2", a: "1" } })).toBe(
    fingerprint,
  );
  for (const fileHashes of [
    { a: "1", b: "3" },
    { a: "1", c: "2" },
    { a: "1" },
  ] as Record<string, string>[]) {
    expect(await textFingerprint({ fileHashes })).not.toBe(fingerprint);
  }
  const begun = { fileHashes: { a: "1", b: "2" }, bos: 1 };
  expect(await textFingerprint(begun)).not.toBe(fingerprint);
});

test("a content's hash is that of the tokens, however they are held", async () => {
  const hash = await contentHash([1, 2, 70_000]);
  expect(hash).toMatch(DIGITS);
  const view = Uint32Array.of(0, 1, 2, 70_000).subarray(1);
  expect(await contentHash(view)).toBe(hash);
  expect(await contentHash([1, 2])).not.toBe(hash);
  expect(await contentHash([1, 70_000, 2])).not.toBe(hash);
  expect(segmentName("model", hash)).toBe(`model/${hash}`);
});

test("texts are hashed as they are read, and others are not", async () => {
  const contents = { "tokenizer.json": "{}", "config.json": "{ }" };
  const { files, hashes } = hashedTexts(memoryFiles(contents));
  expect(await files.text("tokenizer.json")).toBe("{}");
  expect(await files.text("chat_template.jinja")).toBeUndefined();
  const found = await hashes();
  expect(Object.keys(found)).toEqual(["tokenizer.json"]);
  expect(found["tokenizer.json"]).toMatch(DIGITS);
});

const tensors = {
  one: testTensor("F32", [3, 5], 1),
  two: testTensor("F16", [8], 2),
};
const expected = new Map([
  ["one", [3, 5]],
  ["two", [8]],
]);

/** The hash of a file's weights, and what came through while they were hashed. */
async function hashOf(
  file: Uint8Array,
): Promise<{ hash: string; pieces: TensorRows[] }> {
  const files = memoryFiles({ "model.safetensors": file }, 7);
  const { checkpoint, hash } = hashedCheckpoint(
    await openSafetensors(files, expected),
  );
  const pieces = await piecesOf(checkpoint);
  return { hash: await hash(), pieces };
}

async function piecesOf(checkpoint: Checkpoint): Promise<TensorRows[]> {
  const pieces: TensorRows[] = [];
  for await (const piece of checkpoint.read()) pieces.push(piece);
  return pieces;
}

test("weights are hashed while they are read, and come through as they are", async () => {
  const { hash, pieces } = await hashOf(safetensorsFile(tensors));
  expect(hash).toMatch(DIGITS);
  const plain = await openSafetensors(
    memoryFiles({ "model.safetensors": safetensorsFile(tensors) }),
    expected,
  );
  expect(pieces).toEqual(await piecesOf(plain));
});

test("the same weights in another order in the file have the same hash", async () => {
  const { one, two } = tensors;
  const { hash } = await hashOf(safetensorsFile({ one, two }));
  expect((await hashOf(safetensorsFile({ two, one }))).hash).toBe(hash);
});

test("one changed byte of any tensor gives another hash", async () => {
  const { hash } = await hashOf(safetensorsFile(tensors));
  for (const name of ["one", "two"] as const) {
    const bytes = tensors[name].bytes.slice();
    bytes[bytes.length - 1]! ^= 1;
    const changed = { ...tensors, [name]: { ...tensors[name], bytes } };
    expect((await hashOf(safetensorsFile(changed))).hash).not.toBe(hash);
  }
});

test("weights that were not read to their end have no hash", async () => {
  const files = memoryFiles({ "model.safetensors": safetensorsFile(tensors) });
  const { checkpoint, hash } = hashedCheckpoint(
    await openSafetensors(files, expected),
  );
  for await (const _ of checkpoint.read()) break;
  expect(hash).toThrow("not all of them were read");
});
