// Which KV is what a full prefill would make: by the tokens that it was computed behind.
import { describe, expect, test } from "vitest";
import { contextsOf } from "../../../src/engine/chat/context-hash";
import { Conversation } from "../../../src/engine/chat/conversation";
import { copyBehind, makePlace } from "../../../src/engine/turn/edit-chat";
import { noteContexts, stalenessOf } from "../../../src/engine/chat/staleness";

/** A chat of five rounds, system prompt included, all exact and stored. */
async function exactChat(): Promise<Conversation> {
  const conversation = new Conversation("chat", undefined, 0);
  for (let i = 0; i < 5; i++) {
    const round = conversation.add({ user: `${i}`, tokens: [i, i + 10] });
    for (const half of ["lower", "upper"] as const) {
      round[half].computedTokens = 2;
      round[half].storedBytes = 100;
    }
  }
  noteContexts(conversation.rounds, await contextsOf(conversation.rounds));
  return conversation;
}

const idsOf = (rounds: Iterable<{ id: number }>) =>
  Array.from(rounds, ({ id }) => id);

async function staleIn({ rounds }: Conversation) {
  const { stale, inexact } = await stalenessOf(rounds);
  return { stale: idsOf(stale), inexact: idsOf(inexact) };
}

describe("contexts", () => {
  test("are the same for the same tokens, whichever rounds they are in", async () => {
    const one = await contextsOf([{ tokens: [1, 2] }, { tokens: [3] }]);
    const other = await contextsOf([{ tokens: [1, 2] }, { tokens: [3] }]);
    expect(one).toEqual(other);
    expect(new Set(one).size).toBe(3);
  });

  test("tell rounds apart that have the same tokens in another division", async () => {
    const [, , one] = await contextsOf([{ tokens: [1, 2] }, { tokens: [3] }]);
    const [, , other] = await contextsOf([{ tokens: [1] }, { tokens: [2, 3] }]);
    expect(one).not.toBe(other);
  });

  test("change with a round that grows", async () => {
    const round = { tokens: [1] };
    const [, before] = await contextsOf([round]);
    round.tokens.push(2);
    const [, after] = await contextsOf([round]);
    expect(after).not.toBe(before);
    expect(after).toBe((await contextsOf([{ tokens: [1, 2] }]))[1]);
  });
});

describe("KV is", () => {
  test("exact where all before it is as it was", async () => {
    expect(await staleIn(await exactChat())).toEqual({
      stale: [],
      inexact: [],
    });
  });

  test("stale behind a round that is gone, and exact again once it is back", async () => {
    const chat = await exactChat();
    const [gone] = chat.rounds.splice(2, 1);
    expect(await staleIn(chat)).toEqual({ stale: [3, 4], inexact: [3, 4] });
    chat.rounds.splice(2, 0, gone!);
    expect((await staleIn(chat)).stale).toEqual([]);
  });

  test("stale of copies behind another version, up to where they are", async () => {
    const chat = await exactChat();
    const later = makePlace(chat, { behind: 1, before: 3 });
    expect(idsOf(later)).toEqual([3, 4]);
    expect(idsOf(chat.rounds)).toEqual([0, 1]);
    chat.add({ user: "another", tokens: [7, 7] });
    const copies = copyBehind(chat, later);
    expect(idsOf(chat.rounds)).toEqual([0, 1, 5, 6, 7]);
    expect(copies.map(({ kvFrom }) => kvFrom)).toEqual([
      { roundId: 3 },
      { roundId: 4 },
    ]);
    expect((await staleIn(chat)).stale).toEqual([6, 7]);
    // The first branch is as it was.
    chat.show(4);
    expect(idsOf(chat.rounds)).toEqual([0, 1, 2, 3, 4]);
    expect((await staleIn(chat)).stale).toEqual([]);
  });

  test("exact of copies behind the same tokens", async () => {
    const chat = await exactChat();
    const later = makePlace(chat, { behind: 1, before: 3 });
    // The very tokens of round 2.
    chat.add({ user: "the same", tokens: [2, 12] });
    copyBehind(chat, later);
    expect((await staleIn(chat)).stale).toEqual([]);
  });

  test("found where the first of several copies has it; one that is not stored is computed", async () => {
    const chat = await exactChat();
    const once = copyBehind(chat, chat.rounds.slice(4));
    const twice = copyBehind(chat, once);
    expect(twice[0]!.kvFrom).toEqual({ roundId: 4 });
    chat.rounds[3]!.upper.storedBytes = 0;
    const [computed] = copyBehind(chat, [chat.rounds[3]!]);
    expect(computed!.kvFrom).toBeUndefined();
    expect(computed!.kvContext).toBeUndefined();
  });

  test("inexact behind what is not exact itself", async () => {
    const chat = await exactChat();
    chat.rounds[3]!.isApproximate = true;
    expect(await staleIn(chat)).toEqual({ stale: [], inexact: [3] });
    const next = chat.add({ user: "next", tokens: [9] });
    next.lower.computedTokens = 1;
    noteContexts(chat.rounds, await contextsOf(chat.rounds));
    expect(next.isApproximate).toBe(true);
  });
});

describe("a place for a message", () => {
  test.each([
    { behind: 77 },
    { behind: 1, before: 77 },
    { behind: 3, before: 2 },
    { behind: 3, before: 3 },
  ])("that is none is refused: %o", async (place) => {
    const chat = await exactChat();
    expect(() => makePlace(chat, place)).toThrow(RangeError);
    expect(idsOf(chat.rounds)).toEqual([0, 1, 2, 3, 4]);
  });
});
