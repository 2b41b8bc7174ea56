/** Keeps the id of the shown chat in the page's URL, so that a reload or a link shows it again. */
import type { ChatElement } from "./chat-element";
import { ShowEvent } from "../state/events";

/** Shows the chat named in the URL and keeps the URL up to date. Returns a function that stops that. */
export function followAddress(chat: ChatElement): () => void {
  const read = () => (chat.chatId = chatInAddress());
  const write = ({ chatId }: ShowEvent) => {
    const hash = chatId && `#${new URLSearchParams({ chat: chatId })}`;
    // Without a chat the URL loses its hash.
    history.replaceState(null, "", hash ?? location.pathname + location.search);
  };
  read();
  chat.addEventListener(ShowEvent.type, write);
  addEventListener("hashchange", read);
  return () => {
    chat.removeEventListener(ShowEvent.type, write);
    removeEventListener("hashchange", read);
  };
}

function chatInAddress(): string | undefined {
  const named = new URLSearchParams(location.hash.slice(1)).get("chat");
  return named === null || named === "" ? undefined : named;
}
