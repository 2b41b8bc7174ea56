/** Writing where the disk is full, or the browser grants no more of it: segments make way, text never. */
import { StoreError } from "../util/errors";
import type { EvictOptions, Segments } from "./segments";

/**
 * Runs `write`. Where there is no room for it, segments that were not used for longest make way, and it
 * runs again: once for each entry of `evictions`, which say what must stay.
 *
 * @param wantedBytes to free at a time. The files of deleted Blobs go a while after their records: ask
 *   for more than is written
 * @throws StoreError `quota` where that does not help; and as `write`
 */
export async function writeInLittleRoom<T>(
  segments: Segments,
  write: () => Promise<T>,
  wantedBytes: number,
  evictions: readonly EvictOptions[],
): Promise<T> {
  let full: unknown;
  const tryToWrite = async (): Promise<{ result: T } | undefined> => {
    try {
      return { result: await write() };
    } catch (error) {
      if (!(error instanceof StoreError && error.reason === "quota"))
        throw error;
      full = error;
      return undefined;
    }
  };

  let written = await tryToWrite();
  for (const eviction of evictions) {
    if (written !== undefined) break;
    const freedBytes = await segments.evict(wantedBytes, eviction);
    if (freedBytes > 0) written = await tryToWrite();
  }
  if (written === undefined) throw full;
  return written.result;
}
