/** Writes when the disk or the quota is full: segments are evicted to make room, text never. */
import { StoreError } from "../util/errors";
import type { EvictOptions, Segments } from "./segments";

/**
 * Runs `write`. If there is no room, evicts the least recently used segments and runs it again: once for each
 * entry of `evictions`, which say what must stay.
 *
 * @param wantedBytes to free each time. The files of deleted Blobs disappear a while after their records, so ask
 *   for more than is written
 * @throws StoreError `quota` if that does not help; and as `write`
 */
export async function writeWithEviction<T>(
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
