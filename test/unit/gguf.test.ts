// GGUF files: read in pieces, checked, and the same model as the checkpoint that they were converted from.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BlockType, Checkpoint } from "../../src/model/checkpoint";
import { readConfig } from "../../src/model/config";
import { readGenerationConfig } from "../../src/model/generation-config";
import { openGguf } from "../../src/model/gguf";
import { inverseFrequencies } from "../../src/model/rope";
import { expectedTensors } from "../../src/model/tensors";
import { openTokenizer, Tokenizer } from "../../src/model/tokenizer";
import { readChatTemplate } from "../../src/model/chat-template";
import { ModelFormatError } from "../../src/util/errors";
import { type ModelConfig, randomModel } from "../fixtures/random-model";
import {
  parseStories260K,
  stories260KFiles,
  type Stories260KReference,
} from "../golden/stories260K";
import { ggufFile, type Metadata } from "../support/gguf-file";
import { ggufModel, ggufTensors, networkMetadata } from "../support/gguf-model";
import { tokenizerMetadata } from "../support/gguf-tokenizer";
import { memoryFiles } from "../support/memory-files";
import { randomBlocks } from "../support/random-blocks";
import { decode, encode, type Tensors } from "../support/tensors";
import { tokenizerFiles } from "../support/tokenizers";

const FILE = "model.gguf";

async function opened(bytes: Uint8Array, beside: Record<string, unknown> = {}) {
  const folder = memoryFiles({ ...beside, [FILE]: bytes }, 50_000);
  const gguf = await openGguf(folder, FILE);
  const configJson = JSON.parse(
    (await gguf.files.text("config.json"))!,
  ) as unknown;
  return { folder, gguf, configJson };
}

async function bytesByName(checkpoint: Checkpoint) {
  const found = new Map<string, Uint8Array>();
  for await (const { tensor, firstRow, bytes } of checkpoint.read()) {
    const { name, shape, byteLength } = tensor;
    expect(bytes.length).toBeLessThanOrEqual(4 << 20);
    const whole = found.get(name) ?? new Uint8Array(byteLength);
    found.set(name, whole);
    const rows = shape.length > 1 ? shape[0]! : 1;
    whole.set(bytes, shape.length > 1 ? (firstRow * byteLength) / rows : 0);
  }
  return found;
}

async function expectSameModel(
  { config, tensors }: { config: ModelConfig; tensors: Tensors },
  bytes: Uint8Array,
) {
  const { gguf, configJson } = await opened(bytes);
  const ours = readConfig(configJson);
  expect({ ...ours, rmsNormEps: 0 }).toEqual({
    ...readConfig(config),
    rmsNormEps: 0,
  });
  expect(ours.rmsNormEps).toBeCloseTo(config.rms_norm_eps, 12);
  const checkpoint = gguf.checkpoint(expectedTensors(ours));
  const found = await bytesByName(checkpoint);
  expect(new Set(found.keys())).toEqual(new Set(tensors.keys()));
  for (const [name, { type, shape, values, blocks }] of tensors) {
    const floatType = shape.length === 1 ? "F32" : type;
    const expected = blocks?.bytes ?? encode(floatType, values);
    expect(Buffer.compare(found.get(name)!, expected)).toBe(0);
  }
}

describe.each([
  ["Llama", "narrow-heads"],
  ["Llama with grouped heads", "six-layers"],
  ["Qwen2 with biases", "wide-heads"],
] as const)("%s", (_, preset) => {
  test.each(["F32", "F16", "BF16"] as const)(
    "in %s is what it was converted from",
    async (type) => {
      const model = randomModel({ preset, type, layers: 2, vocabSize: 61 });
      await expectSameModel(model, ggufModel(model.config, model.tensors));
    },
  );
});

test("Qwen3 with a head of its own is what it was converted from", async () => {
  const model = randomModel({
    preset: "untied-head",
    ropeScaling: null,
    vocabSize: 61,
  });
  await expectSameModel(model, ggufModel(model.config, model.tensors));
});

