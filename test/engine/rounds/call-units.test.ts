import { describe, expect, it } from "vitest";
import { callUnits } from "../../../src/engine/rounds/call-units";
import { chooseCandidates } from "../../../src/engine/rounds/candidates";
import { chooseByWords } from "../../../src/engine/rounds/choose-by-words";
import { chooseRounds } from "../../../src/engine/rounds/choose-rounds";
import { select } from "../../../src/engine/rounds/select";

const results = [{ callId: "a", name: "now", content: "9" }];

describe("The units of calls", () => {
  it("are a reply that calls and all rounds that bring results, one after the other", () => {
    const rounds = [
      { id: 1 },
      { id: 2 },
      { id: 4, results },
      { id: 5, results },
      { id: 6 },
      { id: 7, results },
    ];
    expect([...callUnits(rounds)].sort()).toEqual([
      [2, 2],
      [4, 2],
      [5, 2],
      [6, 6],
      [7, 6],
    ]);
  });

  it("are none where results have nothing before them, or there are none", () => {
    expect(callUnits([{ id: 3, results }, { id: 4 }]).size).toBe(0);
  });
});

/** Six rounds, of which 2 and 3 are a unit, and so are 5 and 6 where `isLast`. */
function rounds(values: readonly number[], isLast = false) {
  const unitOf = (id: number) => {
    if (id === 2 || id === 3) return 2;
    return isLast && id >= 5 ? 5 : undefined;
  };
  return values.map((value, i) => ({
    id: i + 1,
    mass: value,
    score: value,
    raw: value,
    bytes: 10,
    pages: 10,
    isPinned: false,
    unit: unitOf(i + 1),
  }));
}
const idsOf = ({ rounds }: { rounds: { id: number }[] }) =>
  rounds.map(({ id }) => id);

const ways: [
  string,
  (all: ReturnType<typeof rounds>, budget: number) => number[],
][] = [
  [
    "mass",
    (all, budgetBytes) => idsOf(select(all, { tau: 1, kMin: 1, budgetBytes })),
  ],
  [
    "heads",
    (all, budgetBytes) =>
      idsOf(chooseRounds(all, { noise: 0.1, kMin: 1, budgetBytes })),
  ],
  ["words", (all, budget) => idsOf(chooseByWords(all, budget))],
  ["digests", chooseCandidates],
];

describe.each(ways)("Chosen by %s, a call and its results", (_, choose) => {
  it("come together, whichever is asked for", () => {
    for (const asked of [1, 2]) {
      const values = [0, 0, 0, 0, 0, 0];
      values[asked] = 1;
      const chosen = choose(rounds(values), 40);
      expect(chosen).toContain(2);
      expect(chosen).toContain(3);
    }
  });

  it("are left out together where there is room for one of them", () => {
    const chosen = choose(rounds([0, 0, 1, 0.5, 0, 0]), 25);
    expect(chosen).not.toContain(2);
    expect(chosen).not.toContain(3);
    expect(chosen).toContain(6);
  });

  it("that are the last rounds are taken as far as there is room, the newest first", () => {
    const values = [1, 0, 0, 1, 0, 0];
    expect(choose(rounds(values, true), 10)).toEqual([6]);
    expect(choose(rounds(values, true), 20)).toEqual([5, 6]);
  });
});
