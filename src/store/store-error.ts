/** Turns IndexedDB's errors into errors that a user can act on. */
import { StoreError, type StoreErrorReason } from "../util/errors";
import { ownValue } from "../util/own-value";

/** By the name of the DOMException: the reason, and the part of the message that says what to do. */
const KNOWN: Record<string, [reason: StoreErrorReason, advice: string]> = {
  QuotaExceededError: [
    "quota",
    "there is no room left for this site. Delete chats, or free space on the disk, then try again.",
  ],
  VersionError: [
    "outdated",
    "a newer version of Rondo wrote it. Reload the page to update.",
  ],
  InvalidStateError: [
    "closed",
    "the database is closed. Reload the page to open it again.",
  ],
  SecurityError: [
    "unavailable",
    "this page may not store data. Allow site data in the browser's settings.",
  ],
};

/**
 * A StoreError for a failure while `doing` (a verb and its object, such as "read the chats"). A StoreError is
 * returned as it is.
 */
export function asStoreError(error: unknown, doing: string): StoreError {
  if (error instanceof StoreError) return error;
  const name = error instanceof Error ? error.name : "";
  const detail = error instanceof Error ? error.message : String(error);
  const [reason, advice] = ownValue(KNOWN, name) ?? [
    "failed" as const,
    `${detail === "" ? name : detail}. Try again; if this persists, reload the page.`,
  ];
  return new StoreError(reason, `Could not ${doing}: ${advice}`, {
    cause: error,
  });
}
