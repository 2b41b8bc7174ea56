/**
 * Caches the page, so that it opens offline. It answers requests for the page's own files only; all others go to the
 * network. A new version is downloaded completely beside the old one, and waits until no tab has the old one open, or
 * until the user asks for it.
 */
import { PageCache } from "./page-cache";
import type { PageVersion } from "./page-version";
import { routeOf } from "./route";
import type { WorkerScope } from "./worker-scope";

const worker = globalThis as unknown as WorkerScope & {
  /** Defined by the build in the first line. */
  pageVersion: PageVersion;
};
const version = worker.pageVersion;
const { scope } = worker.registration;
const pageCache = new PageCache({ version, scope });

worker.addEventListener("install", (event) =>
  event.waitUntil(pageCache.install()),
);

worker.addEventListener("activate", (event) => event.waitUntil(begin()));

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const route = routeOf(request, scope, version);
  if (route === undefined) return;
  const answer = async () =>
    (await pageCache.read(route.path, route.part)) ?? fetch(request);
  event.respondWith(answer());
});

worker.addEventListener("message", (event) => {
  if (event.data === "take over") event.waitUntil(worker.skipWaiting());
  if (event.data === "page opened") event.waitUntil(deleteOldVersions(1));
});

async function begin(): Promise<void> {
  // The page that installed the first version is served from now on. A page of another version keeps its own worker.
  if (!(await pageCache.hasOthers())) await worker.clients.claim();
  await deleteOldVersions(0);
}

/** Deletes other versions, once none can be in use or downloading. */
async function deleteOldVersions(knownPages: number): Promise<void> {
  const { installing, waiting } = worker.registration;
  const open = await worker.clients.matchAll({
    type: "window",
    includeUncontrolled: true,
  });
  if (installing || waiting || open.length > knownPages) return;
  await pageCache.deleteOthers();
}
