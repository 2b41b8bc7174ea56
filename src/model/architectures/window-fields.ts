/** Fields of a config.json about the layers whose attention has a window. */
import * as v from "valibot";
import {
  count,
  type decoderFields,
  fail,
  type FieldsOf,
  MOST,
} from "./config-fields";

export const windowFields = {
  use_sliding_window: v.nullish(v.boolean()),
  sliding_window: v.nullish(count()),
  layer_types: v.nullish(
    v.pipe(v.array(v.string()), v.maxLength(MOST.layers)),
    [],
  ),
};

/**
 * The most tokens that a row of each layer attends to, counting itself; null: all.
 *
 * @param isUsed whether a named window is used if use_sliding_window is missing
 * @throws ModelFormatError for layers of another kind
 */
export function readWindows(
  fields: FieldsOf<typeof decoderFields & typeof windowFields>,
  isUsed = fields.layer_types.includes("sliding_attention"),
): readonly (number | null)[] {
  const { layer_types: types } = fields;
  const other = types.find(
    (type) => type !== "full_attention" && type !== "sliding_attention",
  );
  if (other !== undefined)
    fail("layer_types: full_attention or sliding_attention", other);
  const window =
    (fields.use_sliding_window ?? isUsed) ? fields.sliding_window : null;
  return Array.from({ length: fields.num_hidden_layers }, (_, l) =>
    types.length === 0 || types[l] === "sliding_attention"
      ? (window ?? null)
      : null,
  );
}
