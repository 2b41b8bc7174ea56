import { describe, expect, it } from "vitest";
import type {
  Checkpoint,
  TensorType,
} from "../../../src/model/checkpoint/checkpoint";
import { readConfig } from "../../../src/model/config/config";
import { ggufCheckpoint } from "../../../src/model/gguf/checkpoint";
import { readGgufHeader } from "../../../src/model/gguf/header";
import { expectedTensors } from "../../../src/model/config/expected-tensors";
import { ModelFormatError } from "../../../src/util/errors";
import { type RandomModel, randomModel } from "../../fixtures/random-model";
import { ggufFile, type GgufTestTensor } from "../../support/gguf-file";
import { type GgufModel, ggufModel, ggufTypes } from "../../support/gguf-model";
import { memoryFiles } from "../../support/memory-files";
import { encode } from "../../support/tensors";

const FILE = "tiny.gguf";

/** Opens the model's file; `config` is a config.json beside it, `fileBytes` is what a server tells. */
async function open(
  model: RandomModel,
  stored: GgufModel,
  options: {
    chunkBytes?: number;
    cut?: number;
    tellsSize?: boolean;
    config?: object;
  } = {},
) {
  const { chunkBytes = 1 << 20, cut = 0, tellsSize = false } = options;
  const whole = ggufFile(stored);
  const bytes = whole.slice(0, whole.length - cut);
  const files = memoryFiles({ [FILE]: bytes }, chunkBytes);
  const header = await readGgufHeader(files, FILE);
  files.opened.length = 0;
  const told = tellsSize ? { ...header, fileBytes: bytes.length } : header;
  const { config = model.config } = options;
  const checkpoint = ggufCheckpoint(files, told, readConfig(config));
  return { checkpoint, files, header };
}

/** All rows, joined by tensor, checked to come as the contract has it. */
async function readAll(checkpoint: Checkpoint) {
  const bytes = new Map<string, Uint8Array>();
  for await (const piece of checkpoint.read()) {
    const { tensor, firstRow } = piece;
    const before = bytes.get(tensor.name) ?? new Uint8Array(0);
    const rows = tensor.shape.length > 1 ? tensor.shape[0]! : 1;
    expect(tensor).toBe(checkpoint.tensors.get(tensor.name));
    expect(before.length).toBe((firstRow * tensor.byteLength) / rows);
    expect(piece.bytes.byteOffset % 4).toBe(0);
    expect(piece.bytes.buffer.byteLength % 4).toBe(0);
    expect(piece.bytes.length).toBeLessThanOrEqual(
      Math.max(4 * 2 ** 20, tensor.byteLength / rows),
    );
    bytes.set(
      tensor.name,
      new Uint8Array(Buffer.concat([before, piece.bytes])),
    );
  }
  return bytes;
}

/** Faster over many bytes than the matcher, and shorter in what it prints. */
function expectSame(
  found: Uint8Array | undefined,
  bytes: Uint8Array,
  name: string,
) {
  const isSame = found !== undefined && Buffer.from(found).equals(bytes);
  expect(isSame, name).toBe(true);
}

function expectRows(read: Map<string, Uint8Array>, { rows }: GgufModel) {
  expect([...read.keys()].sort()).toEqual([...rows.keys()].sort());
  for (const [name, bytes] of rows) expectSame(read.get(name), bytes, name);
}

const networks = {
  llama: randomModel({
    preset: "six-layers",
    hiddenSize: 256,
    layers: 2,
    vocabSize: 40,
  }),
  "llama with heads of its own": randomModel({
    preset: "narrow-heads",
    isTied: false,
  }),
  qwen2: randomModel({ preset: "wide-heads" }),
  qwen3: randomModel({ preset: "untied-head" }),
};

