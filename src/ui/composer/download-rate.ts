/** The rate of a download over the last few seconds. Callers pass times and bytes; nothing is measured here. */

/** Shorter, and the number jumps; longer, and it lags behind changes of the connection. */
const WINDOW_MS = 5000;

/** Too early for a meaningful rate before this much time. */
const SETTLING_MS = 1000;

export class DownloadRate {
  /** Bytes present at a time, oldest first. The first sample is from before the window. */
  #samples: { timeMs: number; bytes: number }[] = [];
  #beganMs: number | undefined;

  /** Adds a sample; `timeMs` never decreases. */
  add(timeMs: number, bytes: number): void {
    const last = this.#samples.at(-1);
    // The download started again, for example because a file changed on the server.
    if (last !== undefined && bytes < last.bytes) this.clear();
    this.#beganMs ??= timeMs;
    if (last?.bytes !== bytes) this.#samples.push({ timeMs, bytes });
    this.#forget(timeMs);
  }

  /** Over the last few seconds; 0 where nothing arrived in them, undefined while unknown. */
  bytesPerSecond(nowMs: number): number | undefined {
    if (this.#beganMs === undefined || nowMs - this.#beganMs < SETTLING_MS)
      return undefined;
    this.#forget(nowMs);
    const first = this.#samples[0]!;
    const last = this.#samples.at(-1)!;
    const spanMs = nowMs - first.timeMs;
    return spanMs <= 0 ? 0 : ((last.bytes - first.bytes) / spanMs) * 1000;
  }

  /** Undefined where the rate is 0 or unknown. */
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
