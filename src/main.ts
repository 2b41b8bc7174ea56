/** The page: an engine in a worker, and the chat that talks to it. */
import { RemoteEngine } from "./engine/remote";
import { followVersions } from "./offline/follow-versions";
import { followAddress } from "./ui/address";
import "./ui/define";
import { UpdateNotice } from "./ui/update-notice";

const chat = document.querySelector("rondo-chat");
if (chat === null) throw new Error("index.html has no <rondo-chat>.");
followAddress(chat);
chat.engine = new RemoteEngine();
chat.model = new URL("models/rondo-tiny/", document.baseURI).href;
// On a phone the keyboard would cover the page before anything was read.
if (matchMedia("(pointer: fine)").matches)
  void chat.updateComplete.then(() => chat.focus());

customElements.define("rondo-update-notice", UpdateNotice);
const notice = document.createElement("rondo-update-notice");
chat.before(notice);
// Only a build has a service worker; and it waits until the page has what it needs first.
if (import.meta.env.PROD)
  addEventListener("load", () => {
    const workerUrl = new URL("service-worker.js", document.baseURI);
    void followVersions(workerUrl, (reload) => notice.offer(reload));
  });
