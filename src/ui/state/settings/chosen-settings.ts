/** Settings of one `<rondo-chat>`: what its page says, and what its user has chosen over that. */
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
  /** What the page says. */
  defaults: Settings = {};
  /** What the user has chosen. */
  chosen: Settings = {};

  /** What was chosen with this model as the element's own, in an earlier page. */
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

  /** Undefined goes back to what the page says, or the model. */
  choose(changes: Settings): void {
    this.#choose(laidOver({}, { ...this.chosen, ...changes }));
  }

  /** Goes back with all of them. */
  reset(): void {
    this.#choose({});
  }

  #choose(chosen: Settings): void {
    if (isSame(chosen, this.chosen)) return;
    this.chosen = chosen;
    rememberSettings(this.#own, chosen);
  }
}
