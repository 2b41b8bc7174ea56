// Which KV is what a full prefill would make: by the tokens that it was computed behind.
import { describe, expect, test } from "vitest";
import { type ChatRound, setTokens } from "../../../src/engine/chat/chat-round";
import { contextsOf } from "../../../src/engine/chat/context-hash";
import type { Conversation } from "../../../src/engine/chat/conversation";
import { readyBranch, stateOf } from "../../../src/engine/chat/kv-state";
import { copiesBehind } from "../../../src/engine/open/place-message";
import {
  clearPages,
  noteComputed,
  noteStored,
} from "../../../src/memory/half-kv";
import { HALVES } from "../../../src/util/kv-half";
import { addRound, conversationOf } from "../../support/conversation";

/** Has KV of all of a round computed behind what stands before it now. */
function compute(round: ChatRound): void {
  for (const half of HALVES)
    for (const token of round.tokens.keys())
      noteComputed(round[half], token, round.context);
}

function store(round: ChatRound): void {
  for (const half of HALVES) {
    const { generation, origin } = round[half];
    noteStored(round[half], { bytes: 100, generation, origin });
  }
}

/** A chat of five rounds, system prompt included, all exact and stored. */
async function exactChat(): Promise<Conversation> {
  const chat = conversationOf([0, 10], [1, 11], [2, 12], [3, 13], [4, 14]);
  await readyBranch(chat.rounds);
  chat.rounds.forEach(compute);
  chat.rounds.forEach(store);
  return chat;
}

const idsOf = (rounds: Iterable<{ id: number }>) =>
  Array.from(rounds, ({ id }) => id);

async function staleIn({ rounds }: Conversation) {
  const { stale, inexact } = await stateOf(rounds);
  return { stale: idsOf(stale), inexact: idsOf(inexact) };
}

/** Has the system prompt be of other tokens. */
function instruct({ prefix }: Conversation, ...tokens: number[]): void {
  const kv = HALVES.map((half) => ({ ...prefix[half] }));
  setTokens(prefix, tokens, tokens.length, "");
  // Its own KV is not what these tests are about.
  HALVES.forEach((half, i) => Object.assign(prefix[half], kv[i]));
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

  test("stale behind a round that is gone", async () => {
    const chat = await exactChat();
    chat.remove(2);
    expect(await staleIn(chat)).toEqual({ stale: [3, 4], inexact: [3, 4] });
  });

  test("stale behind another system prompt, and exact again once the first one is back", async () => {
    const chat = await exactChat();
    instruct(chat, 7, 7);
    expect((await staleIn(chat)).stale).toEqual([1, 2, 3, 4]);
    instruct(chat, 0, 10);
    expect((await staleIn(chat)).stale).toEqual([]);
  });

  test("stale where it is not known what it was computed behind", async () => {
    const chat = await exactChat();
    const { lower } = chat.rounds[3]!;
    clearPages(lower);
    lower.stored.origin = undefined;
    expect((await staleIn(chat)).stale).toEqual([3]);
  });

  test("repaired where some of it was computed behind other tokens, also once the first ones are back", async () => {
    const chat = await exactChat();
    instruct(chat, 7, 7);
    await readyBranch(chat.rounds);
    const [, , , round] = chat.rounds;
    noteComputed(round!.lower, 1, round!.context);
    instruct(chat, 0, 10);
    const { stale, inexact } = await stateOf(chat.rounds);
    expect(idsOf(stale)).toEqual([3]);
    expect(idsOf(inexact)).toEqual([3]);
    // What is stored is as it was: without its pages the round is exact.
    clearPages(round!.lower);
    expect(await staleIn(chat)).toEqual({ stale: [], inexact: [] });
  });

  test("approximate behind what is not exact itself", async () => {
    const chat = await exactChat();
    instruct(chat, 7, 7);
    const next = addRound(chat, { tokens: [9] });
    await readyBranch(chat.rounds);
    compute(next);
    expect(await staleIn(chat)).toEqual({
      stale: [1, 2, 3, 4],
      inexact: [1, 2, 3, 4, 5],
    });
    // Healed in order, each behind what is exact by then.
    for (const round of chat.rounds.slice(1)) {
      await readyBranch(chat.rounds);
      for (const half of HALVES) clearPages(round[half]);
      compute(round);
    }
    expect((await staleIn(chat)).inexact).toEqual([]);
  });

  test("forgotten where it is stale and half of it is nowhere", async () => {
    const chat = await exactChat();
    const [, , , round] = chat.rounds;
    clearPages(round!.upper);
    round!.upper.stored.bytes = 0;
    expect(await staleIn(chat)).toEqual({ stale: [], inexact: [] });
    instruct(chat, 7, 7);
    const { stale } = await readyBranch(chat.rounds);
    expect(idsOf(stale)).toEqual([1, 2, 4]);
    expect(round!.lower.computedTokens).toBe(0);
    expect(round!.lower.stored.bytes).toBe(0);
  });
});

describe("copies of rounds", () => {
  test("are stale behind another version, up to where they are", async () => {
    const chat = await exactChat();
    const later = chat.rounds.slice(3);
    const version = addRound(chat, { parentId: 1, tokens: [7, 7] });
    const copies = copiesBehind(chat, version.id, later);
    chat.add(...copies);
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

  test("are exact behind the same tokens", async () => {
    const chat = await exactChat();
    const later = chat.rounds.slice(3);
    // The very tokens of round 2.
    const version = addRound(chat, { parentId: 1, tokens: [2, 12] });
    chat.add(...copiesBehind(chat, version.id, later));
    expect((await staleIn(chat)).stale).toEqual([]);
  });

  test("find KV where the first of several copies has it", async () => {
    const chat = await exactChat();
    const once = copiesBehind(chat, 4, chat.rounds.slice(4));
    const [twice] = copiesBehind(chat, 4, once);
    expect(twice!.kvFrom).toEqual({ roundId: 4 });
    expect(twice!.lower.stored).toBe(chat.rounds[4]!.lower.stored);
  });

  test("know what becomes of the KV that they share, until they have their own", async () => {
    const chat = await exactChat();
    const [copy] = copiesBehind(chat, 4, chat.rounds.slice(4));
    const original = chat.rounds[4]!;
    // The original is computed again behind something else, and stored.
    original.context = { hash: "another", isExact: true };
    for (const half of HALVES) clearPages(original[half]);
    compute(original);
    store(original);
    expect(copy!.lower.stored.origin?.context).toBe("another");
    // The copy gets KV of its own.
    copy!.context = { hash: "its own", isExact: true };
    compute(copy!);
    store(copy!);
    expect(copy!.lower.stored.origin?.context).toBe("its own");
    expect(copy!.lower.place).toBeUndefined();
    expect(original.lower.stored.origin?.context).toBe("another");
  });
});
