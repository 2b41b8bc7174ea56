/** Redraws an element when the colour scheme changes: a canvas does not follow by itself. */
import type { ReactiveController, ReactiveControllerHost } from "lit";

export class ColourScheme implements ReactiveController {
  readonly #query = matchMedia("(prefers-color-scheme: dark)");
  readonly #changed: () => void;
  readonly #host: ReactiveControllerHost & HTMLElement;

  constructor(host: ReactiveControllerHost & HTMLElement, changed: () => void) {
    this.#host = host;
    this.#changed = changed;
    host.addController(this);
  }

  hostConnected(): void {
    this.#query.addEventListener("change", this.#changed);
  }

  hostDisconnected(): void {
    this.#query.removeEventListener("change", this.#changed);
  }

  /** One of the theme's colours as it is now, for example "--_accent". */
  colour(name: string): string {
    return getComputedStyle(this.#host).getPropertyValue(name).trim();
  }
}
