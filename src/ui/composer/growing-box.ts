/** Makes a text area as high as its text, however wide it is. */
import type { ReactiveController, ReactiveControllerHost } from "lit";

export class GrowingBox implements ReactiveController {
  readonly #host: HTMLElement;
  readonly #box: () => HTMLTextAreaElement | null;
  /** In the next frame: resizing the box inside the observer's callback would trigger it again. */
  readonly #width = new ResizeObserver(() =>
    requestAnimationFrame(() => this.hostUpdated()),
  );

  constructor(
    host: ReactiveControllerHost & HTMLElement,
    box: () => HTMLTextAreaElement | null,
  ) {
    this.#host = host;
    this.#box = box;
    host.addController(this);
  }

  hostConnected(): void {
    this.#width.observe(this.#host);
  }

  hostDisconnected(): void {
    this.#width.disconnect();
  }

  hostUpdated(): void {
    const box = this.#box();
    const frame = box?.parentElement;
    if (!box || !frame) return;
    // What is around it must not move while its height is taken.
    frame.style.minHeight = `${frame.offsetHeight}px`;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight}px`;
    frame.style.minHeight = "";
  }
}
