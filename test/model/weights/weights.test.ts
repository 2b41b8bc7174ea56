/** What becomes of a checkpoint's tensors: which buffers there are, and where each tensor's rows go. */
import { expect, test } from "vitest";
import type { Gpu } from "../../../src/gpu/gpu";
import { readConfig } from "../../../src/model/config/config";
import { loadWeights } from "../../../src/model/weights/weights";
import { randomModel } from "../../fixtures/random-model";
import { fakeGpu } from "../../support/fake-gpu";
import { memoryCheckpoint, type Tensors } from "../../support/tensors";

interface Write {
  label: string;
  offset: number;
  bytes: number;
}

/** A GPU that notes what is written where. */
function notingGpu() {
  const books = fakeGpu();
  const labels = new Map<GPUBuffer, string>();
  const writes: Write[] = [];
  const noting: Partial<Gpu> = {
    bindingBytes: 2 ** 30,
    buffer: (request) => {
      const buffer = books.buffer(request);
      labels.set(buffer, request.label);
      return buffer;
    },
    write: (buffer, offset, { byteLength: bytes }) =>
      void writes.push({ label: labels.get(buffer)!, offset, bytes }),
    done: () => Promise.resolve(),
  };
  const gpu = Object.assign(fakeGpu(), noting);
  return { gpu, labels, writes };
}

const model = randomModel({ preset: "wide-heads", layers: 1, isTied: false });

test("tensors that are joined lie one below the other", async () => {
  const { gpu, labels, writes } = notingGpu();
  const config = readConfig(model.config);
  const checkpoint = memoryCheckpoint(model.tensors);
  const weights = await loadWeights(gpu, config, checkpoint, { bits: 16 });
  expect([...labels.values()]).toEqual([
    "layer 0 input norm",
    "layer 0 qkv",
    "layer 0 qkv bias",
    "layer 0 o",
    "layer 0 MLP norm",
    "layer 0 gate and up",
    "layer 0 down",
    "embedding",
    "head",
    "final norm",
  ]);
  const of = (label: string) => writes.filter((one) => one.label === label);
  const [row, q, kv] = [4 * 96, 4 * 80, 2 * 80];
  expect(of("layer 0 qkv")).toEqual([
    { label: "layer 0 qkv", offset: 0, bytes: q * row },
    { label: "layer 0 qkv", offset: q * row, bytes: kv * row },
    { label: "layer 0 qkv", offset: (q + kv) * row, bytes: kv * row },
  ]);
  expect(of("layer 0 qkv bias").map(({ offset }) => offset)).toEqual([
    0,
    4 * q,
    4 * (q + kv),
  ]);
  expect(of("layer 0 gate and up").map(({ offset }) => offset)).toEqual([
    0,
    200 * row,
  ]);
  expect(weights.lmHead).not.toBe(weights.embedTokens);
});

test("a tied head is the embedding", async () => {
  const { gpu, labels } = notingGpu();
  const tied = randomModel({ preset: "wide-heads", layers: 1 });
  const config = readConfig(tied.config);
  const checkpoint = memoryCheckpoint(tied.tensors);
  const weights = await loadWeights(gpu, config, checkpoint, { bits: 16 });
  expect(weights.lmHead).toBe(weights.embedTokens);
  expect([...labels.values()]).not.toContain("head");
});

// The order is part of the fingerprint of stored KV.
test("formats are named once, in the order of the layers, then the embedding and the head", async () => {
  const { gpu } = notingGpu();
  const typeOf = (name: string) =>
    /down_proj|lm_head/.test(name)
      ? "F16"
      : /o_proj|embed/.test(name)
        ? "BF16"
        : "F32";
  const tensors: Tensors = new Map(
    [...model.tensors].map(([name, tensor]) => [
      name,
      { ...tensor, type: typeOf(name) },
    ]),
  );
  const config = readConfig(model.config);
  const checkpoint = memoryCheckpoint(tensors);
  const { formats } = await loadWeights(gpu, config, checkpoint, { bits: 16 });
  expect(formats).toEqual({
    embedding: "BF16",
    matrices: ["F32", "BF16", "F16"],
  });
});
