/** A turn of a chat that is kept: it goes where it is wanted, and is written down while it runs. */
import type { ReplyEvent, ReplyOptions } from "../api/replies";
import type { Desk } from "../open/active-chat";
import { copyBehind, makePlace } from "./edit-chat";
import { stalenessOf } from "../chat/staleness";
import { runTurn } from "./turn";
import { turnRequest } from "./turn-request";

/** While a reply comes it is written down so often: what a killed page can lose of it. */
const SAVE_TEXT_MS = 2000;

/** @throws as runTurn does; RangeError where the place is none. The chat is then as it was before */
export async function* runKeptTurn(
  desk: Desk,
  message: string,
  options: ReplyOptions,
): AsyncGenerator<ReplyEvent, void> {
  const { chat, session, keeper, context } = desk;
  const { conversation } = chat;
  const { rounds } = conversation;
  const shown = rounds.at(-1)!.id;
  const { place } = options;
  // Copies find KV where it is stored.
  if (place) await desk.kept();
  const later = place ? makePlace(conversation, place) : [];
  const { stale } = await stalenessOf(rounds);
  // What is repaired is not to be packed meanwhile.
  if (stale.size > 0) await keeper.packed();
  const before = rounds.length;
  let savedMs = -Infinity;
  try {
    const request = turnRequest(session.model, chat, message, options);
    for await (const event of runTurn(context, request)) {
      const round = rounds[before];
      const now = performance.now();
      if (round && event.type !== "end" && now - savedMs >= SAVE_TEXT_MS) {
        savedMs = now;
        void desk.keepText(round);
      }
      yield event;
    }
  } finally {
    const round = rounds[before];
    if (round) {
      void desk.keepText(round);
      for (const copy of copyBehind(conversation, later))
        void desk.keepText(copy);
      // Where this fails the copies are not pinned after a reload.
      if (later.length > 0 && conversation.pinned.size > 0)
        desk.keepPins().catch(() => undefined);
    } else conversation.show(shown);
  }
}
