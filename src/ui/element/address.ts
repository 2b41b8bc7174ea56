/** The page's address names the chat that is shown, so that a reload, or a link, shows it again. */
import type { ChatElement } from "./chat-element";
import { ShowEvent } from "../state/events";

/** Shows the chat that the address names, and from now on names the one that is shown. Returns how to stop that. */
export function followAddress(chat: ChatElement): () => void {
  const read = () => (chat.chatId = chatInAddress());
  const write = ({ chatId }: ShowEvent) => {
    const hash = chatId && `#${new URLSearchParams({ chat: chatId })}`;
    // Without a hash: the address as it is, up to there.
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
