import { describe, expect, test } from "vitest";
import {
  answersRight,
  leaks,
  readFusionCases,
  staleRounds,
  type FusionRound,
} from "./fusion-cases";
import quick from "../fixtures/chats/fusion-quick.json";

const { cases } = readFusionCases(quick);
const named = cases.map((one) => [`${one.kind} ${one.seed}`, one] as const);

function ids(rounds: readonly FusionRound[]): number[] {
  return rounds.map(({ id }) => id);
}

/** Ids of the rounds that have the value anywhere in their text, within other words too. */
function naming(rounds: readonly FusionRound[], value: string): number[] {
  const wanted = value.toLowerCase();
  return ids(
    rounds.filter(({ user, reply }) =>
      `${user} ${reply}`.toLowerCase().includes(wanted),
    ),
  );
}

test("there are six cases of each kind, from seeds that nothing else looks at", () => {
  const kinds = cases.map(({ kind }) => kind);
  for (const kind of [
    "edited",
    "deleted",
    "moved",
    "attached",
    "system",
    "leak",
  ])
    expect(kinds.filter((one) => one === kind)).toHaveLength(6);
  const seeds = new Set(cases.map(({ seed }) => seed));
  expect(seeds.size).toBe(cases.length);
  expect(Math.min(...seeds)).toBeGreaterThanOrEqual(60_000_000);
  expect(Math.max(...seeds)).toBeLessThan(70_000_000);
});

describe.each(named)("%s", (_, one) => {
  const { before, after, source, system, question } = one;
  const [was, alone, is] = [before.rounds, before.alone, after.rounds].map(
    ids,
  ) as [number[], number[], number[]];
  const gone = was.filter((id) => !is.includes(id));
  const added = is.filter((id) => ![...was, ...alone].includes(id));
  const kept = was.filter((id) => !gone.includes(id));
  const stale = [...staleRounds(one)];

  test("names the value in its source alone, and a wrong one nowhere", () => {
    const { value, wrong } = one;
    if (value !== null) expect(naming(after.rounds, value)).toEqual([source]);
    if (wrong !== undefined) {
      expect(naming(after.rounds, wrong)).toEqual([]);
      expect(naming(before.rounds, wrong)).toEqual(gone);
    }
    for (const other of [value, wrong])
      if (other != null) {
        expect(question.toLowerCase()).not.toContain(other.toLowerCase());
        expect(system ?? "").not.toContain(other);
      }
  });

  test("has a right reply that is neither wrong nor leaks", () => {
    expect(answersRight(one, one.reply)).toBe(true);
    expect(leaks(one, one.reply)).toBe(false);
  });

  test("changes what its kind changes, and no more", () => {
    const isMoved = one.kind === "moved" || one.kind === "attached";
    const rest = is.filter((id) => ![...added, ...alone].includes(id));
    if (!isMoved) expect(rest).toEqual(kept);
    else expect(rest.toSorted((a, b) => a - b)).toEqual(was);
    if (one.kind !== "attached") expect(alone).toEqual([]);
    if (one.kind !== "system") expect(before.system).toBe(system);
    switch (one.kind) {
      case "edited":
        expect([gone.length, added]).toEqual([1, [source]]);
        expect(is.indexOf(source)).toBe(was.indexOf(gone[0]!));
        expect(stale).toEqual(is.slice(is.indexOf(source) + 1));
        break;
      case "deleted":
        expect([gone.length, added]).toEqual([1, []]);
        expect(was.indexOf(gone[0]!)).toBeLessThan(was.length / 2);
        expect(stale).toContain(source);
        break;
      case "moved":
        expect([gone, added]).toEqual([[], []]);
        expect(is).not.toEqual(was);
        expect(stale).toContain(source);
        break;
      case "attached":
        expect([gone, added]).toEqual([[], []]);
        expect(alone.length).toBeGreaterThanOrEqual(1);
        expect(alone.length).toBeLessThanOrEqual(3);
        expect(alone).toContain(source);
        expect(stale).toContain(source);
        for (const { user } of before.alone)
          expect(user).toMatch(/^Here is a note\./);
        break;
      case "system":
        expect(is).toEqual(was);
        expect(before.system).not.toBe(system);
        expect(stale).toEqual(is);
        break;
      case "leak":
        expect([gone, added]).toEqual([[source], []]);
        expect(stale).toEqual(was.slice(was.indexOf(source) + 1));
        break;
      default:
        one satisfies never;
    }
  });

  test("has a chat of the one size or the other", () => {
    const size = Math.max(was.length, is.length);
    const [least, most] = size < 25 ? [14, 18] : [37, 41];
    expect(size).toBeGreaterThanOrEqual(least);
    expect(size).toBeLessThanOrEqual(most);
  });
});

describe("a reply", () => {
  const leak = cases.find(({ kind }) => kind === "leak")!;
  const edited = cases.find(({ kind }) => kind === "edited")!;

  test("is right by whole words, in capitals or not", () => {
    const one = { ...edited, value: "tea", wrong: "milk" } as typeof edited;
    expect(answersRight(one, "Tea is your favorite drink.")).toBe(true);
    expect(answersRight(one, "You like steam.")).toBe(false);
    expect(answersRight(one, "It is tea, not milk.")).toBe(false);
    expect(leaks(one, "It is tea, not milk.")).toBe(true);
  });

  test("that should say that it was not told leaks only the deleted value", () => {
    const one = { ...leak, wrong: "Paris" } as typeof leak;
    expect(answersRight(one, "You have not told me that yet.")).toBe(true);
    expect(answersRight(one, "You live in Rome.")).toBe(false);
    expect(leaks(one, "You live in Rome.")).toBe(false);
    expect(leaks(one, "You live in Paris.")).toBe(true);
  });
});

describe("a file is refused", () => {
  const [first] = quick.cases;

  test("with a value of several words", () => {
    const cases = [{ ...first, value: "two words" }];
    expect(() => readFusionCases({ ...quick, cases })).toThrow("one word");
  });

  test("with an id that no round has", () => {
    const cases = [{ ...first, after: { rounds: [1, 99] } }];
    expect(() => readFusionCases({ ...quick, cases })).toThrow("id 99");
    const unsaid = [{ ...first, source: 98 }];
    expect(() => readFusionCases({ ...quick, cases: unsaid })).toThrow("id 98");
  });

  test("with a round that is in one chat twice", () => {
    const cases = [{ ...first, after: { rounds: [1, 1] } }];
    expect(() => readFusionCases({ ...quick, cases })).toThrow("twice");
  });
});