const types: BlockType[] = [
  "Q4_0",
  "Q4_1",
  "Q5_0",
  "Q5_1",
  "Q8_0",
  "Q4_K",
  "Q5_K",
  "Q6_K",
];
test("blocks of every type come through, rows of Q and K in their places", async () => {
  const model = randomModel({
    preset: "six-layers",
    hiddenSize: 256,
    intermediateSize: 256,
    heads: 4,
    kvHeads: 2,
    headDim: 64,
    layers: 3,
    vocabSize: 33,
  });
  let index = 0;
  for (const tensor of model.tensors.values())
    if (tensor.shape.length > 1) {
      const type = types[index++ % types.length]!;
      const bytes = randomBlocks(type, tensor.values.length, index);
      tensor.blocks = { type, bytes };
    }
  await expectSameModel(model, ggufModel(model.config, model.tensors));
});

test("stories260K's own file holds the published weights, its text and its tokenizer", async () => {
  const path = (url: URL) => readFileSync(fileURLToPath(url));
  const bin = path(stories260KFiles.model);
  const published = parseStories260K(
    bin.buffer.slice(bin.byteOffset, bin.byteOffset + bin.length),
  );
  const { gguf, configJson } = await opened(path(stories260KFiles.gguf));
  const config = readConfig(configJson);
  expect(config.numKeyValueHeads).toBe(4);
  const found = await bytesByName(gguf.checkpoint(expectedTensors(config)));
  for (const [name, { values }] of published.tensors)
    expect(decode("F32", found.get(name)!)).toEqual(values);

  const tokenizer = await openTokenizer(gguf.files);
  const { tokens } = JSON.parse(
    path(stories260KFiles.reference).toString(),
  ) as Stories260KReference;
  const text = path(stories260KFiles.text).toString();
  expect(tokenizer.decode(tokens).trim()).toBe(
    text.trim().slice(0, tokenizer.decode(tokens).trim().length),
  );
  expect(tokenizer.encode("Once upon a time")).toEqual(tokens.slice(1, 5));
});

const TEMPLATE = "{{ messages[0].content }}{{ eos_token }}";

describe("a tokenizer out of metadata", () => {
  const SAMPLES = [
    "Hello, world! It's 2025, isn't it?",
    "  two  spaces\n\nlines\t and 1234567 ½ ٣",
    "Äpfel, 中文字, 日本語, 🙂👩‍👧, Ωж",
    "<|im_start|>user\nHi<|im_end|>\n",
    "def f(x):\n    return x**2  # square",
    "I'LL don't WE'RE",
    "",
  ];

  test.each([
    ["smolLm2", "smollm"],
    ["qwen25", "qwen2"],
  ] as const)(
    "%s gives the ids of its tokenizer.json",
    { timeout: 30_000 },
    async (name, pre) => {
      const [json, configJson] = tokenizerFiles[name]();
      const { gguf } = await opened(
        ggufFile(
          {
            ...networkMetadata(randomModel().config),
            ...tokenizerMetadata(json, pre, TEMPLATE),
          },
          {},
        ),
      );
      const ours = await openTokenizer(gguf.files);
      const theirs = new Tokenizer(json, configJson);
      expect(ours.tokenCount).toBe(theirs.tokenCount);
      for (const sample of SAMPLES) {
        expect(ours.encode(sample)).toEqual(theirs.encode(sample));
        expect(ours.encodeText(sample)).toEqual(theirs.encodeText(sample));
        const ids = theirs.encode(sample);
        expect(ours.decode(ids)).toBe(theirs.decode(ids));
      }
      const generation = JSON.parse(
        (await gguf.files.text("generation_config.json"))!,
      ) as unknown;
      const ends = readGenerationConfig(generation, {}).eosTokenIds;
      expect(ends.map((id) => ours.isText(id))).toEqual(ends.map(() => false));
      expect(ends).toContain(ours.idOf("<|im_end|>"));
      expect(ends).toContain(ours.idOf("<|endoftext|>"));
      const template = await readChatTemplate(gguf.files);
      const now = new Date();
      const messages = [{ role: "user" as const, content: "Hi" }];
      expect(
        template.render(messages, { addGenerationPrompt: true, now }),
      ).toBe(`Hi${ours.markers[2]!}`);
    },
  );

  test("files beside it count more", async () => {
    const [json] = tokenizerFiles.smolLm2();
    const { gguf } = await opened(
      ggufFile(
        {
          ...networkMetadata(randomModel().config),
          ...tokenizerMetadata(json, "smollm", TEMPLATE),
        },
        {},
      ),
      {
        "generation_config.json": { eos_token_id: 77 },
        "config.json": { architectures: ["Other"] },
      },
    );
    expect(await gguf.files.text("generation_config.json")).toContain("77");
    // But not about the network: the file's tensors are what they are.
    expect(await gguf.files.text("config.json")).toContain("LlamaForCausalLM");
  });

  test("of another kind is refused, and what to do is said", async () => {
    const metadata = networkMetadata(randomModel().config);
    const other: Metadata = {
      ...metadata,
      "tokenizer.ggml.model": ["string", "t5"],
    };
    const { gguf } = await opened(ggufFile(other, {}));
    await expect(openTokenizer(gguf.files)).rejects.toThrow(
      /a tokenizer\.json beside the file, found "t5"/,
    );
  });
});

