/**
 * The page's side of the service worker: registers it, and reports new versions. Failures are only logged: the page
 * works without it.
 */

/** Least time between checks for a new version, made when the user returns to the page. */
const ASK_AGAIN_MS = 60 * 60 * 1000;

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
    watch(registration, () => onNew(() => reloadWith(registration)));
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
 * is about to activate keeps the old one running. It then activates as soon as a page reloads.
 */
function reloadWith({ waiting }: ServiceWorkerRegistration): void {
  if (waiting === null) return location.reload();
  waiting.addEventListener("statechange", () => {
    if (["activated", "redundant"].includes(waiting.state)) location.reload();
  });
  waiting.postMessage("take over");
  setTimeout(() => location.reload(), LONGEST_TAKE_OVER_MS);
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
