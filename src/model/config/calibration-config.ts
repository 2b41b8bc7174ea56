/**
 * A model's calibration: rondo.json beside its weights, if there is one. `npm run calibrate` writes it; the
 * engine's calibration.ts explains the numbers.
 */
import * as v from "valibot";
import { checked } from "../files/check-json";
import type { RoundIndex } from "./round-index";

export interface RondoConfig {
  /** The last layer of the lower half: its attention selects rounds. */
  watershed: number;
  /** Whose attention is used: all rows of a message, or the template's after it. */
  rows: "all" | "tail";
  /** The query heads whose attention is used. */
  heads: "all" | number[];
  /** Rounds are selected by falling mass until they hold this share. */
  tau: number;
  /** Trained positions, if fewer than config.json says. */
  contextTokens?: number | undefined;
  /** The retrieval heads that find rounds; null if none were good enough, undefined if none were looked for. */
  index?: RoundIndex | null | undefined;
}

const wholeNumber = v.pipe(v.number(), v.integer(), v.minValue(0));
const positive = v.pipe(v.number(), v.integer(), v.minValue(1));

const index = v.object({
  heads: v.pipe(
    v.array(v.strictTuple([wholeNumber, wholeNumber])),
    v.minLength(1),
    v.maxLength(3),
    v.check(
      (heads) => new Set(heads.map(String)).size === heads.length,
      "no head twice",
    ),
  ),
  how: v.picklist(["sum", "greatest"]),
  noise: v.pipe(
    v.array(v.strictTuple([positive, v.pipe(v.number(), v.minValue(0))])),
    v.check(
      (points) =>
        points.every(([units], i) => i === 0 || points[i - 1]![0] < units),
      "noise by rising units",
    ),
  ),
  whole_tokens: v.optional(wholeNumber, 0),
});

export const rondoFields = v.object({
  version: v.literal(1),
  watershed: wholeNumber,
  rows: v.picklist(["all", "tail"]),
  heads: v.union([
    v.literal("all"),
    v.pipe(v.array(wholeNumber), v.minLength(1)),
  ]),
  tau: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)),
  context_tokens: v.optional(positive),
  index: v.nullish(index),
});

/**
 * @param json of rondo.json; undefined if there is none
 * @throws ModelFormatError that names the field
 */
export function readRondoConfig(
  json: unknown,
  { layers, heads }: { layers: number; heads: number },
): RondoConfig | undefined {
  if (json === undefined) return undefined;
  const file = "rondo.json";
  const shaped = v.pipe(
    rondoFields,
    v.check(
      ({ watershed }) => watershed < layers,
      `a watershed below the model's ${layers} layers`,
    ),
    v.check(
      (one) => one.heads === "all" || one.heads.every((head) => head < heads),
      `heads below the model's ${heads}`,
    ),
    v.check(
      (one) =>
        one.index?.heads.every(([l, h]) => l < layers && h < heads) ?? true,
      `index.heads below the model's ${layers} layers and ${heads} heads`,
    ),
  );
  const { watershed, rows, tau, ...rest } = checked(shaped, json, file);
  return {
    watershed,
    rows,
    heads: rest.heads,
    tau,
    contextTokens: rest.context_tokens,
    index: rest.index && {
      heads: rest.index.heads.map(([layer, head]) => ({ layer, head })),
      how: rest.index.how,
      noise: rest.index.noise,
      wholeTokens: rest.index.whole_tokens,
    },
  };
}
