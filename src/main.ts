/** The page: the chat that talks to an engine in a worker, and whose address names the chat that is shown. */
import { followAddress } from "./ui/address";
import "./ui/define";

const chat = document.querySelector("rondo-chat");
if (chat === null) throw new Error("index.html has no <rondo-chat>.");
followAddress(chat);
chat.model = new URL("models/rondo-tiny/", document.baseURI).href;
// On a phone the keyboard would cover the page before anything was read.
if (matchMedia("(pointer: fine)").matches)
  void chat.updateComplete.then(() => chat.focus());
