/**
 * The page's side: has a service worker keep the page, and says when it has brought a new version. What
 * goes wrong is no matter of the user's: the page works as it did without.
 */

/** How often a page that stays open asks for a new version, when somebody comes back to it. */
const ASK_AGAIN_MS = 60 * 60 * 1000;

/** @param onNew told once, when a new version is ready; what it is given reloads the page with that one */
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
    // The first version of all waits for nobody.
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
    // What becomes of it later, once it is whole, is another matter.
    installing?.addEventListener("statechange", note, { once: true });
  };
  registration.addEventListener("updatefound", follow);
  follow();
  look();
}

/** The new version may be in use already: another tab has asked for it. */
function reloadWith({ waiting }: ServiceWorkerRegistration): void {
  if (waiting === null) return location.reload();
  waiting.addEventListener("statechange", () => {
    if (["activated", "redundant"].includes(waiting.state)) location.reload();
  });
  waiting.postMessage("take over");
}

function askNowAndThen(registration: ServiceWorkerRegistration): void {
  let askedMs = Date.now();
  addEventListener("focus", () => {
    if (Date.now() - askedMs < ASK_AGAIN_MS) return;
    askedMs = Date.now();
    // Without a network there is none to be had.
    registration.update().catch(() => undefined);
  });
}
