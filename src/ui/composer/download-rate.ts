/** How fast something is fetched, over the last few seconds: times go in with bytes, nothing is measured here. */

/** Shorter, and the number jumps; longer, and it tells of a connection that is no more. */
const WINDOW_MS = 5000;

/** Before so much has passed, any number would be nonsense. */
const SETTLING_MS = 1000;

export class DownloadRate {
  /** Oldest first: what was there at a time. The first one is what was there before. */
  #samples: { timeMs: number; bytes: number }[] = [];
  #beganMs: number | undefined;

  /** Takes note of what is there; `timeMs` never goes back. */
  add(timeMs: number, bytes: number): void {
    const last = this.#samples.at(-1);
    // Begun anew, as when a file has changed on the server.
    if (last !== undefined && bytes < last.bytes) this.clear();
    this.#beganMs ??= timeMs;
    if (last?.bytes !== bytes) this.#samples.push({ timeMs, bytes });
    this.#forget(timeMs);
  }

  /** Of the last few seconds; 0 where nothing has come for so long, undefined until it can be told. */
  bytesPerSecond(nowMs: number): number | undefined {
    if (this.#beganMs === undefined || nowMs - this.#beganMs < SETTLING_MS)
      return undefined;
    this.#forget(nowMs);
    const first = this.#samples[0]!;
    const last = this.#samples.at(-1)!;
    const spanMs = nowMs - first.timeMs;
    return spanMs <= 0 ? 0 : ((last.bytes - first.bytes) / spanMs) * 1000;
  }

  /** Undefined where the rate tells nothing. */
  secondsLeft(nowMs: number, totalBytes: number): number | undefined {
    const rate = this.bytesPerSecond(nowMs);
    const bytes = this.#samples.at(-1)?.bytes ?? 0;
    return rate ? Math.max(totalBytes - bytes, 0) / rate : undefined;
  }

  clear(): void {
    this.#samples = [];
    this.#beganMs = undefined;
  }

  /** Keeps one sample from before the window: what has come since is counted from there. */
  #forget(nowMs: number): void {
    while (this.#samples.length > 1) {
      if (this.#samples[1]!.timeMs > nowMs - WINDOW_MS) return;
      this.#samples.shift();
    }
  }
}
