/**
 * The model that was chosen last, so that the page loads it again. Its id and how it is kept on the GPU
 * are remembered; tokens and files never are. Where storage is not allowed, it lasts as long as the page.
 */
import * as v from "valibot";
import type { ModelWish } from "./model-wish";

const KEY = "rondo.model";

const schema = v.object({
  id: v.pipe(v.string(), v.minLength(1)),
  weightBits: v.optional(v.picklist([4, 8, 16])),
  memoryBudgetBytes: v.optional(v.pipe(v.number(), v.minValue(0))),
});

export function rememberedModel(): ModelWish | undefined {
  try {
    const text = localStorage.getItem(KEY);
    if (text === null) return undefined;
    const { id, ...options } = v.parse(schema, JSON.parse(text));
    return { source: id, options };
  } catch {
    return undefined;
  }
}

/** Undefined forgets it. Files cannot be remembered: what was before stays. */
export function rememberModel(wish: ModelWish | undefined): void {
  try {
    if (wish === undefined) return localStorage.removeItem(KEY);
    const { source: id, options } = wish;
    if (typeof id !== "string") return;
    const { memoryBudgetBytes, weightBits } = options;
    const kept = { id, weightBits, memoryBudgetBytes };
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // Not allowed: it is there until the page is gone.
  }
}
