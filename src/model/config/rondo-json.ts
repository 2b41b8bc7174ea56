/** Writes a calibration as rondo.json has it. */
import type * as v from "valibot";
import type { RondoConfig, rondoFields } from "./calibration-config";

/** What `readRondoConfig` reads. */
export function rondoJson({
  contextTokens,
  index,
  ...config
}: RondoConfig): v.InferInput<typeof rondoFields> {
  return {
    version: 1,
    ...config,
    ...(contextTokens !== undefined && { context_tokens: contextTokens }),
    ...(index !== undefined && {
      index: index && {
        heads: index.heads.map(({ layer, head }) => [layer, head]),
        how: index.how,
        noise: index.noise.map(([rounds, value]) => [rounds, value]),
        whole_tokens: index.wholeTokens,
      },
    }),
  };
}
