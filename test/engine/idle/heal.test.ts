// What is healed is what the store has in the end, however slow the store is.
import { expect, test, vi } from "vitest";
import { NoArchive } from "../../../src/engine/archive/archive";
import { KvWriter } from "../../../src/engine/archive/kv-writer";
import { TextWriter } from "../../../src/engine/archive/text-writer";
import type { BoundChat } from "../../../src/engine/chat/bound-chat";
import type { ChatRound } from "../../../src/engine/chat/chat-round";
import { readyBranch, stateOf } from "../../../src/engine/chat/kv-state";
import { healSome } from "../../../src/engine/idle/heal";
import type { TurnContext } from "../../../src/engine/open/active-chat";
import {
  isStoredAsItIs,
  noteComputed,
  originOf,
} from "../../../src/memory/half-kv";
import type { SegmentHeader } from "../../../src/memory/segment";
import { type Half, HALVES } from "../../../src/util/kv-half";
import { conversationOf } from "../../support/conversation";
import { plainModel } from "../../support/plain-model";
import {
  exactValues,
  pageValues,
  spoilPages,
} from "../../support/fake-network";
import { restoreHalf } from "../../support/fake-transfer";

vi.mock(
  "../../../src/memory/segment-transfer",
  () => import("../../support/fake-transfer"),
);

/** A store that writes when it is told to. */
function slowStore() {
  /** By round and half, as they are in the end. */
  const stored = new Map<string, Uint8Array>();
  const waiting: (() => void)[] = [];
  const archive = Object.assign(new NoArchive(), {
    saveRounds: async () => true,
    saveSegment: (
      _chatId: string,
      roundId: number,
      { half }: SegmentHeader,
      payload: Uint8Array,
    ) =>
      new Promise<boolean>((resolve) =>
        waiting.push(() => {
          stored.set(`${roundId} ${half}`, payload);
          resolve(true);
        }),
      ),
  });
  /** Writes all that waits, and what is asked for by that. */
  const write = async () => {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve));
      const next = waiting.shift();
      if (next === undefined) return;
      next();
    }
  };
  return { archive, stored, waiting, write };
}

test.each([
  "after the healed KV was handed over",
  "before the healed KV is handed over",
])(
  "a healed round whose earlier KV is written %s is stored as it was healed",
  async (when) => {
    const loaded = plainModel();
    const { residency, runner, restorer } = loaded;
    const { cache } = runner;
    const conversation = conversationOf([1, 2], [3, 4, 5]);
    const [system, round] = conversation.rounds as [ChatRound, ChatRound];
    round.saved = "all";
    const chat = {
      conversation,
      segmentFingerprint: "s",
    } as unknown as BoundChat;
    const { archive, stored, waiting, write } = slowStore();
    const text = new TextWriter(archive, () => ({ name: "", url: "" }));
    const kv = new KvWriter(archive, text, "raw");

    // Both have KV; the round's was computed while what stands before it was not exact.
    await readyBranch(conversation.rounds);
    for (const one of [system, round]) {
      const context = { ...one.context!, isExact: one === system };
      for (const half of HALVES) {
        await residency.give(one, half);
        spoilPages(cache[half], one[half].pages);
        for (const token of one.tokens.keys())
          noteComputed(one[half], token, context);
      }
    }
    kv.store(loaded, chat, [round]);
    await kv.packed();
    await vi.waitFor(() => expect(waiting).toHaveLength(2));

    const context = {
      runner,
      residency,
      restorer,
      conversation,
      contextTokens: 100,
      source: { read: async () => "missing" },
    } as unknown as TurnContext;
    // The system prompt is exact by what is known of it; here it is so in fact.
    for (const half of HALVES) residency.clear(system, half);
    const { healed, roundsLeft } = await healSome(context, () => false);
    expect({ healed, roundsLeft }).toEqual({ healed: [round], roundsLeft: 0 });
    if (when.startsWith("before")) {
      await write();
      // What the store has is not what the pages hold.
      for (const half of HALVES)
        expect(isStoredAsItIs(round[half])).toBe(false);
    }
    kv.store(loaded, chat, [round]);
    await kv.packed();
    await write();

    expect((await stateOf(conversation.rounds)).inexact).toEqual([]);
    for (const half of HALVES) {
      expect(isStoredAsItIs(round[half])).toBe(true);
      expect(await valuesIn(stored.get(`${round.id} ${half}`)!, half)).toEqual(
        exactHalf(half),
      );
    }
    expect(kv.queue.queuedSegments).toBe(0);

    // Off the GPU, it is still exact by what the store has.
    for (const half of HALVES) residency.drop(round, half);
    for (const half of HALVES)
      expect(originOf(round[half])).toMatchObject({
        isExact: true,
        isMixed: false,
      });

    function exactHalf(half: Half): number[][] {
      const { firstLayer, layerCount } = cache[half];
      const { tokens } = system;
      return exactValues(cache, tokens, round.tokens).slice(
        firstLayer,
        firstLayer + layerCount,
      );
    }

    async function valuesIn(payload: Uint8Array, half: Half) {
      const pages = [cache[half].pool.take()];
      await restoreHalf(loaded.gpu, cache[half], pages, payload);
      const values = pageValues(cache[half], pages, round.tokens.length);
      pages.forEach((page) => cache[half].pool.give(page));
      return values;
    }
  },
);
