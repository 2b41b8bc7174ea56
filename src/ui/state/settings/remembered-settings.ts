/**
 * Remembers the user's settings across reloads. Elements that name the same model share them. Where storage is not
 * allowed, they last as long as the page.
 */
import * as v from "valibot";
import {
  ATTENTION_MODES,
  isSame,
  isWithin,
  type NumberName,
  type Settings,
} from "./settings";

/** @param own the model that the element names */
const keyOf = (own: string | undefined) => `rondo.settings ${own ?? ""}`;

function numberField(name: NumberName) {
  return v.optional(
    v.pipe(
      v.number(),
      v.check((value) => isWithin(name, value)),
    ),
  );
}

/** As they are remembered. */
const settingsSchema = v.object({
  temperature: numberField("temperature"),
  topK: numberField("topK"),
  topP: numberField("topP"),
  minP: numberField("minP"),
  repetitionPenalty: numberField("repetitionPenalty"),
  seed: numberField("seed"),
  maxTokens: numberField("maxTokens"),
  attention: v.optional(v.picklist(ATTENTION_MODES)),
  tau: numberField("tau"),
  repair: numberField("repair"),
  memoryBudgetBytes: numberField("memoryBudgetBytes"),
});

/** Stored data is untrusted: one invalid setting discards them all. */
export function rememberedSettings(own: string | undefined): Settings {
  try {
    const text = localStorage.getItem(keyOf(own));
    return text === null ? {} : v.parse(settingsSchema, JSON.parse(text));
  } catch {
    return {};
  }
}

export function rememberSettings(
  own: string | undefined,
  settings: Settings,
): void {
  try {
    if (isSame(settings, {})) localStorage.removeItem(keyOf(own));
    else localStorage.setItem(keyOf(own), JSON.stringify(settings));
  } catch {
    // No storage: last until the page is closed.
  }
}
