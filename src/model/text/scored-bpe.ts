/**
 * SentencePiece's BPE, whose vocabulary has a score for each token and no list of merges: of all neighbours in a
 * text, those are joined first whose joint text is the token with the highest score, the leftmost of equals. As
 * merges, the 262,144 tokens of Gemma 3 would be half a million pairs.
 */

/** A join that may come up, unless one of its halves has been joined to something else before. */
interface Join {
  score: number;
  /** Where the left half starts, and where the whole ends. */
  start: number;
  end: number;
}

/**
 * The pieces of a text: tokens, and characters without one.
 *
 * @param scoreOf the score of a token; undefined for a text that is none
 */
export function joinByScore(
  text: string,
  scoreOf: (text: string) => number | undefined,
): string[] {
  // A piece is known by where it starts; `ends` is where it ends, `starts` where the piece that ends here starts.
  const ends = new Int32Array(text.length).fill(-1);
  const starts = new Int32Array(text.length + 1).fill(-1);
  const queue = new JoinQueue();
  const propose = (start: number): void => {
    const middle = start < 0 ? -1 : ends[start]!;
    if (middle < 0 || middle >= text.length) return;
    const end = ends[middle]!;
    const score = scoreOf(text.slice(start, end));
    if (score !== undefined) queue.push({ score, start, end });
  };

  for (let start = 0; start < text.length;) {
    const end = start + (text.codePointAt(start)! > 0xffff ? 2 : 1);
    ends[start] = end;
    starts[end] = start;
    start = end;
  }
  for (let start = 0; start < text.length; start = ends[start]!) propose(start);

  for (let join = queue.pop(); join !== undefined; join = queue.pop()) {
    const { start, end } = join;
    const middle = ends[start]!;
    const isCurrent = middle > 0 && middle < end && ends[middle] === end;
    if (!isCurrent) continue;
    ends[middle] = -1;
    starts[middle] = -1;
    ends[start] = end;
    starts[end] = start;
    propose(starts[start]!);
    propose(start);
  }

  const pieces: string[] = [];
  for (let start = 0; start < text.length; start = ends[start]!)
    pieces.push(text.slice(start, ends[start]));
  return pieces;
}

/** A binary heap, the next join on top. */
class JoinQueue {
  readonly #joins: Join[] = [];

  push(join: Join): void {
    const joins = this.#joins;
    let at = joins.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(join, joins[above]!)) break;
      joins[at] = joins[above]!;
      at = above;
    }
    joins[at] = join;
  }

  pop(): Join | undefined {
    const joins = this.#joins;
    const top = joins[0];
    const last = joins.pop();
    if (top === undefined || last === undefined || joins.length === 0)
      return top;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= joins.length) break;
      const other = joins[below + 1];
      if (other !== undefined && isBefore(other, joins[below]!)) below++;
      if (!isBefore(joins[below]!, last)) break;
      joins[at] = joins[below]!;
      at = below;
    }
    joins[at] = last;
    return top;
  }
}

function isBefore(a: Join, b: Join): boolean {
  return a.score > b.score || (a.score === b.score && a.start < b.start);
}
