// Which branch of a chat is shown when rounds of it are taken out.
import { expect, test } from "vitest";
import { addRound, conversationOf } from "../../support/conversation";

const shown = ({ branch }: ReturnType<typeof conversationOf>) =>
  branch.map(({ id }) => id);

test("where a version is deleted another one is shown, with what follows it", () => {
  const chat = conversationOf([], [1], [2], [3]);
  addRound(chat, { parentId: 1 });
  expect(shown(chat)).toEqual([0, 1, 4]);
  chat.remove(4);
  expect(shown(chat)).toEqual([0, 1, 2, 3]);
});

test("where a round of an older branch is deleted, that branch stays", () => {
  const chat = conversationOf([], [1], [2], [3]);
  addRound(chat, { parentId: 1 });
  chat.show(2);
  chat.remove(2);
  expect(shown(chat)).toEqual([0, 1, 3]);
  expect(chat.shownWithout([3])).toBe(1);
  expect(chat.shownWithout([1, 3])).toBeUndefined();
});
