/** Sends a message to a chat and waits for the whole reply. */
import type { ChatEngine } from "../../src/engine/api/chat-engine";
import type { LocalReceipt, Receipt } from "../../src/engine/api/receipt";
import type {
  ChatReplyOptions,
  ReplyEvent,
} from "../../src/engine/api/replies";

export interface Said {
  text: string;
  receipt: LocalReceipt;
  events: ReplyEvent[];
}

/** @throws Error if the engine keeps no KV itself */
export function localReceipt(receipt: Receipt): LocalReceipt {
  const { kv, seed } = receipt;
  if (kv === undefined || seed === undefined)
    throw new Error("a receipt says nothing of KV");
  return { ...receipt, kv, seed };
}

export const GREEDY: ChatReplyOptions = { sampler: { temperature: 0 } };

/** @param onEvent sees every event as it comes */
export async function say(
  engine: ChatEngine,
  chatId: string,
  message: string,
  options: ChatReplyOptions = GREEDY,
  onEvent?: (event: ReplyEvent) => void,
): Promise<Said> {
  const events: ReplyEvent[] = [];
  for await (const event of engine.chat(chatId, message, options)) {
    events.push(event);
    onEvent?.(event);
  }
  const last = events.at(-1);
  if (last?.type !== "end")
    throw new Error("a reply ended without its receipt");
  const text = events.map((one) => (one.type === "text" ? one.text : ""));
  return { text: text.join(""), receipt: localReceipt(last.receipt), events };
}
