/** Characters in UTF-8, by ranges of code points. */
import type { GrammarNode, Nodes } from "./nodes";

/** Inclusive ranges of code points. */
export type CodePoints = readonly (readonly [from: number, to: number])[];

/** All code points that are characters: without the halves of surrogate pairs. */
const ALL: CodePoints = [
  [0, 0xd7ff],
  [0xe000, 0x10ffff],
];

/** How far one, two, three and four bytes reach. */
const LENGTHS = [0x7f, 0x7ff, 0xffff, 0x10ffff];

/** One character out of these. */
export function characters(nodes: Nodes, points: CodePoints): GrammarNode {
  const sequences: GrammarNode[] = [];
  for (const [from, to] of common(points, ALL)) {
    let low = from;
    for (const end of LENGTHS) {
      if (low > to || low > end) continue;
      const high = Math.min(to, end);
      sequences.push(sameLength(nodes, encode(low), encode(high)));
      low = high + 1;
    }
  }
  return nodes.choice(...sequences);
}

/** All others. */
export function complement(points: CodePoints): CodePoints {
  const sorted = [...points].sort(([a], [b]) => a - b);
  const left: [number, number][] = [];
  let next = 0;
  for (const [from, to] of sorted) {
    if (from > next) left.push([next, from - 1]);
    next = Math.max(next, to + 1);
  }
  if (next <= 0x10ffff) left.push([next, 0x10ffff]);
  return left;
}

/** Those in both. */
function common(a: CodePoints, b: CodePoints): CodePoints {
  return a.flatMap(([from, to]) =>
    b.flatMap(([low, high]): [number, number][] => {
      const start = Math.max(from, low);
      const end = Math.min(to, high);
      return start > end ? [] : [[start, end]];
    }),
  );
}

/** The bytes from `low` to `high`, which are equally long, in the order of code points. */
function sameLength(
  nodes: Nodes,
  low: readonly number[],
  high: readonly number[],
): GrammarNode {
  const [a = 0, ...lows] = low;
  const [b = 0, ...highs] = high;
  if (lows.length === 0) return nodes.byte([a, b]);
  const then = (byte: number, from: readonly number[], to: readonly number[]) =>
    nodes.sequence(nodes.byte([byte, byte]), sameLength(nodes, from, to));
  if (a === b) return then(a, lows, highs);
  const first = lows.map(() => 0x80);
  const last = lows.map(() => 0xbf);
  const between =
    a + 1 > b - 1
      ? nodes.nothing
      : nodes.sequence(
          nodes.byte([a + 1, b - 1]),
          ...first.map(() => nodes.byte([0x80, 0xbf])),
        );
  return nodes.choice(then(a, lows, last), between, then(b, first, highs));
}

/** Of code points that are no surrogates; those are never encoded. */
function encode(point: number): number[] {
  return [...new TextEncoder().encode(String.fromCodePoint(point))];
}
