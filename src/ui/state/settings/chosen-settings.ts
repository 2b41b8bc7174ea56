/** Settings of one `<rondo-chat>`: the page's, and the user's, which override them. */
import { rememberedSettings, rememberSettings } from "./remembered-settings";
import {
  isSame,
  laidOver,
  replyOptions,
  type SettingOptions,
  type Settings,
} from "./settings";

export class ChosenSettings {
  #own: string | undefined;
  /** The page's settings. */
  defaults: Settings = {};
  /** The user's settings. */
  chosen: Settings = {};

  /** Recalls the user's settings for elements that name this model. */
  remember(own: string | undefined): void {
    this.#own = own;
    this.chosen = rememberedSettings(own);
  }

  get inForce(): Settings {
    return laidOver(this.chosen, this.defaults);
  }

  get options(): SettingOptions {
    return replyOptions(this.inForce);
  }

  /** Undefined returns to the page's value, or the model's. */
  choose(changes: Settings): void {
    this.#choose(laidOver({}, { ...this.chosen, ...changes }));
  }

  /** Resets all of them. */
  reset(): void {
    this.#choose({});
  }

  #choose(chosen: Settings): void {
    if (isSame(chosen, this.chosen)) return;
    this.chosen = chosen;
    rememberSettings(this.#own, chosen);
  }
}
