import { expect, test } from "vitest";
import type { RoundMemory } from "../../../../src/engine/api/memory-snapshot";
import { layTree, parentIds } from "../../../../src/ui/memory/map/branch-tree";
import { longSnapshot, smallSnapshot } from "../../../support/memory-snapshots";

const [pattern] = smallSnapshot().chat!.rounds;

/** Rounds of these parents; 0 is the system prompt. */
function rounds(parents: Record<number, number>): RoundMemory[] {
  const others = Object.entries(parents).map(([id, parentId]): RoundMemory => ({
    ...pattern!,
    id: Number(id),
    parentId,
    kind: "round",
  }));
  return [pattern!, ...others];
}

/** One line a round: its lane, a sign for how it hangs on its parent, and its name. */
function drawn(parents: Record<number, number>, shownIds: number[]): string[] {
  return layTree(rounds(parents), shownIds).map(
    ({ isFork, isShown, lane, round }) =>
      `${"|".repeat(lane)}${isFork ? "-" : ""}${isShown ? "●" : "○"}${round.id}`,
  );
}

test("A chat without branches is one straight line", () => {
  expect(drawn({ 1: 0, 2: 1, 3: 2 }, [1, 2, 3])).toEqual([
    "●0",
    "●1",
    "●2",
    "●3",
  ]);
});

test("Versions that are not shown stand beside what is, right under the round that they leave", () => {
  const parents = { 1: 0, 2: 1, 3: 2, 4: 1, 5: 4 };
  expect(drawn(parents, [1, 4, 5])).toEqual([
    "●0",
    "●1",
    "|-○2",
    "|○3",
    "●4",
    "●5",
  ]);
  expect(drawn(parents, [1, 2, 3])).toEqual([
    "●0",
    "●1",
    "|-○4",
    "|○5",
    "●2",
    "●3",
  ]);
});

test("Several versions come oldest first, and branches of branches further right", () => {
  const parents = { 1: 0, 2: 0, 3: 2, 4: 2, 5: 0 };
  expect(drawn(parents, [5])).toEqual([
    "●0",
    "|-○1",
    "|-○2",
    "||-○3",
    "|○4",
    "●5",
  ]);
});

test("Behind the last round that is shown, the newest goes straight on", () => {
  const rows = layTree(rounds({ 1: 0, 2: 1, 3: 1 }), [1]);
  expect(rows.map(({ round }) => round.id)).toEqual([0, 1, 2, 3]);
  expect(rows.map(({ isTrunkShown }) => isTrunkShown)).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

test("Each round is drawn once, also in a long chat with many branches, and the shown ones in their order", () => {
  const chat = longSnapshot(2000).chat!;
  const rows = layTree(chat.rounds, chat.shownIds);
  const ids = rows.map(({ round }) => round.id);
  expect([...ids].sort((a, b) => a - b)).toEqual(
    chat.rounds.map(({ id }) => id),
  );
  const shown = rows.filter(({ isShown }) => isShown);
  expect(shown.map(({ round }) => round.id)).toEqual([0, ...chat.shownIds]);
  expect(shown.every(({ lane }) => lane === 0)).toBe(true);
});

test("Lines go down from rounds that have something behind them, and from no others", () => {
  const all = rounds({ 1: 0, 2: 1, 3: 1 });
  const parents = parentIds(all);
  for (const { hasChildren, round } of layTree(all, [1, 3]))
    expect(hasChildren).toBe(parents.has(round.id));
});

test("A round whose parent is not there is not lost", () => {
  expect(drawn({ 1: 0, 7: 5 }, [1])).toEqual(["●0", "|-○7", "●1"]);
});

test("No rounds make no lines", () => expect(layTree([], [])).toEqual([]));
