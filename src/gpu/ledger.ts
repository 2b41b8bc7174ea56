/** Accounts for the bytes on the GPU. Every buffer belongs to one class. */

/** The purpose of a buffer. */
export type MemoryClass =
  | "weights"
  | "lower pages"
  | "upper pages"
  | "index"
  | "activations"
  | "staging";

/** Counts the bytes of live buffers by class, and their peak. */
export class Ledger {
  readonly bytes: Record<MemoryClass, number> = {
    weights: 0,
    "lower pages": 0,
    "upper pages": 0,
    index: 0,
    activations: 0,
    staging: 0,
  };
  peakBytes = 0;
  /** The peak of the bytes that pages of both halves took together. */
  peakKvBytes = 0;

  get totalBytes(): number {
    return Object.values(this.bytes).reduce((sum, bytes) => sum + bytes, 0);
  }

  add(memoryClass: MemoryClass, bytes: number): void {
    this.bytes[memoryClass] += bytes;
    this.peakBytes = Math.max(this.peakBytes, this.totalBytes);
    const kvBytes = this.bytes["lower pages"] + this.bytes["upper pages"];
    this.peakKvBytes = Math.max(this.peakKvBytes, kvBytes);
  }

  remove(memoryClass: MemoryClass, bytes: number): void {
    this.bytes[memoryClass] -= bytes;
  }
}
