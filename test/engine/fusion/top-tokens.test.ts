import fc from "fast-check";
import { expect, test } from "vitest";
import {
  averagePool,
  topIndexes,
  topRounds,
  topTokens,
} from "../../../src/engine/fusion/top-tokens";

const always = (_round: number) => true;

/** A page table of rounds of these lengths, one behind the other, in pages 0, 1, ... */
function pagesOf(...rounds: { id: number; tokens: number }[]): number[][] {
  const entries: number[][] = [];
  let base = 0;
  for (const { id, tokens } of rounds) {
    for (let first = 0; first < tokens; first += 16) {
      const valid = Math.min(16, tokens - first);
      entries.push([entries.length, base, base, first, valid, id]);
    }
    base += tokens;
  }
  return entries;
}

/** Relevance by entry of the page table and place in the page; 0 where not given. */
function relevanceOf(entries: number[][], given: [number, number, number][]) {
  const relevance = new Float32Array(entries.length * 16);
  for (const [entry, t, value] of given) relevance[entry * 16 + t] = value;
  return relevance;
}

test("a value is averaged with two on either side, and with zeros past the ends", () => {
  expect([...averagePool([5, 10, 15, 20, 25, 30])]).toEqual([
    6, 10, 15, 20, 18, 15,
  ]);
  expect([...averagePool([5])]).toEqual([1]);
  expect([...averagePool([])]).toEqual([]);
});

test("the largest candidates are taken, in rising order", () => {
  const values = Float32Array.of(3, 9, 1, 7, 5);
  const all = Array<boolean>(5).fill(true);
  expect(topIndexes(values, all, 3)).toEqual([1, 3, 4]);
  expect(topIndexes(values, [true, false, true, true, true], 2)).toEqual([
    3, 4,
  ]);
  expect(topIndexes(values, all, 0)).toEqual([]);
  expect(topIndexes(values, all, 9)).toEqual([0, 1, 2, 3, 4]);
});

test("the lower index goes first on ties", () => {
  const values = Float32Array.of(0, 2, 2, 1, 2, 0);
  const all = Array<boolean>(6).fill(true);
  expect(topIndexes(values, all, 2)).toEqual([1, 2]);
  expect(topIndexes(values, all, 5)).toEqual([0, 1, 2, 3, 4]);
});

test("neighbours are those of the chat, across pages and rounds", () => {
  // Round 1 ends within a page; round 2 follows at once.
  const entries = pagesOf(
    { id: 0, tokens: 3 },
    { id: 1, tokens: 18 },
    { id: 2, tokens: 4 },
    { id: 3, tokens: 2 },
  );
  const relevance = relevanceOf(entries, [[2, 1, 10]]); // place 17 of round 1
  const input = {
    relevance,
    pages: Uint32Array.from(entries.flat()),
    own: 3,
    isCandidate: always,
    count: 5,
  };
  const expected = [
    { round: 1, place: 15 },
    { round: 1, place: 16 },
    { round: 1, place: 17 },
    { round: 2, place: 0 },
    { round: 2, place: 1 },
  ];
  expect(topTokens(input)).toEqual(expected);
  expect(
    topTokens({ ...input, isCandidate: (round) => round === 2, count: 2 }),
  ).toEqual(expected.slice(3));

  // The order of the page table does not matter, only that of the chat.
  const order = [3, 1, 4, 0, 2];
  const shuffled = new Float32Array(relevance.length);
  order.forEach((entry, to) =>
    shuffled.set(relevance.subarray(entry * 16, entry * 16 + 16), to * 16),
  );
  expect(
    topTokens({
      ...input,
      relevance: shuffled,
      pages: Uint32Array.from(order.flatMap((entry) => entries[entry]!)),
    }),
  ).toEqual(expected);
});

