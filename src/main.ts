/** The page: an engine in a worker, the chat, the memory panel, and updates of the page. */
import { RemoteEngine } from "./engine/worker/remote-engine";
import { followVersions } from "./offline/follow-versions";
import { followAddress } from "./ui/element/address";
import "./ui/define";
import { MemoryDock } from "./ui/memory/memory-dock";
import { UpdateNotice } from "./ui/base/update-notice";

const chat = document.querySelector("rondo-chat");
if (chat === null) throw new Error("index.html has no <rondo-chat>.");
followAddress(chat);
const engine = new RemoteEngine();
chat.engine = engine;
chat.model = new URL("models/rondo-tiny/", document.baseURI).href;
// On a phone the keyboard would cover the page before anything was read.
if (matchMedia("(pointer: fine)").matches)
  void chat.updateComplete.then(() => chat.focus());

const aside = document.querySelector<HTMLElement>("#memory");
if (aside !== null) new MemoryDock(chat, aside, engine);

customElements.define("rondo-update-notice", UpdateNotice);
const notice = document.createElement("rondo-update-notice");
chat.before(notice);
// Only a build has a service worker; it starts after the page has loaded.
if (import.meta.env.PROD)
  addEventListener("load", () => {
    const workerUrl = new URL("service-worker.js", document.baseURI);
    void followVersions(workerUrl, (reload) => notice.offer(reload));
  });
