/**
 * Whether the side panel is open. Beside a wide chat it starts open; in a narrow one it is a drawer that starts
 * closed, takes the focus, and gives it back.
 */
import type { ReactiveController, ReactiveControllerHost } from "lit";

/** Below this width the panel covers the chat. */
const DRAWER_BELOW_PX = 720;

export interface DrawerParts {
  panel: HTMLElement;
  /** The button that opens it, and gets the focus back. */
  toggle: HTMLElement;
}

export class Drawer implements ReactiveController {
  readonly #host: ReactiveControllerHost & HTMLElement;
  readonly #parts: () => DrawerParts;
  readonly #width = new ResizeObserver(([entry]) =>
    this.#fit(entry?.contentRect.width ?? 0),
  );
  /** The user's choice; undefined depends on the width. */
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

  /** Whether the panel covers the chat now. */
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

  /** Closes a drawer after a choice in it. */
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
