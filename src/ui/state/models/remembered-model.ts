/**
 * Remembers the user's last choice of a model for the next page: its id and options, never tokens. Elements
 * that name the same model share the choice. Where storage is not allowed, it lasts as long as the page.
 */
import * as v from "valibot";
import { idOfSource, type ModelRequest } from "./model-request";

/** @param own the model that the element names */
const keyOf = (own: string | undefined) => `rondo.model ${own ?? ""}`;
/** How often in a row the page ended while a model was uploaded to the GPU. */
const ENDED_KEY = "rondo.model.ended";
/** Once may be a reload; twice means that the model crashes the page. */
const MOST_ENDED = 2;

const schema = v.object({
  id: v.pipe(v.string(), v.minLength(1)),
  weightBits: v.optional(v.picklist([4, 8, 16])),
  memoryBudgetBytes: v.optional(v.pipe(v.number(), v.minValue(0))),
});

export function rememberedModel(
  own: string | undefined,
): ModelRequest | undefined {
  try {
    const text = localStorage.getItem(keyOf(own));
    if (text === null) return undefined;
    const { id, ...options } = v.parse(schema, JSON.parse(text));
    return { source: id, options };
  } catch {
    return undefined;
  }
}

/** Undefined forgets it. Of files the id is remembered: the next page asks for them, unless they were kept. */
export function rememberModel(
  own: string | undefined,
  request: ModelRequest | undefined,
): void {
  try {
    if (request === undefined) return localStorage.removeItem(keyOf(own));
    const { source, options } = request;
    const id = idOfSource(source);
    const { memoryBudgetBytes, weightBits } = options;
    const kept = { id, weightBits, memoryBudgetBytes };
    localStorage.setItem(keyOf(own), JSON.stringify(kept));
  } catch {
    // No storage: lasts until the page is closed.
  }
}

/**
 * Notes the course of an upload to the GPU:
 *
 * - `begun`: from now on it may crash the page
 * - `replaced`: another load has replaced it, as if it had not begun
 * - `over`: it did not crash the page; resets the count
 */
export function noteLoading(what: "begun" | "replaced" | "over"): void {
  try {
    const count = {
      begun: endedCount() + 1,
      replaced: endedCount() - 1,
      over: 0,
    };
    if (count[what] > 0) localStorage.setItem(ENDED_KEY, String(count[what]));
    else localStorage.removeItem(ENDED_KEY);
  } catch {
    // No storage: no model is loaded again automatically either.
  }
}

/** Whether loading the remembered model has crashed the page repeatedly. */
export function endsPages(): boolean {
  try {
    return endedCount() >= MOST_ENDED;
  } catch {
    return false;
  }
}

function endedCount(): number {
  return Number(localStorage.getItem(ENDED_KEY)) || 0;
}
