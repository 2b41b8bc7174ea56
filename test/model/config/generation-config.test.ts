import { describe, expect, it } from "vitest";
import { readGenerationConfig } from "../../../src/model/config/generation-config";
import { ModelFormatError } from "../../../src/util/errors";

describe("readGenerationConfig", () => {
  it("reads the recommended sampler", () => {
    const json = {
      do_sample: true,
      temperature: 0.7,
      top_k: 20,
      top_p: 0.8,
      min_p: 0.05,
      repetition_penalty: 1.1,
    };
    expect(readGenerationConfig(json, {}).sampler).toEqual({
      temperature: 0.7,
      topK: 20,
      topP: 0.8,
      minP: 0.05,
      repetitionPenalty: 1.1,
    });
  });

  it("leaves out what is not set", () => {
    expect(readGenerationConfig({ top_p: null }, {}).sampler).toEqual({});
    expect(readGenerationConfig(undefined, {}).sampler).toEqual({});
  });

  it("takes do_sample: false as greedy", () => {
    const json = { do_sample: false, temperature: 0.6 };
    expect(readGenerationConfig(json, {}).sampler.temperature).toBe(0);
  });

  it("takes a top_k of -1 as all", () => {
    expect(readGenerationConfig({ top_k: -1 }, {}).sampler.topK).toBe(0);
  });

  it("reads one or several ids that end a reply", () => {
    expect(readGenerationConfig({ eos_token_id: 7 }, {}).eosTokenIds).toEqual([
      7,
    ]);
    expect(
      readGenerationConfig({ eos_token_id: [7, 8] }, {}).eosTokenIds,
    ).toEqual([7, 8]);
    expect(readGenerationConfig({ eos_token_id: 0 }, {}).eosTokenIds).toEqual([
      0,
    ]);
  });

  it("falls back to config.json for them, and to none", () => {
    const config = { eos_token_id: [1, 2] };
    expect(readGenerationConfig(undefined, config).eosTokenIds).toEqual([1, 2]);
    expect(readGenerationConfig({}, config).eosTokenIds).toEqual([1, 2]);
    expect(
      readGenerationConfig({ eos_token_id: 3 }, config).eosTokenIds,
    ).toEqual([3]);
    expect(readGenerationConfig({}, {}).eosTokenIds).toEqual([]);
  });

  it("names the file and the field that are not as they should be", () => {
    const reading = () => readGenerationConfig({ top_p: 2 }, {});
    expect(reading).toThrow(ModelFormatError);
    expect(reading).toThrow(
      "generation_config.json: expected top_p: <=1, found 2.",
    );
    const ids = () => readGenerationConfig({}, { eos_token_id: "</s>" });
    expect(ids).toThrow(/^config\.json: expected eos_token_id/);
  });
});
