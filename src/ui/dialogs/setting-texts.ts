/** Settings in plain words: what each is called, what it does, and what holds where nobody has chosen. */
import type { NumberName, Settings } from "../state/settings/settings";
import { wholeText } from "../base/sizes";

export interface SettingText {
  name: NumberName;
  label: string;
  /** What it does, in a sentence. */
  about: string;
  /** What holds where neither the user nor the page says anything. */
  unset: string;
  /** Where a slider helps: the range that is of use, and where it stands while nothing is chosen. */
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
      "Low keeps to the likeliest words, high takes more chances; 0 always says the same.",
    unset: MODELS_OWN,
    slider: { low: 0, high: 2, step: 0.05, start: 0.7 },
  },
  {
    name: "maxTokens",
    label: "Longest reply",
    about:
      "A reply that gets longer is cut off. A token is about three quarters of a word.",
    unset: "1,024 tokens",
    unit: "tokens",
  },
];

/** For those who know them from elsewhere. */
export const SAMPLER_SETTINGS: readonly SettingText[] = [
  {
    name: "topP",
    label: "Top-p",
    about:
      "Draws from the likeliest words that together are this probable; 1 leaves it out.",
    unset: MODELS_OWN,
    slider: { low: 0.05, high: 1, step: 0.05, start: 0.9 },
  },
  {
    name: "topK",
    label: "Top-k",
    about: "Draws from so many of the likeliest words; 0 leaves it out.",
    unset: MODELS_OWN,
  },
  {
    name: "minP",
    label: "Min-p",
    about:
      "Drops words that are less likely than this share of the likeliest one; 0 leaves it out.",
    unset: MODELS_OWN,
    slider: { low: 0, high: 0.5, step: 0.01, start: 0 },
  },
  {
    name: "repetitionPenalty",
    label: "Repetition penalty",
    about:
      "Above 1, words that were used before become less likely; 1 leaves it out.",
    unset: MODELS_OWN,
    slider: { low: 1, high: 2, step: 0.05, start: 1 },
  },
  {
    name: "seed",
    label: "Seed",
    about:
      "With the same number, the same message in the same chat gets the same reply.",
    unset: "another one for each reply",
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
      "How much is read again where memory is of another context: after an edit, or of a document. Higher is closer to exact; lower answers sooner.",
    unset: "0.15",
    slider: { low: 0, high: 1, step: 0.05, start: 0.15 },
  },
  {
    name: "memoryBudgetBytes",
    label: "Memory for chats",
    about:
      "What chats may take on the GPU beside the model. What finds no room there is brought back from this device when it is needed.",
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

/** What somebody has typed there, as `numberOf` reads it. */
export function typedText(name: NumberName, text: string): string {
  const hasUnit = name !== "memoryBudgetBytes" || /[a-z]/i.test(text);
  return hasUnit ? text : `${text}MB`;
}

/** What holds while the user has chosen nothing. */
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

/** What may stand in its field. */
export function allowedInField(name: NumberName, allowed: string): string {
  return name === "memoryBudgetBytes"
    ? "Give a size of 1 MB or more."
    : `Give ${allowed}.`;
}
