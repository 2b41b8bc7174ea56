/** A turn of a chat that is kept: its reply is written down while it comes. */
import type { LocalReceipt } from "../api/receipt";
import type { ReplyEvent, ReplyOptions } from "../api/replies";
import type { ChatRound } from "../chat/chat-round";
import { stateOf } from "../chat/kv-state";
import { isStored } from "../../memory/half-kv";
import { isResident } from "../../memory/round";
import { HALVES } from "../../util/kv-half";
import type { ActiveChat } from "../open/active-chat";
import { runTurn } from "./turn";
import { turnRequest } from "./turn-request";

/** How often a reply is saved while it comes; the most that a crash can lose of it. */
const SAVE_TEXT_MS = 2000;

/**
 * Answers a message of the branch that is shown.
 *
 * @throws as runTurn does. The message is then without a reply, as before
 */
export async function* runPersistedTurn(
  active: ActiveChat,
  round: ChatRound,
  options: ReplyOptions,
): AsyncGenerator<ReplyEvent<LocalReceipt>, void> {
  const { chat, loaded, context, conversation } = active;
  const history = conversation.historyOf(round);
  // KV that is on its way to the store is found there, by copies of its round too.
  if (!history.every(hasKv)) await active.stored();
  const { stale } = await stateOf(history);
  // What is repaired is not to be packed meanwhile.
  if (stale.size > 0) await active.packed();
  let savedMs = performance.now();
  try {
    const request = turnRequest(loaded.model, chat, round, options);
    for await (const event of runTurn(context, round, request)) {
      const now = performance.now();
      if (event.type === "text" && now - savedMs >= SAVE_TEXT_MS) {
        savedMs = now;
        void active.saveText(round);
      }
      yield event;
    }
  } finally {
    round.isAwaited = false;
    void active.saveText(round);
  }
}

function hasKv(round: ChatRound): boolean {
  return HALVES.every(
    (half) => isResident(round, half) || isStored(round[half]),
  );
}
