/** Searches chats by their text, the newest rounds first, so that it ends early and can be stopped in between. */
import { type Said, saidIn } from "../../store/rounds";
import { excerptOf, hasWords, wordsOf } from "../../util/text-search";
import type { ChatHit, SearchOptions } from "../api/chats";

/** Enough hits to scroll through; a longer list means a better query is needed. */
const MOST_HITS = 100;

/**
 * The chats in which a single round contains every word of the query, in the given order. Each shows its newest
 * such round.
 *
 * @param newestFirst the rounds of a chat, some at a time; it is not asked for more once one is found
 * @throws what `newestFirst` throws; the signal's reason
 */
export async function findChats(
  query: string,
  chatIds: readonly string[],
  newestFirst: (chatId: string) => AsyncIterable<readonly Said[]>,
  { signal }: SearchOptions = {},
): Promise<ChatHit[]> {
  const words = wordsOf(query);
  const hits: ChatHit[] = [];
  if (words.length === 0) return hits;
  for (const chatId of chatIds) {
    signal?.throwIfAborted();
    for await (const rounds of newestFirst(chatId)) {
      signal?.throwIfAborted();
      const said = rounds.map(saidIn).find((text) => hasWords(text, words));
      if (said === undefined) continue;
      hits.push({ chatId, excerpt: excerptOf(said, words)! });
      break;
    }
    if (hits.length === MOST_HITS) break;
  }
  return hits;
}
