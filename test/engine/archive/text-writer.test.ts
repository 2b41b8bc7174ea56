// Which records are put when: each new round once, however many writes wait for a slow store.
import { expect, test } from "vitest";
import { NoArchive } from "../../../src/engine/archive/archive";
import { TextWriter } from "../../../src/engine/archive/text-writer";
import { newChatRound } from "../../../src/engine/chat/chat-round";
import { Conversation } from "../../../src/engine/chat/conversation";

/** A store that answers when it is told to, in order. */
function slowStore() {
  const puts: number[][] = [];
  const waiting: ((isKept: boolean) => void)[] = [];
  const archive = Object.assign(new NoArchive(), {
    saveRounds: (_: unknown, rounds: readonly { id: number }[]) => {
      puts.push(rounds.map(({ id }) => id));
      return new Promise<boolean>((resolve) => waiting.push(resolve));
    },
  });
  const text = new TextWriter(archive, () => ({ name: "", url: "" }));
  return { text, puts, answer: (isKept: boolean) => waiting.shift()!(isKept) };
}

/** A chat that was begun with so many rounds, of which nothing is stored. */
function begun(count: number): Conversation {
  const conversation = new Conversation({ id: "long" });
  conversation.add(
    ...Array.from({ length: count }, (_, i) =>
      newChatRound({ id: i + 1, parentId: i, isFinished: true }),
    ),
  );
  return conversation;
}

test("rounds that a write is bringing are not written by those behind it", async () => {
  const { text, puts, answer } = slowStore();
  const conversation = begun(300);
  const [, , third] = conversation.all;
  const writes = [
    text.save(conversation, []),
    text.save(conversation, [third!]),
    text.save(conversation, [third!]),
  ];
  expect(puts.map(({ length }) => length)).toEqual([301, 1, 1]);
  for (const write of writes) {
    answer(true);
    expect(await write).toBe(true);
  }
  expect(conversation.all.every(({ saved }) => saved === "all")).toBe(true);
});

test("what was refused is written with the next rounds", async () => {
  const { text, puts, answer } = slowStore();
  const conversation = begun(3);
  const refused = text.save(conversation, []);
  answer(false);
  expect(await refused).toBe(false);
  const added = newChatRound({ id: 4, parentId: 3 });
  const second = text.save(conversation, [added]);
  answer(true);
  expect(await second).toBe(true);
  expect(puts).toEqual([
    [0, 1, 2, 3],
    [0, 1, 2, 3, 4],
  ]);
});
