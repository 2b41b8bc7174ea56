/**
 * Settings of replies: plain data and pure functions. Undefined means the model's own value. `chosen`, set by the
 * user, overrides `defaults`, from the element's attributes.
 */
import type {
  AttentionSettings,
  ReplyOptions,
} from "../../../engine/api/replies";

export interface Settings {
  /** 0 always takes the likeliest token. */
  temperature?: number | undefined;
  /** Samples from this many of the likeliest tokens; 0: all. */
  topK?: number | undefined;
  /** Samples from the likeliest tokens that together have this probability; 1: all. */
  topP?: number | undefined;
  /** Samples from tokens at least this share as likely as the likeliest; 0: all. */
  minP?: number | undefined;
  /** Above 1, tokens already in the chat become less likely. */
  repetitionPenalty?: number | undefined;
  /** Same seed, same text. */
  seed?: number | undefined;
  /** Maximum tokens of a reply. */
  maxTokens?: number | undefined;
  /** Which rounds a question attends to: those that matter for it, or all. */
  attention?: AttentionSettings["mode"] | undefined;
  /** Share of the question's attention that the selected rounds must hold. */
  tau?: number | undefined;
  /** Share of the chat that is recomputed where KV is stale. */
  repair?: number | undefined;
  /** Maximum bytes of KV on the GPU; takes effect when a model is loaded. */
  memoryBudgetBytes?: number | undefined;
}

export type SettingName = keyof Settings;
export type NumberName = Exclude<SettingName, "attention">;

export const ATTENTION_MODES = ["rounds", "all"] as const;

interface Range {
  low: number;
  high: number;
  isWhole?: boolean;
}

/** Allowed ranges, the same as the engine's. */
export const RANGES: Readonly<Record<NumberName, Range>> = {
  temperature: { low: 0, high: 100 },
  topK: { low: 0, high: 2 ** 31, isWhole: true },
  topP: { low: 0.001, high: 1 },
  minP: { low: 0, high: 1 },
  repetitionPenalty: { low: 0.01, high: 100 },
  seed: { low: 0, high: 2 ** 32 - 1, isWhole: true },
  maxTokens: { low: 1, high: 2 ** 31, isWhole: true },
  tau: { low: 0, high: 1 },
  repair: { low: 0, high: 1 },
  memoryBudgetBytes: { low: 1e6, high: 2 ** 50, isWhole: true },
};

const NAMES = [...Object.keys(RANGES), "attention"] as SettingName[];

export function isWithin(name: NumberName, value: unknown): value is number {
  const { low, high, isWhole = false } = RANGES[name];
  if (typeof value !== "number" || !(value >= low && value <= high))
    return false;
  return !isWhole || Number.isInteger(value);
}

/** For example "a number from 0 to 1", "a whole number from 1 up". */
export function allowedText(name: SettingName): string {
  if (name === "attention") return `"rounds" or "all"`;
  if (name === "memoryBudgetBytes")
    return `a size of 1 MB or more, such as "512MB", or a number of bytes`;
  const { low, high, isWhole = false } = RANGES[name];
  const kind = isWhole ? "a whole number" : "a number";
  const hasEnd = high < 2 ** 31;
  return hasEnd
    ? `${kind} from ${low} to ${high}`
    : `${kind} of ${low} or more`;
}

/** Parses a number; undefined where there is none, or it is out of range. */
export function numberOf(name: NumberName, text: string): number | undefined {
  const typed = text.trim().replace(",", ".");
  const value = name === "memoryBudgetBytes" ? bytesOf(typed) : Number(typed);
  return typed !== "" && isWithin(name, value) ? value : undefined;
}

const UNIT_BYTES: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
};

/** "512MB", "1.5 GB", "1GiB", "1000000"; NaN for anything else. */
function bytesOf(text: string): number {
  const [, count = "", unit = ""] =
    /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text) ?? [];
  return Math.round(Number(count) * (UNIT_BYTES[unit.toUpperCase()] ?? NaN));
}

/** The settings in force: `chosen` over `defaults`. */
export function laidOver(chosen: Settings, defaults: Settings): Settings {
  return Object.fromEntries(
    NAMES.map((name) => [name, chosen[name] ?? defaults[name]]).filter(
      ([, value]) => value !== undefined,
    ),
  ) as Settings;
}

export function isSame(a: Settings, b: Settings): boolean {
  return NAMES.every((name) => a[name] === b[name]);
}

/** As the engine takes them with each reply. */
export type SettingOptions = Pick<
  ReplyOptions,
  "sampler" | "attention" | "fusion" | "maxTokens"
>;

export function replyOptions({
  maxTokens,
  attention: mode,
  tau,
  repair: ratio,
  memoryBudgetBytes: _,
  ...sampler
}: Settings): SettingOptions {
  const chosen = given(sampler);
  const attention = given({ mode, tau });
  return {
    ...(chosen && { sampler: chosen }),
    ...(attention && { attention }),
    ...(ratio !== undefined && { fusion: { ratio } }),
    ...(maxTokens !== undefined && { maxTokens }),
  };
}

/** Without undefined values; undefined if none is left. */
function given<T extends object>(
  values: T,
): { [K in keyof T]?: NonNullable<T[K]> } | undefined {
  const there = Object.entries(values).filter(
    ([, value]) => value !== undefined,
  );
  return there.length === 0
    ? undefined
    : (Object.fromEntries(there) as { [K in keyof T]?: NonNullable<T[K]> });
}
