/** Searches chats by their text, one chat after the other, so that it can be stopped in between. */
import type { RoundRecord } from "../../store/rounds";
import { excerptOf, hasWords, wordsOf } from "../../util/text-search";
import type { ChatHit, SearchOptions } from "../api/chats";

/** Enough hits to scroll through; a longer list means a better query is needed. */
const MOST_HITS = 100;

/**
 * The chats in which a single round contains every word of the query, in the given order. Each shows its newest
 * such round.
 *
 * @throws what `roundsOf` throws; the signal's reason
 */
export async function findChats(
  query: string,
  chatIds: readonly string[],
  roundsOf: (
    chatId: string,
  ) => Promise<
    readonly Pick<RoundRecord, "id" | "user" | "reply" | "document">[]
  >,
  { signal }: SearchOptions = {},
): Promise<ChatHit[]> {
  const words = wordsOf(query);
  const hits: ChatHit[] = [];
  if (words.length === 0) return hits;
  for (const chatId of chatIds) {
    signal?.throwIfAborted();
    const rounds = await roundsOf(chatId);
    const newestFirst = rounds.toSorted((a, b) => b.id - a.id);
    for (const { user, reply, document = "" } of newestFirst) {
      const said = [document, user, reply].filter(Boolean).join(" ");
      if (!hasWords(said, words)) continue;
      hits.push({ chatId, excerpt: excerptOf(said, words)! });
      break;
    }
    if (hits.length === MOST_HITS) break;
  }
  return hits;
}
