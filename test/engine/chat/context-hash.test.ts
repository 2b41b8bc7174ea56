import { expect, test } from "vitest";
import {
  contextsById,
  contextsOf,
} from "../../../src/engine/chat/context-hash";

const round = (id: number, parentId: number | null) => ({
  id,
  parentId,
  tokens: [id, 7],
});

test("the contexts of a tree are those of its branches", async () => {
  const [system, first, second, other] = [
    round(0, null),
    round(1, 0),
    round(2, 1),
    round(3, 1),
  ] as const;
  const byId = await contextsById([other, second, first, system]);
  for (const branch of [
    [system, first, second],
    [system, first, other],
  ]) {
    const contexts = await contextsOf(branch);
    expect(branch.map(({ id }) => byId.get(id))).toEqual(contexts.slice(0, -1));
  }
});

test("where a parent is gone the newest before it takes its place", async () => {
  const [first, third] = [round(1, null), round(3, 2)];
  const byId = await contextsById([first, third]);
  const [, behindFirst] = await contextsOf([first]);
  expect(byId.get(3)).toBe(behindFirst);
});
