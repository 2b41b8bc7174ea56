/**
 * How replies are made, as far as a page or a user says so: plain data and pure functions. What is
 * undefined is the model's own. An element has `defaults` from its attributes, its user has `chosen`; what
 * is in force is the one laid over the other.
 */
import type {
  AttentionSettings,
  ReplyOptions,
} from "../../../engine/api/replies";

export interface Settings {
  /** 0 takes the likeliest token each time. */
  temperature?: number | undefined;
  /** So many of the likeliest tokens are drawn from; 0: all. */
  topK?: number | undefined;
  /** The likeliest tokens that together have this probability are drawn from; 1: all. */
  topP?: number | undefined;
  /** Tokens at least this share as likely as the likeliest are drawn from; 0: all. */
  minP?: number | undefined;
  /** Above 1, tokens that are in the chat already are made less likely. */
  repetitionPenalty?: number | undefined;
  /** Same seed, same text. */
  seed?: number | undefined;
  /** Tokens of a reply at most. */
  maxTokens?: number | undefined;
  /** Which rounds a question is answered from: those that matter for it, or all. */
  attention?: AttentionSettings["mode"] | undefined;
  /** Share of the question's attention that the rounds it is answered from have together. */
  tau?: number | undefined;
  /** Share of the chat that is computed again where memory is stale. */
  repair?: number | undefined;
  /** Bytes of the chats' memory on the GPU at most; in force once a model is loaded. */
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

/** What each number may be; the engine allows no more. */
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

/** The number that a text says; undefined where it says none, or one that is not allowed. */
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

/** What is in force: what was chosen, over what the page says. */
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

/** What of it is there; undefined where that is nothing. */
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
