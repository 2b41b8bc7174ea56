/** The site's disk quota as the browser reports it, and the request to keep the site's data. */

/** Disk usage of this site; undefined if the browser does not say. */
export interface SiteRoom {
  /** Whether the browser promised not to clear it by itself. */
  isPersistent: boolean | undefined;
  /** Bytes in use, and the quota. */
  usageBytes: number | undefined;
  quotaBytes: number | undefined;
}

export async function siteRoom(): Promise<SiteRoom> {
  const storage = globalThis.navigator?.storage;
  // Some browsers reject here instead of leaving out values.
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

/** Bytes that may still be written; undefined if the browser does not say. Some report a fixed number. */
export async function freeBytes(): Promise<number | undefined> {
  const { usageBytes = 0, quotaBytes } = await siteRoom();
  return quotaBytes === undefined ? undefined : quotaBytes - usageBytes;
}

/**
 * Asks the browser not to clear this site's data when the disk gets full. Only pages can ask, workers cannot.
 * Never rejects.
 */
export async function askToPersist(): Promise<void> {
  try {
    const storage = globalThis.navigator?.storage;
    if (await storage?.persisted?.()) return;
    await storage?.persist?.();
  } catch {
    // Best effort.
  }
}
