/**
 * Keeps the page, so that it opens without a network. It answers requests for the page's own files, and
 * no others: those go to the network as if it were not there. A new version is brought beside the one in
 * use, whole or not at all, and waits until no tab has the old one open, or until its user asks for it.
 */
import { KeptPage } from "./kept-page";
import type { PageVersion } from "./page-version";
import { routeOf } from "./route";
import type { WorkerScope } from "./worker-scope";

const worker = globalThis as unknown as WorkerScope & {
  /** Put there by the build, in front of this. */
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
  // The page that brought the first version has its files from now on. A page of another version keeps its own worker.
  if (!(await kept.hasOthers())) await worker.clients.claim();
  await sweep(0);
}

/** Deletes what other versions left, once nobody can be using it or bringing it. */
async function sweep(knownPages: number): Promise<void> {
  const { installing, waiting } = worker.registration;
  const open = await worker.clients.matchAll({
    type: "window",
    includeUncontrolled: true,
  });
  if (installing || waiting || open.length > knownPages) return;
  await kept.forgetOthers();
}
