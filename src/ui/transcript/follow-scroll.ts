/**
 * Keeps a scrolling box at its end while its content grows, as long as the reader is at the end. Scrolling up stops
 * following; scrolling back to the end resumes it. Content that the reader expands does not scroll the box.
 */
import type { ReactiveController, ReactiveControllerHost } from "lit";

/** Nearer than this counts as the end: half a line of slack for fractional pixels and bounces. */
const END_PX = 24;

export class FollowScroll implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #box: () => HTMLElement | null;
  /** Whether there is an end to follow; without, the box stays where it is. */
  isActive = false;
  #sizes: ResizeObserver | undefined;
  #lastTop = 0;
  /** Whether the reader is at the end, or was when the last thing grew. */
  isFollowing = true;
  /** Whether the current growth is the reader's doing. */
  #isHeld = false;

  /** `box` is the scrolling element; its first child holds what grows. */
  constructor(host: ReactiveControllerHost, box: () => HTMLElement | null) {
    this.#host = host;
    this.#box = box;
    host.addController(this);
  }

  hostUpdated(): void {
    this.#keepUp();
    const box = this.#box();
    if (box === null || this.#sizes !== undefined) return;
    this.#sizes = new ResizeObserver(() => this.#keepUp());
    this.#sizes.observe(box);
    if (box.firstElementChild) this.#sizes.observe(box.firstElementChild);
  }

  hostDisconnected(): void {
    this.#sizes?.disconnect();
    this.#sizes = undefined;
  }

  /**
   * Call when the box scrolls. Only scrolling upwards leaves the end: being above it may just mean that the content
   * has grown.
   */
  scrolled(): void {
    const box = this.#box();
    if (box === null) return;
    const isUpwards = box.scrollTop < this.#lastTop;
    this.#lastTop = box.scrollTop;
    this.#note(isAtEnd(box) || (this.isFollowing && !isUpwards));
  }

  /** Follows from the next update on. */
  follow(): void {
    this.isFollowing = true;
    this.#isHeld = false;
  }

  /** Stops following. */
  leave(): void {
    this.#note(false);
  }

  toEnd(): void {
    this.follow();
    this.#host.requestUpdate();
  }

  /** Stays where it is until there is something new to follow. */
  hold(): void {
    this.#isHeld = true;
  }

  #keepUp(): void {
    const box = this.#box();
    if (box === null || !this.isActive) return;
    if (this.#isHeld) this.#note(isAtEnd(box));
    else if (this.isFollowing) box.scrollTop = box.scrollHeight;
  }

  #note(isFollowing: boolean): void {
    if (this.isFollowing === isFollowing) return;
    this.isFollowing = isFollowing;
    this.#host.requestUpdate();
  }
}

function isAtEnd(box: HTMLElement): boolean {
  return box.scrollHeight - box.clientHeight - box.scrollTop < END_PX;
}
