// Retrieval heads, chosen on made-up models of four layers and three heads.
import { describe, expect, test } from "vitest";
import {
  chooseHeads,
  type HeadCase,
} from "../../../src/engine/rounds/choose-heads";
import { seededRandom } from "../../support/random";

const [LAYERS, HEADS, ROUNDS] = [4, 3, 8];

/** How well a head sees the round that is asked for: the gain of that round in a question of this kind. */
type Sight = (kind: HeadCase["kind"], place: number) => number;

/** Heads that see something, as "layer.head"; all others see noise below 0.1. */
type Model = Record<string, { sum?: Sight; greatest?: Sight }>;

/** Questions in turn in the same and in other words, then such that ask for nothing. */
function casesOf(model: Model, { sourced = 24, none = 8, seed = 1 } = {}) {
  const random = seededRandom(seed);
  return Array.from({ length: sourced + none }, (_, i): HeadCase => {
    const kind = i >= sourced ? "none" : i % 2 === 0 ? "same" : "other";
    const source =
      kind === "none" ? undefined : Math.floor(random() * (ROUNDS - 1));
    const gainsOf = (how: "sum" | "greatest") =>
      Array.from({ length: LAYERS }, (_, layer) =>
        Array.from({ length: HEADS }, (_, head) => {
          const gains = Array.from({ length: ROUNDS }, () => 0.1 * random());
          const sight = model[`${layer}.${head}`]?.[how];
          if (sight && source !== undefined)
            gains[source] = sight(kind, Math.floor(i / 2));
          return gains;
        }),
      );
    return {
      kind,
      source,
      raw: { sum: gainsOf("sum"), greatest: gainsOf("greatest") },
    };
  });
}

const always: Sight = () => 0.5;
/** Sees all questions but every so many-th pair. */
const allBut =
  (every: number, offset = 0): Sight =>
  (_, pair) =>
    pair % every === offset ? -0.1 : 0.5;

test("the head that sees the source is chosen, with the way to count by which it does", () => {
  const bySum = chooseHeads(casesOf({ "2.1": { sum: always } }));
  expect(bySum).toMatchObject({
    heads: [{ layer: 2, head: 1 }],
    how: "sum",
    mrr: 1,
    hitRate: 1,
    crossMrr: 1,
  });
  const byToken = chooseHeads(casesOf({ "1.0": { greatest: always } }));
  expect(byToken).toMatchObject({
    heads: [{ layer: 1, head: 0 }],
    how: "greatest",
  });
});

test("of heads that are nearly as good the shallowest is chosen, not the best", () => {
  // Misses one question of 50, which costs less than 0.03.
  const nearly: Sight = (kind, pair) =>
    kind === "same" && pair === 0 ? -0.1 : 0.5;
  const model = { "1.2": { sum: nearly }, "3.0": { sum: always } };
  const { heads } = chooseHeads(casesOf(model, { sourced: 50 }));
  expect(heads).toEqual([{ layer: 1, head: 2 }]);
});

test("a shallow head that misses more is not", () => {
  const model = { "1.2": { sum: allBut(6) }, "3.0": { sum: always } };
  const { heads } = chooseHeads(casesOf(model, { sourced: 48 }));
  expect(heads).toEqual([{ layer: 3, head: 0 }]);
});

test("a second head joins where it sees what the first does not", () => {
  const model = {
    "1.0": { sum: allBut(4, 1) },
    "1.2": { sum: allBut(4, 3) },
    "0.1": { sum: (() => 0.05) satisfies Sight },
  };
  const choice = chooseHeads(casesOf(model, { sourced: 48 }));
  expect(choice.heads.slice(0, 2)).toEqual(
    expect.arrayContaining([
      { layer: 1, head: 0 },
      { layer: 1, head: 2 },
    ]),
  );
  expect(choice.heads.length).toBeLessThanOrEqual(3);
  expect(choice.mrr).toBeGreaterThan(choice.table[0]!.mrr + 0.01);
});

test("a head that would help joins neither from a deeper layer nor with another way to count", () => {
  const others = { "3.1": { sum: allBut(4, 3) }, "0.0": { greatest: always } };
  const first = chooseHeads(
    casesOf({ "1.0": { sum: allBut(8, 1) }, ...others }),
    {
      isCandidate: (layer) => layer > 0,
    },
  );
  expect(first.heads[0]).toEqual({ layer: 1, head: 0 });
  for (const { layer } of first.heads) expect(layer).toBeLessThanOrEqual(1);
});

