/**
 * Caches the page, so that it opens offline. It answers requests for the page's own files only; all others go to the
 * network. A new version is downloaded completely beside the old one, and waits until no tab has the old one open, or
 * until the user asks for it.
 */
import { KeptPage } from "./kept-page";
import type { PageVersion } from "./page-version";
import { routeOf } from "./route";
import type { WorkerScope } from "./worker-scope";

const worker = globalThis as unknown as WorkerScope & {
  /** Defined by the build in the first line. */
  pageVersion: PageVersion;
};
const version = worker.pageVersion;
const { scope } = worker.registration;
const kept = new KeptPage({ version, scope });

worker.addEventListener("install", (event) => event.waitUntil(kept.install()));

worker.addEventListener("activate", (event) => event.waitUntil(begin()));

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const route = routeOf(request, scope, version);
  if (route === undefined) return;
  const answer = async () =>
    (await kept.read(route.path, route.part)) ?? fetch(request);
  event.respondWith(answer());
});

worker.addEventListener("message", (event) => {
  if (event.data === "take over") event.waitUntil(worker.skipWaiting());
  if (event.data === "page opened") event.waitUntil(sweep(1));
});

async function begin(): Promise<void> {
  // The page that installed the first version is served from now on. A page of another version keeps its own worker.
  if (!(await kept.hasOthers())) await worker.clients.claim();
  await sweep(0);
}

/** Deletes other versions, once none can be in use or downloading. */
async function sweep(knownPages: number): Promise<void> {
  const { installing, waiting } = worker.registration;
  const open = await worker.clients.matchAll({
    type: "window",
    includeUncontrolled: true,
  });
  if (installing || waiting || open.length > knownPages) return;
  await kept.forgetOthers();
}
