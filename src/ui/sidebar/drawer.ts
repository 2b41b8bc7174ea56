/**
 * Whether the side panel is open. Beside a wide chat it is, unless the user closed it; over a narrow one
 * it is a drawer, closed until it is asked for, that takes the focus and gives it back.
 */
import type { ReactiveController, ReactiveControllerHost } from "lit";

/** Narrower than this there is no room for both. */
const DRAWER_BELOW_PX = 720;

export interface DrawerParts {
  panel: HTMLElement;
  /** What opens it, and gets the focus back. */
  toggle: HTMLElement;
}

export class Drawer implements ReactiveController {
  readonly #host: ReactiveControllerHost & HTMLElement;
  readonly #parts: () => DrawerParts;
  readonly #width = new ResizeObserver(([entry]) =>
    this.#fit(entry?.contentRect.width ?? 0),
  );
  /** What the user asked for; undefined leaves it to the width. */
  #choice: boolean | undefined;
  isNarrow = false;

  constructor(
    host: ReactiveControllerHost & HTMLElement,
    parts: () => DrawerParts,
  ) {
    this.#host = host;
    this.#parts = parts;
    host.addController(this);
  }

  get isOpen(): boolean {
    return this.#choice ?? !this.isNarrow;
  }

  /** Whether the panel lies over the chat now. */
  get isCovering(): boolean {
    return this.isNarrow && this.isOpen;
  }

  hostConnected(): void {
    this.#fit(this.#host.clientWidth);
    this.#width.observe(this.#host);
  }

  hostDisconnected(): void {
    this.#width.disconnect();
  }

  async toggle(): Promise<void> {
    this.#choice = !this.isOpen;
    this.#host.requestUpdate();
    await this.#host.updateComplete;
    if (!this.isNarrow) return;
    const { panel, toggle } = this.#parts();
    (this.isOpen ? panel : toggle).focus();
  }

  /** Gets out of the way of what was chosen in it. */
  leave(): void {
    if (this.isNarrow) this.#choice = false;
    this.#host.requestUpdate();
  }

  #fit(widthPx: number): void {
    const isNarrow = widthPx < DRAWER_BELOW_PX;
    if (isNarrow === this.isNarrow) return;
    this.isNarrow = isNarrow;
    this.#choice = undefined;
    this.#host.requestUpdate();
  }
}
