/** The page: an engine in a worker, the chat that talks to it, and a button for what its memory holds. */
import { RemoteEngine } from "./engine/remote";
import { followAddress } from "./ui/address";
import "./ui/define";
import { MemoryDock } from "./ui/memory-dock";

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
