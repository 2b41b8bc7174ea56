/**
 * Keeps a scrolling box at its end while its content grows, as long as the reader is at the end. Any move of the reader
 * upwards stops following at once, however small it is and however fast the content grows: a turn of the wheel, a
 * finger or a key before the box has moved, and all else, such as the scrollbar, by where the box is then. Coming back
 * to the end resumes it. Content that the reader expands does not scroll the box.
 */
import type { ReactiveController, ReactiveControllerHost } from "lit";

/** Nearer than this counts as the end for a reader who moves towards it: half a line. */
const END_PX = 24;
/** Browsers round where a box is scrolled to. */
const ROUNDING_PX = 1;

const KEYS_UP = ["ArrowUp", "PageUp", "Home"];

export class FollowScroll implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #box: () => HTMLElement | null;
  /** Whether there is an end to follow; without, the box stays where it is. */
  isActive = false;
  #sizes: ResizeObserver | undefined;
  /** Where the box was when it was last looked at. */
  #lastTop = 0;
  /** Where the finger was. */
  #fingerY = 0;
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
    const options = { passive: true };
    box.addEventListener("wheel", this.#onWheel, options);
    box.addEventListener("touchstart", this.#onTouch, options);
    box.addEventListener("touchmove", this.#onTouch, options);
    box.addEventListener("keydown", this.#onKey, options);
  }

  hostDisconnected(): void {
    this.#sizes?.disconnect();
    this.#sizes = undefined;
    const box = this.#box();
    box?.removeEventListener("wheel", this.#onWheel);
    box?.removeEventListener("touchstart", this.#onTouch);
    box?.removeEventListener("touchmove", this.#onTouch);
    box?.removeEventListener("keydown", this.#onKey);
  }

  /** Follows from the next update on. */
  follow(): void {
    this.isFollowing = true;
    this.#isHeld = false;
    this.#lastTop = 0;
  }

  /** Stops following, until the reader is back at the end. */
  leave(): void {
    this.#isHeld = false;
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

  /** Call when the box scrolls. */
  scrolled(): void {
    const box = this.#box();
    if (box === null) return;
    const isDown = box.scrollTop > this.#lastTop;
    if (this.#wentUp(box)) this.leave();
    else if (isDown && belowOf(box) < END_PX) this.#note(true);
    this.#lastTop = box.scrollTop;
  }

  /** The content was moved under the reader, who is where he was. */
  shifted(): void {
    this.#lastTop = this.#box()?.scrollTop ?? 0;
  }

  #onWheel = ({ deltaY, ctrlKey }: WheelEvent) => {
    // With Ctrl it zooms.
    if (!ctrlKey) this.#moves(deltaY);
  };

  #onTouch = ({ type, touches }: TouchEvent) => {
    const [finger] = touches;
    if (finger === undefined || touches.length > 1) return;
    if (type === "touchmove") this.#moves(this.#fingerY - finger.clientY);
    this.#fingerY = finger.clientY;
  };

  #onKey = (event: KeyboardEvent) => {
    const { key, shiftKey } = event;
    const [target] = event.composedPath();
    if (target instanceof Element && target.matches("textarea, input, select"))
      return;
    const isSpace = key === " " && shiftKey && target === this.#box();
    if (isSpace || KEYS_UP.includes(key)) this.#moves(-1);
  };

  /** The reader moves down by so much, or up: the box will have moved in a moment. */
  #moves(down: number): void {
    const box = this.#box();
    if (box === null) return;
    if (down < 0 && box.scrollTop > 0) this.leave();
    else if (down > 0 && belowOf(box) <= ROUNDING_PX) this.#note(true);
  }

  /** Whether the reader has moved up, rather than the content having become shorter. */
  #wentUp(box: HTMLElement): boolean {
    return (
      box.scrollTop < this.#lastTop - ROUNDING_PX && belowOf(box) > ROUNDING_PX
    );
  }

  #keepUp(): void {
    const box = this.#box();
    if (box === null || !this.isActive) return;
    if (this.#isHeld) this.#note(belowOf(box) < END_PX);
    else if (this.isFollowing && this.#wentUp(box)) this.leave();
    else if (this.isFollowing) box.scrollTop = box.scrollHeight;
    this.#lastTop = box.scrollTop;
  }

  #note(isFollowing: boolean): void {
    if (this.isFollowing === isFollowing) return;
    this.isFollowing = isFollowing;
    this.#host.requestUpdate();
  }
}

/** How much of the content is below the box. */
function belowOf(box: HTMLElement): number {
  return box.scrollHeight - box.clientHeight - box.scrollTop;
}
