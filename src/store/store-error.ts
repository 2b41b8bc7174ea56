/** Turns IndexedDB's errors into errors that a user can act on. */
import { StoreError, type StoreErrorReason } from "../util/errors";
import { ownValue } from "../util/own-value";

const REFUSED =
  "this page may not store data, so nothing is kept. Allow site data (cookies) for it in the browser's settings, leave the private window, or open the page by itself if it is inside another one; then reload.";

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
  SecurityError: ["unavailable", REFUSED],
  NotAllowedError: ["unavailable", REFUSED],
};

/**
 * A StoreError for a failure while `doing` (a verb and its object, such as "read the chats"). A StoreError is
 * returned as it is.
 */
export function asStoreError(error: unknown, doing: string): StoreError {
  if (error instanceof StoreError) return error;
  const name = error instanceof Error ? error.name : "";
  const detail = error instanceof Error ? error.message : String(error);
  // Chrome's and Firefox's words for site data that the user has blocked.
  const isRefused =
    /user denied permission|operation is insecure|not allow mutations/i.test(
      detail,
    );
  const [reason, advice] = ownValue(
    KNOWN,
    isRefused ? "SecurityError" : name,
  ) ?? [
    "failed" as const,
    `${(detail === "" ? name : detail).replace(/\.+$/, "")}. Try again; if this persists, reload the page.`,
  ];
  return new StoreError(reason, `Could not ${doing}: ${advice}`, {
    cause: error,
  });
}
