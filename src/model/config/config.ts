/**
 * A model's config.json, checked once at the border: `readConfig` returns a recipe that the network computes,
 * with numbers that fit together.
 */
import * as v from "valibot";
import { CONFIG_FILE, fail } from "../architectures/config-fields";
import { nameWithLack } from "../architectures/other-architectures";
import { ARCHITECTURES } from "../architectures/known-architectures";
import { checked } from "../files/check-json";
import { expectComputable, type ModelConfig } from "./computable";

const named = v.object({
  architectures: v.pipe(v.array(v.string()), v.minLength(1)),
});

/**
 * The recipe of a model of one of the known architectures.
 *
 * @param json config.json, parsed
 * @param contextTokens the context asked for: some models compute otherwise for a long one
 * @throws ModelFormatError for an unknown architecture, or parts that the network does not compute
 */
export function readConfig(json: unknown, contextTokens?: number): ModelConfig {
  const { architectures } = checked(named, json, CONFIG_FILE);
  const known = ARCHITECTURES.find(({ name }) => architectures.includes(name));
  if (known === undefined) {
    const names = ARCHITECTURES.map(({ name }) => name).join(", ");
    fail(`architectures: ${names}`, architectures.map(nameWithLack).join(", "));
  }
  const recipe = known.recipe(json, contextTokens);
  expectComputable(recipe);
  return recipe;
}
