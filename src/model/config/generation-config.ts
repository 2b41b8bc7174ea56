/** The generation settings that a model recommends: generation_config.json, if there is one. */
import * as v from "valibot";
import { checked } from "../files/check-json";

export interface GenerationConfig {
  /** Ids that end a reply; empty if the files name none. */
  eosTokenIds: number[];
  /** Only what the files set. */
  sampler: SamplerDefaults;
}

/** Recommended settings of the sampler; see the engine's SamplerSettings for their meaning. */
export interface SamplerDefaults {
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  repetitionPenalty?: number;
}

const tokenId = v.pipe(v.number(), v.integer("a token id"), v.minValue(0));

const eosFields = v.object({
  eos_token_id: v.nullish(v.union([tokenId, v.array(tokenId)])),
});

const share = v.nullish(v.pipe(v.number(), v.minValue(0), v.maxValue(1)));

const samplerFields = v.object({
  do_sample: v.nullish(v.boolean()),
  temperature: v.nullish(v.pipe(v.number(), v.minValue(0))),
  top_k: v.nullish(v.pipe(v.number(), v.integer("a whole number"))),
  top_p: share,
  min_p: share,
  repetition_penalty: v.nullish(v.pipe(v.number(), v.gtValue(0))),
});

/**
 * The ids that end a reply, and the recommended sampler settings.
 *
 * @param generationJson generation_config.json, parsed; undefined if the model has none
 * @param configJson config.json, parsed; names the ids if the other does not
 * @throws ModelFormatError
 */
export function readGenerationConfig(
  generationJson: unknown,
  configJson: unknown,
): GenerationConfig {
  const file = "generation_config.json";
  const generation = generationJson ?? {};
  const fields = checked(samplerFields, generation, file);
  const eos =
    checked(eosFields, generation, file).eos_token_id ??
    checked(eosFields, configJson, "config.json").eos_token_id ??
    [];

  const sampler: SamplerDefaults = {};
  if (typeof fields.temperature === "number")
    sampler.temperature = fields.temperature;
  if (fields.do_sample === false) sampler.temperature = 0;
  if (typeof fields.top_k === "number") {
    sampler.topK = Math.max(0, fields.top_k); // some write -1 for "all"
  }
  if (typeof fields.top_p === "number") sampler.topP = fields.top_p;
  if (typeof fields.min_p === "number") sampler.minP = fields.min_p;
  if (typeof fields.repetition_penalty === "number") {
    sampler.repetitionPenalty = fields.repetition_penalty;
  }
  return { eosTokenIds: Array.isArray(eos) ? eos : [eos], sampler };
}
