/** Finds chats by what was said in them: one after the other, so that it can stop in between. */
import { excerptOf, hasWords, wordsOf } from "../../util/found-text";
import type { ChatHit, SearchOptions } from "../api/chats";

/** Who looks for more had better look for something else. */
const MOST_HITS = 100;

/** What was said in a round. */
interface Said {
  id: number;
  user: string;
  reply: string;
  document?: string | undefined;
}

/**
 * The chats in which one round has all words of the query, in the order that they are given in. Of such
 * rounds the newest is shown.
 *
 * @throws what `roundsOf` throws; the signal's reason
 */
export async function findChats(
  query: string,
  chatIds: readonly string[],
  roundsOf: (chatId: string) => Promise<readonly Said[]>,
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
