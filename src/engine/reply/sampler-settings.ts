/** Sampler settings: the caller's over the model's defaults, checked once. */
import type { SamplerSettings } from "../api/replies";

const DEFAULTS: Omit<SamplerSettings, "seed"> = {
  temperature: 0.7,
  topK: 0,
  topP: 0.9,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: {},
};

/** Valid values of each setting. */
const RANGES: Record<
  Exclude<keyof SamplerSettings, "logitBias">,
  [low: number, high: number]
> = {
  temperature: [0, 100],
  topK: [0, 2 ** 31],
  topP: [Number.MIN_VALUE, 1],
  minP: [0, 1],
  repetitionPenalty: [0.01, 100],
  presencePenalty: [-2, 2],
  frequencyPenalty: [-2, 2],
  seed: [0, 2 ** 32 - 1],
};

/**
 * @param modelDefaults from generation_config.json
 * @throws RangeError that names the setting, the valid values and the given one
 */
export function samplerSettings(
  modelDefaults: Partial<SamplerSettings>,
  wanted: Partial<SamplerSettings> = {},
): SamplerSettings {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  const settings = {
    ...DEFAULTS,
    seed,
    ...given(modelDefaults),
    ...given(wanted),
  };
  for (const [name, [low, high]] of Object.entries(RANGES) as [
    keyof typeof RANGES,
    [number, number],
  ][]) {
    const value = settings[name];
    if (!(value >= low && value <= high)) {
      throw new RangeError(
        `sampler.${name} must be between ${low} and ${high}, not ${value}.`,
      );
    }
  }
  return {
    ...settings,
    topK: Math.floor(settings.topK),
    seed: Math.floor(settings.seed),
  };
}

/** Without undefined settings, which would hide the defaults. */
function given(settings: Partial<SamplerSettings>): Partial<SamplerSettings> {
  return Object.fromEntries(
    Object.entries(settings).filter(([, value]) => value !== undefined),
  );
}
