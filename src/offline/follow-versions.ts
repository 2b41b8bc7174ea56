/**
 * The page's side of the service worker: registers it, and reports new versions. Failures are only logged: the page
 * works without it.
 */

/** Least time between checks for a new version, made when the user returns to the page. */
const ASK_AGAIN_MS = 60 * 60 * 1000;

/** How often a page reloads by itself for a version that was asked for. */
const MOST_RELOADS = 3;
const RELOADS_KEY = "rondo-reloads-left";

/** It takes milliseconds where nothing is in its way. */
const LONGEST_TAKE_OVER_MS = 3000;

/** @param onNew called once, when a new version is ready, with a function that reloads the page */
export async function followVersions(
  workerUrl: URL,
  onNew: (reload: () => void) => void,
): Promise<void> {
  if (!isSecureContext || !("serviceWorker" in navigator)) return;
  try {
    const container = navigator.serviceWorker;
    const registration = await container.register(workerUrl, {
      updateViaCache: "none",
    });
    watch(registration, () => {
      if (takeReload()) reloadWith(registration);
      else onNew(() => reloadWith(registration, MOST_RELOADS));
    });
    // The version that was asked for is here.
    if (registration.waiting === null) sessionStorage.removeItem(RELOADS_KEY);
    askNowAndThen(registration);
    (await container.ready).active?.postMessage("page opened");
  } catch (error) {
    console.warn("This page could not be saved for offline use.", error);
  }
}

function watch(
  registration: ServiceWorkerRegistration,
  onNew: () => void,
): void {
  let isTold = false;
  const look = () => {
    // The first version takes over at once.
    if (isTold || registration.waiting === null || registration.active === null)
      return;
    isTold = true;
    onNew();
  };
  const follow = () => {
    const { installing } = registration;
    const note = () => {
      if (installing?.state === "redundant")
        console.warn(
          "A version of this page could not be downloaded completely.",
        );
      look();
    };
    // Only failures of the download matter here.
    installing?.addEventListener("statechange", note, { once: true });
  };
  registration.addEventListener("updatefound", follow);
  follow();
  look();
}

/**
 * Another tab may have activated the new version already. Chromium can leave it waiting: a request that comes as it
 * is about to activate keeps the old one running. It then activates as a page reloads, unless that happens again.
 *
 * @param reloadsLeft how often a page that still finds it waiting may reload by itself
 */
function reloadWith(
  { waiting }: ServiceWorkerRegistration,
  reloadsLeft?: number,
): void {
  if (reloadsLeft !== undefined)
    sessionStorage.setItem(RELOADS_KEY, String(reloadsLeft));
  if (waiting === null) return location.reload();
  waiting.addEventListener("statechange", () => {
    if (["activated", "redundant"].includes(waiting.state)) location.reload();
  });
  waiting.postMessage("take over");
  setTimeout(() => location.reload(), LONGEST_TAKE_OVER_MS);
}

/** Whether this page has reloaded for the version that waits, and may once more. */
function takeReload(): boolean {
  const left = Number(sessionStorage.getItem(RELOADS_KEY) ?? 0);
  sessionStorage.setItem(RELOADS_KEY, String(Math.max(0, left - 1)));
  return left > 0;
}

function askNowAndThen(registration: ServiceWorkerRegistration): void {
  let askedMs = Date.now();
  addEventListener("focus", () => {
    if (Date.now() - askedMs < ASK_AGAIN_MS) return;
    askedMs = Date.now();
    // Fails offline.
    registration.update().catch(() => undefined);
  });
}