test("Llama 3's divisors of the frequencies are those of its rope_scaling", async () => {
  const { config } = randomModel({ preset: "llama-3.2-1b" });
  const scaled = readConfig(config);
  const plain = readConfig({ ...config, rope_scaling: null });
  const wanted = inverseFrequencies(scaled);
  const factors = inverseFrequencies(plain).map((f, i) => f / wanted[i]!);
  const bytes = encode("F32", Float32Array.from(factors));
  const { configJson } = await opened(
    ggufFile(
      { ...networkMetadata(config), "general.alignment": ["u32", 32] },
      {
        "rope_freqs.weight": { type: "F32", shape: [32], bytes },
        "token_embd.weight": {
          type: "F32",
          shape: [2, 8],
          bytes: new Uint8Array(64),
        },
      },
    ),
  );
  const got = inverseFrequencies(readConfig(configJson));
  got.forEach((frequency, i) =>
    expect(frequency / wanted[i]!).toBeCloseTo(1, 6),
  );
});

describe("a file that is not what it should be", () => {
  const model = randomModel({
    layers: 1,
    vocabSize: 16,
    hiddenSize: 32,
    heads: 2,
    kvHeads: 1,
    headDim: 16,
    intermediateSize: 32,
  });
  const good = ggufModel(model.config, model.tensors);
  const view = (bytes: Uint8Array) => new DataView(bytes.buffer);
  const loaded = async (bytes: Uint8Array) => {
    const { gguf, configJson } = await opened(bytes);
    await bytesByName(gguf.checkpoint(expectedTensors(readConfig(configJson))));
  };
  const changed = (change: (bytes: Uint8Array<ArrayBuffer>) => void) => {
    const bytes = good.slice();
    change(bytes);
    return bytes;
  };

  test("is not refused for nothing", () => loaded(good));

  test.each([
    [
      "another format",
      changed((b) => b.set([80, 75, 3, 4])),
      /begins with GGUF, found "PK/,
    ],
    [
      "version 1",
      changed((b) => view(b).setUint32(4, 1, true)),
      /version 2 or 3.*found version 1/,
    ],
    [
      "big-endian",
      changed((b) => view(b).setUint32(4, 3, false)),
      /little-endian, found version 50331648/,
    ],
    [
      "absurdly many tensors",
      changed((b) => view(b).setBigUint64(8, 2n ** 60n, true)),
      /at most 65536 tensors/,
    ],
    [
      "absurdly many entries",
      changed((b) => view(b).setBigUint64(16, 2n ** 50n, true)),
      /at most 65536 entries/,
    ],
    [
      "an absurdly long key",
      changed((b) => view(b).setBigUint64(24, 2n ** 40n, true)),
      /at most 1073741824 bytes of a string/,
    ],
    ["nothing", new Uint8Array(0), /a whole header, found 0 bytes/],
  ] as const)("%s", async (_, bytes, message) => {
    await expect(loaded(bytes)).rejects.toThrow(ModelFormatError);
    await expect(loaded(bytes)).rejects.toThrow(message);
  });

  test("cut off anywhere it says so", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: good.length - 33 }), async (length) => {
        await expect(loaded(good.slice(0, length))).rejects.toThrow(
          /then the end of the file: the download is incomplete/,
        );
      }),
      { numRuns: 60 },
    );
  });

  test("with any byte of its header changed it is refused or a model of the same tensors", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 900 }),
        fc.nat({ max: 255 }),
        async (at, value) => {
          const bytes = good.slice();
          bytes[at] = value;
          await loaded(bytes).catch((error: unknown) => {
            expect(error).toBeInstanceOf(ModelFormatError);
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  test("of an architecture that is not known, named with those that are", async () => {
    const metadata = networkMetadata(model.config);
    metadata["general.architecture"] = ["string", "mamba"];
    const bytes = ggufFile(metadata, ggufTensors(model.config, model.tensors));
    await expect(loaded(bytes)).rejects.toThrow(
      /architecture of llama, qwen2, qwen3, found "mamba"/,
    );
  });

  test("without one of its tensors, with one twice, or with one of another shape", async () => {
    const tensors = ggufTensors(model.config, model.tensors);
    const metadata = networkMetadata(model.config);
    const { "blk.0.ffn_up.weight": up, ...rest } = tensors;
    await expect(loaded(ggufFile(metadata, rest))).rejects.toThrow(
      /model\.layers\.0\.mlp\.up_proj\.weight: expected shape \[32, 32\], found no tensor/,
    );
    const flat = { ...up!, shape: [64, 16] };
    await expect(
      loaded(ggufFile(metadata, { ...rest, "blk.0.ffn_up.weight": flat })),
    ).rejects.toThrow(/expected shape \[32, 32\], found \[64, 16\]/);
    const text = (bytes: Uint8Array) =>
      Buffer.from(bytes).indexOf("blk.0.ffn_up.weight");
    const twice = ggufFile(metadata, {
      ...rest,
      "blk.0.ffn_up.weight": up!,
      "blk.0.ffn_uq.weight": up!,
    });
    const at = Buffer.from(twice).indexOf("blk.0.ffn_uq.weight");
    expect(text(twice)).toBeGreaterThan(0);
    twice[at + 11] = "p".charCodeAt(0);
    await expect(loaded(twice)).rejects.toThrow(/each tensor once/);
  });
});

test("the header is read in pieces that grow, the weights once", async () => {
  const [json] = tokenizerFiles.smolLm2();
  const tokens = Object.keys(
    (json as { model: { vocab: object } }).model.vocab,
  );
  const model = randomModel({ preset: "six-layers", vocabSize: 1024 });
  const metadata: Metadata = {
    "tokenizer.ggml.tokens": ["string[]", [...tokens, ...tokens, ...tokens]],
  };
  const file = ggufModel(model.config, model.tensors, metadata);
  const { folder, gguf, configJson } = await opened(file);
  const header = folder.opened.map(({ range }) => range);
  expect(header[0]).toEqual({ start: 0, end: 1 << 20 });
  for (let i = 1; i < header.length; i++)
    expect(header[i]).toEqual({
      start: header[i - 1]!.end,
      end: 2 * header[i - 1]!.end,
    });
  await bytesByName(gguf.checkpoint(expectedTensors(readConfig(configJson))));
  const [weights, ...more] = folder.opened.slice(header.length);
  expect(more).toEqual([]);
  expect(weights!.range.end - weights!.range.start).toBeLessThanOrEqual(
    file.length,
  );
});
