import fc from "fast-check";
import { expect, test } from "vitest";
import { layOutBases } from "../../src/memory/base-layout";

const chat = { lengths: [10, 20, 30, 40], contextTokens: 200 };

test("within the trained range each round follows the one before", () => {
  expect(layOutBases({ ...chat, ownTokens: 100, selected: [0, 2] })).toEqual({
    ownBase: 100,
    lowerBases: [0, 10, 30, 60],
    upperBases: [0, 30],
  });
});

test("beyond it rounds are laid backwards, and the farthest share a base", () => {
  expect(layOutBases({ ...chat, ownTokens: 120, selected: [0, 1, 3] })).toEqual(
    {
      ownBase: 80,
      lowerBases: [0, 10, 10, 40],
      // What was selected is packed: there is room for all of it.
      upperBases: [0, 20, 40],
    },
  );
});

test("a chat that has only its own round begins at 0", () => {
  const empty = { lengths: [], selected: [], ownTokens: 5, contextTokens: 5 };
  expect(layOutBases(empty)).toEqual({
    ownBase: 0,
    lowerBases: [],
    upperBases: [],
  });
});

test("a round that is too long for the range is said", () => {
  const request = { ...chat, ownTokens: 160, selected: [0] };
  expect(() => layOutBases(request)).toThrow(/40 of a round.*trained on 200/);
});

const requests = fc
  .record({
    systemTokens: fc.integer({ min: 0, max: 30 }),
    rounds: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 30 }),
    ownTokens: fc.integer({ min: 1, max: 100 }),
    contextTokens: fc.integer({ min: 190, max: 400 }),
    isSelected: fc.infiniteStream(fc.boolean()),
  })
  .map(({ systemTokens, rounds, ownTokens, contextTokens, isSelected }) => ({
    lengths: [systemTokens, ...rounds],
    ownTokens,
    contextTokens,
    selected: [
      0,
      ...rounds.flatMap((_, i) => (isSelected.next().value ? [i + 1] : [])),
    ],
  }));

test("no position is beyond the trained range, and no round reaches into the turn's own", () => {
  fc.assert(
    fc.property(requests, (request) => {
      const { lengths, ownTokens, selected, contextTokens } = request;
      const { ownBase, lowerBases, upperBases } = layOutBases(request);
      expect(ownBase + ownTokens).toBeLessThanOrEqual(contextTokens);
      const checks: [number[], number[]][] = [
        [lowerBases, lengths],
        [upperBases, selected.map((i) => lengths[i]!)],
      ];
      for (const [bases, tokens] of checks) {
        expect(bases[0]).toBe(0);
        expect(bases).toEqual(bases.toSorted((a, b) => a - b));
        bases.forEach((base, i) =>
          expect(base + tokens[i]!).toBeLessThanOrEqual(ownBase),
        );
        // Rounds behind the system prompt never stand in its place.
        for (const base of bases.slice(1))
          expect(base).toBeGreaterThanOrEqual(lengths[0]!);
      }
    }),
  );
});

test("near rounds never overlap: they follow each other up to the turn's own", () => {
  fc.assert(
    fc.property(requests, (request) => {
      const { lengths } = request;
      const { ownBase, lowerBases } = layOutBases(request);
      let end = ownBase;
      for (let i = lengths.length - 1; i >= 1; i--) {
        if (lowerBases[i]! > lengths[0]!)
          expect(lowerBases[i]! + lengths[i]!).toBe(end);
        end = lowerBases[i]!;
      }
    }),
  );
});

test("the upper half sees the lower one's places where all is selected, or all is within the range", () => {
  fc.assert(
    fc.property(requests, (request) => {
      const { lengths, ownTokens, selected, contextTokens } = request;
      const everything = lengths.map((_, place) => place);
      const all = layOutBases({ ...request, selected: everything });
      expect(all.upperBases).toEqual(all.lowerBases);
      const total = lengths.reduce((sum, length) => sum + length, ownTokens);
      if (total > contextTokens) return;
      const { lowerBases, upperBases } = layOutBases(request);
      expect(upperBases).toEqual(selected.map((place) => lowerBases[place]));
    }),
  );
});

test("beyond the range selected rounds leave no gap, up to the turn's own", () => {
  fc.assert(
    fc.property(requests, (request) => {
      const { lengths, ownTokens, selected, contextTokens } = request;
      const total = lengths.reduce((sum, length) => sum + length, ownTokens);
      fc.pre(total > contextTokens);
      const { ownBase, upperBases } = layOutBases(request);
      selected.forEach((place, i) => {
        const base = upperBases[i]!;
        const next = upperBases[i + 1] ?? ownBase;
        if (place !== 0 && base > lengths[0]!)
          expect(base + lengths[place]!).toBe(next);
      });
    }),
  );
});
