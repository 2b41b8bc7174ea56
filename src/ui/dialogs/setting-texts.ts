/** Each setting's label, description and default, in plain words. */
import type { NumberName, Settings } from "../state/settings/settings";
import { wholeText } from "../base/sizes";

export interface SettingText {
  name: NumberName;
  label: string;
  /** What it does, in a sentence. */
  about: string;
  /** The value while neither the user nor the page sets one, in words. */
  unset: string;
  /** The slider's useful range, and its position while nothing is set. */
  slider?: { low: number; high: number; step: number; start: number };
  /** Behind the number. */
  unit?: string;
}

const MODELS_OWN = "the model’s own";

export const REPLY_SETTINGS: readonly SettingText[] = [
  {
    name: "temperature",
    label: "Temperature",
    about:
      "Low values keep to the likeliest words, high values vary more; 0 always picks the likeliest.",
    unset: MODELS_OWN,
    slider: { low: 0, high: 2, step: 0.05, start: 0.7 },
  },
  {
    name: "maxTokens",
    label: "Longest reply",
    about:
      "Longer replies are cut off. A token is about three quarters of a word.",
    unset: "1,024 tokens",
    unit: "tokens",
  },
];

/** Sampling settings for experts, folded away. */
export const SAMPLER_SETTINGS: readonly SettingText[] = [
  {
    name: "topP",
    label: "Top-p",
    about:
      "Samples from the likeliest words that together have this probability; 1 turns it off.",
    unset: MODELS_OWN,
    slider: { low: 0.05, high: 1, step: 0.05, start: 0.9 },
  },
  {
    name: "topK",
    label: "Top-k",
    about: "Samples from this many of the likeliest words; 0 turns it off.",
    unset: MODELS_OWN,
  },
  {
    name: "minP",
    label: "Min-p",
    about:
      "Drops words less likely than this share of the likeliest one; 0 turns it off.",
    unset: MODELS_OWN,
    slider: { low: 0, high: 0.5, step: 0.01, start: 0 },
  },
  {
    name: "repetitionPenalty",
    label: "Repetition penalty",
    about: "Above 1, words used before become less likely; 1 turns it off.",
    unset: MODELS_OWN,
    slider: { low: 1, high: 2, step: 0.05, start: 1 },
  },
  {
    name: "seed",
    label: "Seed",
    about:
      "With the same number, the same message in the same chat gets the same reply.",
    unset: "a new one for each reply",
  },
];

export const MEMORY_SETTINGS: readonly SettingText[] = [
  {
    name: "tau",
    label: "Attention to keep (τ)",
    about:
      "How much of a question’s attention the chosen messages must hold. Higher reads more of the chat and misses less; lower answers sooner.",
    unset: `${MODELS_OWN}, 0.9 for most`,
    slider: { low: 0, high: 1, step: 0.05, start: 0.9 },
  },
  {
    name: "repair",
    label: "Repair (r)",
    about:
      "How much is recomputed where memory comes from another context: after an edit, or in a document. Higher is more exact; lower answers sooner.",
    unset: "0.15",
    slider: { low: 0, high: 1, step: 0.05, start: 0.15 },
  },
  {
    name: "memoryBudgetBytes",
    label: "Memory for chats",
    about:
      "GPU memory for chats, besides the model. Whatever does not fit is restored from this device when needed.",
    unset: "1,074 MB",
    unit: "MB",
  },
];

const BYTES_PER_MB = 1e6;

/** The number as its field shows it: bytes in MB. */
export function fieldText(name: NumberName, value: number | undefined): string {
  if (value === undefined) return "";
  if (name !== "memoryBudgetBytes") return String(value);
  return String(Math.round(value / BYTES_PER_MB));
}

/** Typed text as `numberOf` reads it. */
export function typedText(name: NumberName, text: string): string {
  const hasUnit = name !== "memoryBudgetBytes" || /[a-z]/i.test(text);
  return hasUnit ? text : `${text}MB`;
}

/** The value in force while the user has set none, in words. */
export function defaultText(
  { name, unset, unit }: SettingText,
  defaults: Settings,
): string {
  const byPage = defaults[name];
  if (byPage === undefined) return unset;
  const isCount = unit !== undefined;
  const value = isCount
    ? `${wholeText(Number(fieldText(name, byPage)))} ${unit}`
    : String(byPage);
  return `${value}, set by this page`;
}

/** Describes the values that its field takes. */
export function allowedInField(name: NumberName, allowed: string): string {
  return name === "memoryBudgetBytes"
    ? "Enter a size of 1 MB or more."
    : `Enter ${allowed}.`;
}