test("the question's own tokens and the prefix are not taken, and lend nothing to their neighbours", () => {
  const entries = pagesOf(
    { id: 0, tokens: 2 },
    { id: 1, tokens: 6 },
    { id: 2, tokens: 2 },
    { id: 3, tokens: 3 },
  );
  const relevance = relevanceOf(entries, [
    [0, 1, 90],
    [1, 2, 2],
    [2, 0, 90],
    [3, 2, 1],
    [3, 3, 90], // behind the page's tokens
  ]);
  const taken = topTokens({
    relevance,
    pages: Uint32Array.from(entries.flat()),
    own: 2,
    isCandidate: always,
    count: 6,
  });
  expect(taken).toEqual([
    { round: 1, place: 0 },
    { round: 1, place: 1 },
    { round: 1, place: 2 },
    { round: 1, place: 3 },
    { round: 1, place: 4 },
    { round: 3, place: 0 },
  ]);
});

test("takes as many tokens as asked for, or all candidates", () => {
  const entries = pagesOf({ id: 0, tokens: 5 }, { id: 1, tokens: 20 });
  const taken = (count: number) =>
    topTokens({
      relevance: relevanceOf(entries, []),
      pages: Uint32Array.from(entries.flat()),
      own: 9,
      isCandidate: always,
      count,
    }).length;
  expect(taken(0)).toBe(0);
  expect(taken(3)).toBe(3);
  expect(taken(20)).toBe(20);
  expect(taken(25)).toBe(20);
});

test("whole rounds go by the sum of their relevance, the last one by its tokens", () => {
  const entries = pagesOf(
    { id: 0, tokens: 2 },
    { id: 1, tokens: 4 },
    { id: 2, tokens: 18 },
    { id: 3, tokens: 3 },
    { id: 4, tokens: 2 },
  );
  const input = {
    relevance: relevanceOf(entries, [
      [0, 0, 90], // the prefix
      [1, 2, 7],
      [2, 9, 5], // place 9 of round 2
      [3, 1, 4], // place 17
      [4, 1, 8],
      [5, 0, 90], // the question
    ]),
    pages: Uint32Array.from(entries.flat()),
    own: 4,
    isCandidate: always,
    count: 6,
  };
  const chosen = (count: number, isCandidate = always) =>
    topRounds({ ...input, count, isCandidate }).map(
      ({ round, place }) => `${round}.${place}`,
    );
  // Round 2 has 9 in all, round 3 has 8, round 1 has 7.
  expect(chosen(0)).toEqual([]);
  expect(chosen(20)).toEqual([
    ...Array.from({ length: 18 }, (_, place) => `2.${place}`),
    "3.0",
    "3.1",
  ]);
  // Its neighbours' relevance counts where tokens are chosen.
  expect(chosen(5)).toEqual(["2.0", "2.7", "2.8", "2.9", "2.17"]);
  expect(chosen(5, (round) => round !== 2)).toEqual([
    "3.0",
    "3.1",
    "3.2",
    "1.0",
    "1.1",
  ]);
  expect(chosen(99)).toHaveLength(25);
});

const someValues = fc.array(fc.nat({ max: 6 }), { maxLength: 40 });

test("nothing left out goes before anything taken", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: 6 }), fc.boolean()), { maxLength: 40 }),
      fc.nat({ max: 45 }),
      (tokens, count) => {
        const values = averagePool(tokens.map(([value]) => value));
        const isCandidate = tokens.map(([, candidate]) => candidate);
        const taken = topIndexes(values, isCandidate, count);
        const candidates = isCandidate.filter(Boolean).length;
        expect(taken.length).toBe(Math.min(count, candidates));
        for (const i of taken) expect(isCandidate[i]).toBe(true);
        for (let j = 0; j < values.length; j++) {
          if (!isCandidate[j] || taken.includes(j)) continue;
          for (const i of taken) {
            const isBefore = values[i]! > values[j]! || i < j;
            expect(values[i]! >= values[j]! && isBefore).toBe(true);
          }
        }
      },
    ),
  );
});

test("what is taken of fewer is among what is taken of more", () => {
  fc.assert(
    fc.property(someValues, fc.nat({ max: 40 }), (numbers, count) => {
      const values = averagePool(numbers);
      const all = numbers.map(() => true);
      const more = topIndexes(values, all, count + 1);
      for (const i of topIndexes(values, all, count)) expect(more).toContain(i);
    }),
  );
});
