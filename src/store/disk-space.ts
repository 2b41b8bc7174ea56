/** What the browser says of the room that this site has, and asking it to keep what is there. */

/** What this site has of the disk; undefined where the browser does not tell. */
export interface SiteRoom {
  /** Whether the browser promised not to clear it by itself. */
  isPersistent: boolean | undefined;
  /** In use, and at most. */
  usageBytes: number | undefined;
  quotaBytes: number | undefined;
}

export async function siteRoom(): Promise<SiteRoom> {
  const storage = globalThis.navigator?.storage;
  // Some browsers refuse here instead of telling nothing.
  const [isPersistent, estimate] = await Promise.all([
    Promise.resolve(storage?.persisted?.()).catch(() => undefined),
    Promise.resolve(storage?.estimate?.()).catch(() => undefined),
  ]);
  return {
    isPersistent,
    usageBytes: estimate?.usage,
    quotaBytes: estimate?.quota,
  };
}

/** Bytes that may still be written; undefined where the browser does not tell. Some tell a fixed number. */
export async function freeBytes(): Promise<number | undefined> {
  const { usageBytes = 0, quotaBytes } = await siteRoom();
  return quotaBytes === undefined ? undefined : quotaBytes - usageBytes;
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
