/**
 * Keeps a scrolling box at its end while what is in it grows, as long as the reader is at the end.
 * Who scrolls up reads in peace; who comes back to the end follows again.
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
  /** Whether the reader is at the end, or was when the last thing grew. Set it before an update to go there. */
  isFollowing = true;

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
   * To be called when the box scrolls. Only a move upwards leaves the end: being above it may mean no
   * more than that something has grown since the box was last brought there.
   */
  scrolled(): void {
    const box = this.#box();
    if (box === null) return;
    const isUpwards = box.scrollTop < this.#lastTop;
    this.#lastTop = box.scrollTop;
    const below = box.scrollHeight - box.clientHeight - box.scrollTop;
    const isFollowing = below < END_PX || (this.isFollowing && !isUpwards);
    if (this.isFollowing === isFollowing) return;
    this.isFollowing = isFollowing;
    this.#host.requestUpdate();
  }

  toEnd(): void {
    this.isFollowing = true;
    this.#host.requestUpdate();
  }

  #keepUp(): void {
    const box = this.#box();
    if (box === null || !this.isActive) return;
    if (this.isFollowing) box.scrollTop = box.scrollHeight;
  }
}
