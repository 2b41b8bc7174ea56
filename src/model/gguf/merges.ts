/**
 * Merges for a vocabulary of SentencePiece's BPE, which has scores instead: of all neighbours, those are joined
 * first whose joint text is the token with the highest score. So every way to split a token into two tokens is a
 * merge, ranked by the score of the whole.
 */
import type { GgufMetadata } from "./metadata";
import type { GgufTokens } from "./tokens";

/** @throws ModelFormatError if a token lacks a score */
export function sentencePieceMerges(
  metadata: GgufMetadata,
  { texts, ordinary, byteIds }: GgufTokens,
): [left: string, right: string][] {
  const key = "tokenizer.ggml.scores";
  const scores = metadata.present(key, metadata.numbers(key));
  if (scores.length !== texts.length) {
    throw metadata.problem(
      `${key}: one for each of ${texts.length} tokens`,
      String(scores.length),
    );
  }

  const pieces = [...ordinary].filter(([, id]) => !byteIds.has(id));
  const known = new Set(pieces.map(([text]) => text));
  pieces.sort(([, a], [, b]) => scores[b]! - scores[a]! || a - b);
  return pieces.flatMap(([text]) => {
    const merges: [string, string][] = [];
    for (let cut = 1; cut < text.length; cut++) {
      const [left, right] = [text.slice(0, cut), text.slice(cut)];
      if (known.has(left) && known.has(right)) merges.push([left, right]);
    }
    return merges;
  });
}
