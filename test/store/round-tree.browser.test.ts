import { expect, test } from "vitest";
import {
  newestBranch,
  withAllThatRead,
  withDescendants,
} from "../../src/store/round-tree";

const rounds = (...pairs: [id: number, parentId: number | null][]) =>
  pairs.map(([id, parentId]) => ({ id, parentId }));
const idsOf = (found: { id: number }[]) => found.map(({ id }) => id);

test("the newest branch is the path to the highest id", () => {
  const tree = rounds([0, null], [1, 0], [2, 1], [3, 1], [4, 2], [5, 3]);
  expect(idsOf(newestBranch(tree))).toEqual([0, 1, 3, 5]);
  expect(idsOf(newestBranch(tree.toReversed()))).toEqual([0, 1, 3, 5]);
});

test("another first round is a branch of its own", () => {
  const tree = rounds([0, null], [1, 0], [2, null], [3, 2]);
  expect(idsOf(newestBranch(tree))).toEqual([2, 3]);
});

test("where a round is lost, what was said before it still is there", () => {
  const tree = rounds([0, null], [1, 0], [2, 1], [4, 3], [5, 4]);
  expect(idsOf(newestBranch(tree))).toEqual([0, 1, 2, 4, 5]);
});

test("a chat that lost its first rounds begins with those it has", () => {
  expect(idsOf(newestBranch(rounds([3, 2], [4, 3])))).toEqual([3, 4]);
  expect(newestBranch([])).toEqual([]);
});

test("descendants are found on all branches, and on no other", () => {
  const tree = rounds(
    [0, null],
    [1, 0],
    [2, 1],
    [3, 0],
    [4, 2],
    [5, 3],
    [6, 1],
  );
  expect([...withDescendants(tree, 1)]).toEqual([1, 2, 4, 6]);
  expect([...withDescendants(tree, 5)]).toEqual([5]);
});

test("the newest branch through a round goes on behind it with what was said there last", () => {
  const tree = rounds([0, null], [1, 0], [2, 1], [3, 1], [4, 2], [5, 3]);
  expect(idsOf(newestBranch(tree, 2))).toEqual([0, 1, 2, 4]);
  expect(idsOf(newestBranch(tree, 1))).toEqual([0, 1, 3, 5]);
  expect(idsOf(newestBranch(tree, 77))).toEqual([0, 1, 3, 5]);
});

test("all that read a round: what was said after it, and copies of that elsewhere", () => {
  const tree = rounds(
    [0, null],
    [1, 0],
    [2, 1],
    [3, 2],
    [4, 0],
    [5, 4],
    [6, 5],
  );
  const copied = tree.map((round) => ({
    ...round,
    ...(round.id === 5 && { kvFrom: { roundId: 3 } }),
    ...(round.id === 6 && { kvFrom: { conversationId: "x", roundId: 3 } }),
  }));
  expect([...withAllThatRead(copied, 2)].sort()).toEqual([2, 3, 5]);
});
