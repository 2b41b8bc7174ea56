import { describe, expect, it } from "vitest";
import { readConfig } from "../../../src/model/config/config";
import { ggufConfig } from "../../../src/model/gguf/config";
import { readGgufHeader } from "../../../src/model/gguf/header";
import { rotationOf } from "../../../src/model/network/rope";
import { ModelFormatError } from "../../../src/util/errors";
import { presetNames, randomModel } from "../../fixtures/random-model";
import { inverseFrequencies as referenceFrequencies } from "../../reference/rope";
import { type GgufEntry, ggufFile } from "../../support/gguf-file";
import { ggufModel } from "../../support/gguf-model";
import "../../support/matchers";
import { memoryFiles } from "../../support/memory-files";

const FILE = "tiny.gguf";
const model = randomModel({ preset: "six-layers", layers: 1 });

/** The configuration of a model's file; entries of the metadata may be changed, or taken out. */
async function configOf(
  { config, tensors } = model,
  changes: Record<string, GgufEntry | undefined> = {},
  ropeFactors?: number[],
) {
  const stored = ggufModel({ config, tensors });
  const metadata = new Map(stored.metadata);
  for (const [key, entry] of Object.entries(changes)) {
    if (entry === undefined) metadata.delete(key);
    else metadata.set(key, entry);
  }
  const file = ggufFile({ ...stored, metadata: [...metadata] });
  const header = await readGgufHeader(memoryFiles({ [FILE]: file }), FILE);
  const vectors = new Map(
    stored.tensors
      .filter(({ name }) => name.startsWith("rope_factors"))
      .map(({ name, bytes }) => [
        name,
        [...new Float32Array(bytes.slice().buffer)],
      ]),
  );
  if (ropeFactors) vectors.set("rope_freqs.weight", ropeFactors);
  return readConfig(ggufConfig(header, vectors));
}

describe("the configuration in a GGUF file", () => {
  for (const preset of presetNames) {
    it(`is that of the checkpoint it was made from: ${preset}`, async () => {
      const random = randomModel({ preset });
      const isScaled = random.config.rope_scaling?.rope_type === "llama3";
      const config = {
        ...random.config,
        ...(isScaled && { rope_scaling: null }),
        rms_norm_eps: 1e-6,
      };
      expect(await configOf({ ...random, config })).toEqual(readConfig(config));
    });
  }

  it("has RoPE's theta, where nothing is said, at 10000, and heads of the width that is left", async () => {
    const config = await configOf(model, {
      "llama.rope.freq_base": undefined,
      "llama.attention.key_length": undefined,
      "llama.attention.value_length": undefined,
      "llama.attention.head_count_kv": undefined,
      "llama.rope.dimension_count": undefined,
    });
    expect(config).toMatchObject({
      ropes: [{ theta: 10_000 }],
      headDim: 16,
      numKeyValueHeads: 4,
    });
  });

  it("takes linear scaling under its older name", async () => {
    const older = { "llama.rope.scale_linear": ["f32", 2.5] as const };
    expect((await configOf(model, older)).ropes[0].scaling).toEqual({
      type: "linear",
      factor: 2.5,
    });
    const none = { "llama.rope.scaling.type": ["string", "none"] as const };
    expect((await configOf(model, none)).ropes[0].scaling).toBeNull();
  });

  it("has the frequencies of Llama 3 by its factors", async () => {
    const llama3 = randomModel({ preset: "llama-3.2-1b" });
    const expected = readConfig(llama3.config);
    const { ropes, headDim } = expected;
    const { theta } = ropes[0];
    const plain = referenceFrequencies(theta, headDim);
    const scaled = rotationOf(ropes[0], headDim).frequencies;
    const factors = [...plain].map((f, i) => Math.fround(f / scaled[i]!));
    const config = await configOf(
      {
        ...llama3,
        config: { ...llama3.config, rope_scaling: null },
      },
      {},
      factors,
    );
    const scaling = { type: "factors", factors };
    expect(config).toEqual({
      ...expected,
      ropes: [{ ...ropes[0], scaling }],
      kvIdentity: { ...expected.kvIdentity, ropeScaling: scaling },
    });
    const found = rotationOf(config.ropes[0], headDim).frequencies;
    expect(found.map((f, i) => f / scaled[i]!)).toBeCloseToArray(
      Array<number>(headDim / 2).fill(1),
      1e-7,
    );
    expect(found).toBeCloseToArray(
      referenceFrequencies(theta, headDim, { type: "factors", factors }),
      1e-15,
    );
  });

  it("has as many factors as a head has pairs", async () => {
    await expect(configOf(model, {}, [1, 2])).rejects.toThrow(
      "expected RoPE with 8 factors, found 2",
    );
  });
});

describe("a network that cannot be computed is refused by name", () => {
  const cases: [
    what: string,
    changes: Record<string, GgufEntry | undefined>,
    message: string,
  ][] = [
    [
      "another architecture",
      { "general.architecture": ["string", "rwkv7"] },
      "general.architecture: llama, qwen2, qwen3, gemma3, smollm3, phi3, granite, found rwkv7, which needs layers with a recurrent state instead of KV",
    ],
    [
      "none",
      { "general.architecture": undefined },
      "expected general.architecture, found nothing",
    ],
    [
      "without a number that is needed",
      { "llama.block_count": undefined },
      "expected llama.block_count, found nothing",
    ],
    [
      "a text for a number",
      { "llama.block_count": ["string", "1"] },
      'llama.block_count: a number, found "1"',
    ],
    [
      "heads that differ from layer to layer",
      { "llama.attention.head_count": ["u32[]", [4, 8]] },
      "llama.attention.head_count: a number, found a list of 2",
    ],
    [
      "experts",
      { "llama.expert_count": ["u32", 8] },
      "llama.expert_count: 0, found 8",
    ],
    [
      "keys and values of different widths",
      { "llama.attention.value_length": ["u32", 8] },
      "llama.attention.value_length: as attention.key_length, 16, found 8",
    ],
    [
      "RoPE of another kind",
      { "llama.rope.scaling.type": ["string", "yarn"] },
      "RoPE of type default, linear or llama3, found yarn",
    ],
    [
      "RoPE on a part of a head that does not fit the kernels",
      { "llama.rope.dimension_count": ["u32", 12] },
      "partial_rotary_factor: a multiple of 8 values of a head's 16, found 0.75",
    ],
  ];
  it("has a sliding window in each layer, if it is shorter than the context", async () => {
    const windowOf = async (tokens: number) => {
      const { layers } = await configOf(model, {
        "llama.attention.sliding_window": ["u32", tokens],
      });
      return layers[0]!.attention.window;
    };
    expect(await windowOf(16)).toBe(16);
    expect(await windowOf(8192)).toBeNull();
  });

  for (const [what, changes, message] of cases) {
    it(what, async () => {
      const reading = configOf(model, changes);
      await expect(reading).rejects.toThrow(ModelFormatError);
      await expect(reading).rejects.toThrow(message);
    });
  }

  it("scaling beside a tensor that scales", async () => {
    const linear = {
      "llama.rope.scaling.type": ["string", "linear"] as const,
      "llama.rope.scaling.factor": ["f32", 4] as const,
    };
    await expect(
      configOf(model, linear, Array<number>(8).fill(1)),
    ).rejects.toThrow("none beside a tensor rope_freqs.weight, found linear");
  });
});
