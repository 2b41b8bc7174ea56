/** A log of the last turns, for the memory panel's timeline. */
import type { Gpu } from "../../gpu/gpu";
import type { LocalReceipt } from "../api/receipt";
import type { TurnRecord } from "../api/memory-snapshot";

const MOST_TURNS = 100;

export class TurnLog {
  /** Oldest first. */
  readonly records: TurnRecord[] = [];

  /** Records the start of a turn. @returns a function to call at its end */
  begin(
    chatId: string,
    { counts, ledger }: Gpu,
  ): (receipt: LocalReceipt) => void {
    const startedMs = Date.now();
    const { writtenBytes } = counts;
    return (receipt) => {
      const { bytes, totalBytes } = ledger;
      this.records.push({
        chatId,
        roundId: receipt.roundId,
        startedMs,
        receipt,
        uploadedBytes: counts.writtenBytes - writtenBytes,
        gpuBytes: totalBytes,
        kvBytes: bytes["lower pages"] + bytes["upper pages"],
      });
      if (this.records.length > MOST_TURNS) this.records.shift();
    };
  }
}