describe("the tensors of a GGUF file", () => {
  for (const [name, model] of Object.entries(networks)) {
    it(`have Hugging Face's names, shapes and order of rows: ${name}`, async () => {
      const stored = ggufModel(model);
      for (const chunkBytes of [13, 1000, 1 << 20]) {
        const { checkpoint } = await open(model, stored, { chunkBytes });
        const shapes = [...checkpoint.tensors.values()].map(
          (tensor) => [tensor.name, tensor.shape] as const,
        );
        const expected = expectedTensors(readConfig(model.config));
        expect(new Map(shapes)).toEqual(expected);
        const read = await readAll(checkpoint);
        expect(read.size).toBe(model.tensors.size);
        for (const [tensor, { values }] of model.tensors) {
          expectSame(read.get(tensor), encode("F32", values), tensor);
        }
      }
    });
  }

  for (const type of Object.keys(ggufTypes) as TensorType[]) {
    it(`keep the bytes of ${type}, row for row`, async () => {
      const model = networks.llama;
      const stored = ggufModel(model, type);
      const { checkpoint } = await open(model, stored);
      const name = "model.layers.1.self_attn.k_proj.weight";
      const { id, values, bytes } = ggufTypes[type];
      expect(stored.tensors.some(({ typeId }) => typeId === id)).toBe(true);
      expect(checkpoint.tensors.get(name)).toEqual({
        name,
        file: FILE,
        type,
        shape: [32, 256],
        byteLength: 32 * (256 / values) * bytes,
      });
      const read = await readAll(checkpoint);
      expectRows(read, stored);
      const total = [...stored.rows.values()].reduce(
        (sum, { length }) => sum + length,
        0,
      );
      expect(checkpoint.totalBytes).toBe(total);
    });
  }

  it("of q and k keep whole heads together, also where a head is longer than a piece", async () => {
    const model = randomModel({
      preset: "narrow-heads",
      hiddenSize: 4096,
      intermediateSize: 8,
      vocabSize: 8,
      layers: 1,
      heads: 2,
      kvHeads: 1,
      headDim: 384,
    });
    const stored = ggufModel(model);
    const { checkpoint } = await open(model, stored);
    const read = await readAll(checkpoint);
    for (const part of ["q_proj", "k_proj", "v_proj"]) {
      const name = `model.layers.0.self_attn.${part}.weight`;
      expectSame(read.get(name), stored.rows.get(name)!, name);
    }
  });

  it("of q and k have their biases in the same order", async () => {
    const model = randomModel({ preset: "wide-heads", layers: 1 });
    const config = {
      ...model.config,
      architectures: ["LlamaForCausalLM" as const],
      attention_bias: true,
    };
    const tensors = new Map(model.tensors);
    const bias = { ...tensors.get("model.norm.weight")! };
    tensors.set("model.layers.0.self_attn.o_proj.bias", bias);
    const biased = { config, tensors };
    const stored = ggufModel(biased);
    const { checkpoint } = await open(biased, stored);
    const read = await readAll(checkpoint);
    const name = "model.layers.0.self_attn.q_proj.bias";
    const asStored = stored.tensors.find(
      (tensor) => tensor.name === "blk.0.attn_q.bias",
    )!;
    expect(read.get(name)).toEqual(stored.rows.get(name));
    expect(read.get(name)).not.toEqual(asStored.bytes);
  });

  it("are those of any architecture that GGUF calls by the same name", async () => {
    const model = networks.llama;
    const stored = ggufModel(model);
    const config = { ...model.config, architectures: ["MistralForCausalLM"] };
    const { checkpoint } = await open(model, stored, { config });
    expectRows(await readAll(checkpoint), stored);
  });

  it("are streamed once, and may be read again", async () => {
    const stored = ggufModel(networks.qwen2, "F16");
    const { checkpoint, files, header } = await open(networks.qwen2, stored);
    const starts = [...header.tensors.values()].map(({ start }) => start);
    expectRows(await readAll(checkpoint), stored);
    expectRows(await readAll(checkpoint), stored);
    expect(files.opened.map(({ range }) => range.start)).toEqual([
      Math.min(...starts),
      Math.min(...starts),
    ]);
  });

  it("may lie among others that nobody wants, in any order", async () => {
    const stored = ggufModel(networks.qwen3);
    const extra = { shape: [7], typeId: 99, bytes: new Uint8Array(7) };
    const tensors = [
      { ...extra, name: "first" },
      ...stored.tensors.toReversed(),
      { ...extra, name: "last" },
    ];
    const { checkpoint } = await open(networks.qwen3, { ...stored, tensors });
    const read = await readAll(checkpoint);
    expectRows(read, stored);
    expect([...read.keys()]).toEqual([...stored.rows.keys()].toReversed());
  });
});

describe("tensors that are not as they should be are refused", () => {
  const model = networks.llama;
  const stored = ggufModel(model);
  const changed = (name: string, changes: Partial<GgufTestTensor>) => ({
    ...stored,
    tensors: stored.tensors.map((tensor) =>
      tensor.name === name ? { ...tensor, ...changes } : tensor,
    ),
  });

  const cases: [what: string, spoilt: GgufModel, message: string | RegExp][] = [
    [
      "one is missing",
      {
        ...stored,
        tensors: stored.tensors.filter(({ name }) => !/1.ffn_up/.test(name)),
      },
      "tensor blk.1.ffn_up.weight: expected shape [160, 256], found no such tensor",
    ],
    [
      "another shape",
      changed("blk.0.ffn_up.weight", { shape: [256, 160] }),
      "tensor blk.0.ffn_up.weight: expected shape [160, 256], found [256, 160]",
    ],
    [
      "a type that cannot be read",
      changed("blk.0.ffn_up.weight", { typeId: 16 }),
      /elements of type F32, F16, .*Q6_K.*, found IQ2_XXS/,
    ],
    [
      "an unknown type",
      changed("blk.0.ffn_up.weight", { typeId: 4242 }),
      "found type 4242",
    ],
    [
      "rows of broken blocks",
      changed("blk.0.ffn_down.weight", { typeId: 12 }),
      "expected rows of whole blocks of Q4_K, found rows of 160 values",
    ],
    [
      "a vector of blocks",
      changed("output_norm.weight", { typeId: 8 }),
      "expected a vector in F32, F16 or BF16, found Q8_0",
    ],
    [
      "two that overlap",
      changed("blk.1.ffn_up.weight", { offset: 32 }),
      /expected data from byte \d+ on, found a start at byte \d+, inside another tensor/,
    ],
  ];
  for (const [what, spoilt, message] of cases) {
    it(what, async () => {
      const opening = open(model, spoilt);
      await expect(opening).rejects.toThrow(ModelFormatError);
      await expect(opening).rejects.toThrow(message);
    });
  }

  it("another architecture in the config.json beside the file", async () => {
    const config = { ...model.config, architectures: ["Qwen3ForCausalLM"] };
    const opening = open(model, stored, { config });
    await expect(opening).rejects.toThrow(
      "tiny.gguf: expected the network of its config.json, Qwen3ForCausalLM, found general.architecture: llama",
    );
  });

  it("outside the file, where its size is known", async () => {
    const opening = open(model, stored, { cut: 100, tellsSize: true });
    await expect(opening).rejects.toThrow(
      "tensor output_norm.weight: expected 1024 bytes, found 924, then the end of the file",
    );
  });

  it("outside the file, while it is read, where its size is not", async () => {
    const { checkpoint } = await open(model, stored, { cut: 100 });
    const reading = readAll(checkpoint);
    await expect(reading).rejects.toThrow(ModelFormatError);
    await expect(reading).rejects.toThrow("expected 1024 bytes, found 924");
  });
});
