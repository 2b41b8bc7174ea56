import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../../src/model/config/config";
import { expectedTensors } from "../../../src/model/config/expected-tensors";
import rondoTiny from "../../../public/models/rondo-tiny/config.json";

/** Of the embedded model, with other fields in its config.json. */
const tensorsOf = (more: object) =>
  expectedTensors(readConfig({ ...rondoTiny, ...more }));

describe("expectedTensors", () => {
  it("is what the embedded model's file holds", () => {
    const path = new URL(
      "../../../public/models/rondo-tiny/model.safetensors",
      import.meta.url,
    );
    const bytes = readFileSync(path);
    const headerBytes = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(
      bytes.toString("utf8", 8, 8 + headerBytes),
    ) as Record<string, { shape: number[] }>;
    delete header["__metadata__"];
    const held = Object.entries(header).map(
      ([name, { shape }]) => [name, shape] as const,
    );
    expect(new Map(held)).toEqual(tensorsOf({}));
  });

  it("has lm_head where the embeddings are not tied", () => {
    const shapes = tensorsOf({ tie_word_embeddings: false });
    expect(shapes.get("lm_head.weight")).toEqual([1536, 192]);
    expect(tensorsOf({}).has("lm_head.weight")).toBe(false);
  });

  it("follows the heads, not the hidden size", () => {
    const shapes = tensorsOf({ head_dim: 64 });
    expect(shapes.get("model.layers.7.self_attn.q_proj.weight")).toEqual([
      384, 192,
    ]);
    expect(shapes.get("model.layers.7.self_attn.k_proj.weight")).toEqual([
      128, 192,
    ]);
    expect(shapes.get("model.layers.7.self_attn.o_proj.weight")).toEqual([
      192, 384,
    ]);
    expect(shapes.has("model.layers.8.self_attn.q_proj.weight")).toBe(false);
  });

  it("has the biases and norms that the configuration names", () => {
    const namesOf = (more: object) =>
      [...tensorsOf({ num_hidden_layers: 1, ...more })]
        .filter(([name]) => /bias|[qk]_norm/.test(name))
        .map(
          ([name, shape]) =>
            `${name.replace("model.layers.0.self_attn.", "")} ${shape.join()}`,
        );
    expect(namesOf({})).toEqual([]);
    const biases = ["q_proj.bias 192", "k_proj.bias 64", "v_proj.bias 64"];
    expect(namesOf({ attention_bias: true })).toEqual([
      ...biases,
      "o_proj.bias 192",
    ]);
    const qwen2 = { architectures: ["Qwen2ForCausalLM"] };
    expect(namesOf(qwen2)).toEqual(biases);
    expect(namesOf({ architectures: ["Qwen3ForCausalLM"] })).toEqual([
      "q_norm.weight 32",
      "k_norm.weight 32",
    ]);
  });
});
