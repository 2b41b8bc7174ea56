/** A turn whose reply is saved while it streams. */
import type { LocalReceipt } from "../api/receipt";
import type { ReplyEvent, ReplyOptions } from "../api/replies";
import type { ChatRound } from "../chat/chat-round";
import { stateOf } from "../chat/kv-state";
import { isStored } from "../../memory/half-kv";
import { isResident } from "../../memory/round";
import { HALVES } from "../../util/kv-half";
import { lazyPart } from "../../util/lazy-part";
import type { ActiveChat } from "../open/active-chat";
import { runTurn } from "./turn";
import { turnRequest } from "./turn-request";

const constrainReply = lazyPart(
  async () => (await import("../reply/constrain-reply")).constrainReply,
);

const holdToTools = lazyPart(
  async () => (await import("../reply/tool-constraint")).holdToTools,
);

/** How often a streaming reply is saved; the most a crash can lose. */
const SAVE_TEXT_MS = 2000;

/**
 * Answers a message of the shown branch.
 *
 * @throws as runTurn does. The message then has no reply, as before
 */
export async function* runPersistedTurn(
  active: ActiveChat,
  round: ChatRound,
  options: ReplyOptions,
): AsyncGenerator<ReplyEvent<LocalReceipt>, void> {
  const { chat, loaded, context, conversation } = active;
  const history = conversation.historyOf(round);
  // Once stored, KV is also found by copies of its round.
  if (!history.every(hasKv)) await active.stored();
  const { stale } = await stateOf(history);
  // What is being repaired must not be packed meanwhile.
  if (stale.size > 0) await active.packed();
  let savedMs = performance.now();
  try {
    const { model } = loaded;
    const { responseFormat: format } = options;
    const request = turnRequest(model, chat, round, options);
    const { tools, stopTokens } = request;
    const constraint = format
      ? await constrainReply(model, format, stopTokens)
      : tools && (await holdToTools(model, tools, stopTokens));
    const turn = runTurn(context, round, { ...request, constraint });
    for await (const event of turn) {
      const now = performance.now();
      if (event.type === "text" && now - savedMs >= SAVE_TEXT_MS) {
        savedMs = now;
        void active.saveText(round);
      }
      yield event;
    }
  } finally {
    round.isAwaited = false;
    chat.readOpenings(
      conversation.all.filter(({ parentId }) => parentId === round.id),
    );
    void active.saveText(round);
  }
}

function hasKv(round: ChatRound): boolean {
  return HALVES.every(
    (half) => isResident(round, half) || isStored(round[half]),
  );
}
