/**
 * Remembers the user's settings across reloads. Elements that name the same model share them. Where storage is not
 * allowed, they last as long as the page.
 */
import * as v from "valibot";
import { isSame, type Settings, settingsSchema } from "./settings";

/** @param own the model that the element names */
const keyOf = (own: string | undefined) => `rondo.settings ${own ?? ""}`;

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
