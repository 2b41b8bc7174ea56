/** Which texts share words with a question, by BM25+ (MiniSearch). */
import MiniSearch from "minisearch";

const words = new Intl.Segmenter(undefined, { granularity: "word" });

/**
 * Of each text, how well its words fit the question's: rare words count more. 0 where no word is shared. Words are
 * told apart as their language does it, also where no spaces stand between them.
 */
export function wordScores(
  texts: readonly string[],
  question: string,
): number[] {
  const search = new MiniSearch<{ id: number; text: string }>({
    fields: ["text"],
    tokenize: wordsOf,
    processTerm: (word) => word,
  });
  search.addAll(texts.map((text, id) => ({ id, text })));
  const scores = texts.map(() => 0);
  for (const { id, score } of search.search(question))
    scores[id as number] = score;
  return scores;
}

function wordsOf(text: string): string[] {
  const folded = text.normalize("NFKC").toLowerCase();
  return Array.from(words.segment(folded))
    .filter(({ isWordLike }) => isWordLike)
    .map(({ segment }) => segment);
}
