/**
 * Positions of rounds in a turn. In a chat within the trained range each round follows the one before. In a
 * longer one the turn's own round is placed at the end of the range and earlier rounds backwards from there;
 * those farther away than the range allows share the farthest base, right behind the system prompt (as InfLLM,
 * arXiv 2402.04617, places distant blocks).
 *
 *     within   [system][1][2][3] … [own]
 *     beyond   [system][1,2,3 ……][4][5] … [own]|  trained range
 *
 * In the upper half, which sees only the selected rounds, these keep their positions within the range, so that
 * selecting all is full attention; beyond it they are packed by the same rule.
 */
export interface BaseRequest {
  /** Tokens of the system prompt's round, then of the chat's, in order. */
  lengths: readonly number[];
  /** Tokens that the turn's own round may grow to. */
  ownTokens: number;
  /** Indexes into `lengths` of the rounds that the upper half sees, rising. */
  selected: readonly number[];
  /** Positions that the model was trained on. */
  contextTokens: number;
}

export interface Bases {
  ownBase: number;
  lowerBases: number[];
  /** Bases of the selected rounds. */
  upperBases: number[];
}

/** @throws RangeError if a round and the turn's own do not fit behind the system prompt */
export function layOutBases({
  lengths,
  ownTokens,
  selected,
  contextTokens,
}: BaseRequest): Bases {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total + ownTokens <= contextTokens) {
    let at = 0;
    const lowerBases = lengths.map((length) => (at += length) - length);
    const upperBases = selected.map((i) => lowerBases[i]!);
    return { ownBase: total, lowerBases, upperBases };
  }
  const [systemTokens = 0, ...rounds] = lengths;
  const ownBase = contextTokens - ownTokens;
  const longest = rounds.reduce((most, length) => Math.max(most, length), 0);
  if (systemTokens + longest > ownBase) {
    throw new RangeError(
      `base layout: ${systemTokens} tokens of system prompt, ${longest} of a round and ${ownTokens} of a turn, the model was trained on ${contextTokens}`,
    );
  }
  const layOut = (places: readonly number[]) => {
    const bases: number[] = [];
    let at = ownBase;
    for (const place of places.toReversed()) {
      at = Math.max(systemTokens, at - lengths[place]!);
      bases.push(place === 0 ? 0 : at);
    }
    return bases.toReversed();
  };
  return {
    ownBase,
    lowerBases: layOut(lengths.map((_, place) => place)),
    upperBases: layOut(selected),
  };
}
