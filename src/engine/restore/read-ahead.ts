/** Reads stored halves that will likely be needed from the disk, while the GPU is busy. */
import type { Round } from "../../memory/round";
import type { Half } from "../../util/kv-half";
import type { SegmentSource, StoredHalf } from "./kv-restore";

export class ReadAhead implements SegmentSource {
  readonly #source: SegmentSource;
  readonly #begun = new Map<
    Round,
    Promise<StoredHalf | "missing" | "dropped">
  >();
  readonly #half: Half;

  /** @param half which half is read ahead; reads of the other one pass through */
  constructor(source: SegmentSource, half: Half) {
    this.#source = source;
    this.#half = half;
  }

  /** Starts reading, if the half is stored and not resident. */
  begin(rounds: readonly Round[]): void {
    for (const round of rounds) {
      const kv = round[this.#half];
      if (kv.stored.bytes === 0 || kv.pages.length > 0) continue;
      if (!this.#begun.has(round))
        this.#begun.set(round, this.#source.read(round, this.#half));
    }
  }

  read(round: Round, half: Half): Promise<StoredHalf | "missing" | "dropped"> {
    if (half !== this.#half) return this.#source.read(round, half);
    const begun = this.#begun.get(round);
    this.#begun.delete(round);
    return begun ?? this.#source.read(round, half);
  }
}