test("a head that sees as well as the first does not join it", () => {
  const model = { "2.0": { sum: always }, "2.1": { sum: always } };
  expect(chooseHeads(casesOf(model)).heads).toHaveLength(1);
});

test("layers that see what is near alone are left out, unless there are no others", () => {
  const cases = casesOf({
    "1.0": { sum: always },
    "2.2": { sum: always },
  });
  const without = (...windows: number[]) =>
    chooseHeads(cases, { isCandidate: (layer) => !windows.includes(layer) });
  expect(without(1).heads).toEqual([{ layer: 2, head: 2 }]);
  expect(without(0, 1, 2, 3).heads).toEqual([{ layer: 1, head: 0 }]);
});

test("heads that see nothing are at chance or below: ties count against the source", () => {
  const blind = casesOf({}).map((one): HeadCase => {
    const zeros = one.raw.sum.map((heads) => heads.map(() => [0, 0, 0, 0]));
    const source = one.source === undefined ? undefined : 2;
    return { ...one, source, raw: { sum: zeros, greatest: zeros } };
  });
  const { mrr, chance, crossMrr } = chooseHeads(blind);
  expect(mrr).toBe(1 / 4);
  expect(crossMrr).toBe(1 / 4);
  expect(chance).toBeCloseTo((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4);
});

test("the cross-check tells heads that were lucky from such that see", () => {
  const lucky = chooseHeads(casesOf({}, { sourced: 12, seed: 3 }));
  expect(lucky.crossMrr).toBeLessThan(lucky.mrr - 0.05);
  const only = casesOf({ "1.1": { sum: always } }, { sourced: 2 });
  expect(chooseHeads(only).crossMrr).toBeUndefined();
});

test("the report lists single heads by falling worth, by kind of question", () => {
  const wordsOnly: Sight = (kind) => (kind === "same" ? 0.5 : -0.1);
  const { table } = chooseHeads(
    casesOf({ "0.2": { sum: wordsOnly }, "2.1": { sum: always } }),
  );
  expect(table[0]).toMatchObject({ layer: 2, head: 1, how: "sum", mrr: 1 });
  expect(table[1]).toMatchObject({ layer: 0, head: 2, same: 1 });
  expect(table[1]!.other).toBeLessThan(0.2);
  const worth = table.map(({ mrr }) => mrr);
  expect(worth).toEqual(worth.toSorted((a, b) => b - a));
});

describe("the noise", () => {
  /** Questions for nothing whose greatest gain is given, in a chat of so many rounds. */
  const nothing = (rounds: number, ...greatest: number[]) =>
    greatest.map((most): HeadCase => {
      const gains = Array.from({ length: rounds }, (_, i) =>
        i === 1 ? most : -1,
      );
      const raw = Array.from({ length: LAYERS }, () =>
        Array.from({ length: HEADS }, () => gains),
      );
      return { kind: "none", raw: { sum: raw, greatest: raw } };
    });
  const asked = casesOf({ "1.1": { sum: always } }, { none: 0 });

  test("is the 95 % quantile of the greatest gains, for each number of rounds", () => {
    const cases = [
      ...nothing(24, 0.02, 0.04),
      ...asked,
      ...nothing(12, ...Array.from({ length: 21 }, (_, i) => i / 100)),
    ];
    const { noise } = chooseHeads(cases);
    expect(noise.map(([units]) => units)).toEqual([12, 24]);
    expect(noise[0]![1]).toBeCloseTo(0.19);
    expect(noise[1]![1]).toBeCloseTo(0.039);
  });

  test("is never below zero", () => {
    const { noise } = chooseHeads([...asked, ...nothing(12, -0.2, -0.1)]);
    expect(noise).toEqual([[12, 0]]);
  });

  test("is unknown where nothing was asked for nothing", () => {
    expect(chooseHeads(asked).noise).toEqual([]);
  });
});

test("without a known answer there is nothing to choose by", () => {
  expect(() => chooseHeads(casesOf({}, { sourced: 0 }))).toThrow(
    "no question has a known answer",
  );
});
