/** What the browser says of the room that this site has, and asking it to keep what is there. */

/** Bytes that may still be written; undefined where the browser does not tell. Some tell a fixed number. */
export async function freeBytes(): Promise<number | undefined> {
  try {
    const estimate = await globalThis.navigator?.storage?.estimate?.();
    if (estimate?.quota === undefined) return undefined;
    return estimate.quota - (estimate.usage ?? 0);
  } catch {
    return undefined;
  }
}

/**
 * Asks the browser not to clear this site's data when the disk gets full. Only pages can ask, workers
 * cannot; whatever comes of it, all goes on.
 */
export async function askToPersist(): Promise<void> {
  try {
    const storage = globalThis.navigator?.storage;
    if (await storage?.persisted?.()) return;
    await storage?.persist?.();
  } catch {
    // It was only a wish.
  }
}
