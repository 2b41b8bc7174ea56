// Local layers: what is beyond their window is neither resident nor restored, and no logit changes for it.
import { afterEach, describe, expect, test } from "vitest";
import { farFromEnd } from "../../../src/engine/run/attention-frame";
import { newReport } from "../../../src/engine/restore/kv-restore";
import { clearStored } from "../../../src/memory/half-kv";
import { KeyIndex } from "../../../src/memory/key-index";
import type { Round } from "../../../src/memory/round";
import { type Half, HALVES } from "../../../src/util/kv-half";
import { randomModel } from "../../fixtures/random-model";
import { llama as reference } from "../../reference/llama";
import { testGpu } from "../../support/gpu";
import { keyOf } from "../../support/memory-store";
import { seededRandom } from "../../support/random";
import {
  exactNetwork,
  randomTokens,
  SETTINGS,
  TestChat,
} from "../../support/test-chat";

const gpu = await testGpu();
const WINDOW = 20;
/** Layers 2 and 5 of 8 see everything; the others have a window. */
const model = randomModel({
  preset: "gemma-3",
  layers: 8,
  heads: 2,
  headDim: 32,
  particulars: {
    sliding_window: WINDOW,
    sliding_window_pattern: 3,
    rope_local_base_freq: 10_000,
    query_pre_attn_scalar: 64,
  },
});
const network = await exactNetwork(gpu, model, { watershed: 2 });
const { cache, residency } = network;
const ALL = { ...SETTINGS, mode: "all" as const };
/** A system prompt, six rounds and a question. */
const LENGTHS = [6, 20, 9, 33, 17, 25, 11, 12];
/** Rounds that a question behind all of them has beyond its window. */
const FAR = [1, 2, 3, 4];
const chats: TestChat[] = [];

afterEach(() => {
  expect(residency.faults()).toEqual([]);
  for (const chat of chats.splice(0)) chat.close();
  for (const half of HALVES) {
    expect(cache[half].usedPages).toBe(0);
    expect(cache[half].local!.usedPages).toBe(0);
  }
});

function chatOf(): TestChat {
  const tokens = randomTokens(LENGTHS, 512);
  const chat = new TestChat(network, { tokens });
  chats.push(chat);
  return chat;
}

/** The last row's logits in a forward pass without pages, in double precision. */
function exactLogits(rounds: readonly Round[]) {
  const tokens = rounds.flatMap((round) => round.tokens);
  const logitRows = [tokens.length - 1];
  return reference(model, { tokens, logitRows }).logits[0]!;
}

/** A chat whose rounds were all read and stored, and its question's logits. */
async function readChat(mode?: "raw" | "int8") {
  const chat = chatOf();
  const { logits } = await chat.ask({ settings: ALL });
  await chat.keep(mode);
  return { chat, logits };
}

function drop(chat: TestChat, rounds: readonly Round[] = chat.rounds): void {
  chat.pins.release();
  for (const round of rounds)
    for (const half of HALVES) residency.drop(round, half);
}

/** Asks the last round again. */
async function askAgain(
  chat: TestChat,
  request: Parameters<TestChat["ask"]>[0] = {},
) {
  chat.unask();
  return chat.ask({ settings: ALL, ...request });
}

/** Gives back what a question behind the chat's other rounds does not see. */
function leaveWindow(chat: TestChat): void {
  chat.pins.release();
  for (const round of farFromEnd(chat.rounds.slice(0, -1), cache.window))
    for (const half of HALVES) residency.dropLocal(round, half);
}

function lose(chat: TestChat, round: Round, half: Half): void {
  chat.store.halves.delete(keyOf(round, half));
  clearStored(round[half].stored);
}

/** Restores a half of all rounds but the question's, local layers with it. */
async function bringWhole(chat: TestChat, half: Half): Promise<void> {
  const rounds = chat.rounds.slice(0, -1);
  const { restorer, store } = chat;
  for await (const _ of restorer.restore(rounds, half, store, newReport()))
    void _;
}

const lacking = (chat: TestChat, half: Half) =>
  chat.rounds.filter((one) => one[half].lacksLocal).map(({ id }) => id);

describe("a chat in a model with local layers", () => {
  test("has pages apart for them, and says what a forward pass in double precision says", async () => {
    const layersOf = (half: Half) =>
      [cache[half].main, cache[half].local!].map(({ layers }) => [
        ...layers.keys(),
      ]);
    expect(layersOf("lower")).toEqual([[2], [0, 1]]);
    expect(layersOf("upper")).toEqual([[5], [3, 4, 6, 7]]);
    expect(cache.window).toBe(WINDOW);
    const { chat, logits } = await readChat();
    expect(logits).toBeCloseToArray(exactLogits(chat.rounds), 2e-5);
  });

  test.each(["raw", "int8"] as const)(
    "brings global layers alone of rounds beyond the window, stored as %s",
    async (mode) => {
      const { chat, logits } = await readChat(mode);
      drop(chat);
      const before = gpu.counts.writtenBytes;
      const answer = await askAgain(chat);
      const written = gpu.counts.writtenBytes - before;
      // What was stored raw gives the same logits to the bit.
      if (mode === "raw") expect(answer.logits).toEqual(logits);
      for (const half of HALVES) {
        expect(answer.report[half].restoredTokens).toBe(121);
        expect(lacking(chat, half)).toEqual(FAR);
        const { main, local } = cache[half];
        const far = chat.rounds.filter(({ id }) => FAR.includes(id));
        const pages = 2 + 1 + 3 + 2;
        expect(residency.bytesOf(far, half)).toBe(pages * main.pageBytes);
        // The system prompt, rounds 5 and 6, and the question.
        expect(local!.usedPages).toBe(1 + 2 + 1 + 1);
      }
      // Eight pages beyond the window and four within it; besides, steps and tables.
      const all = cache.lower.pageBytes + cache.upper.pageBytes;
      const main = cache.lower.main.pageBytes + cache.upper.main.pageBytes;
      // A head's key or value is 32 f32, or as many bytes and a scale.
      const share = mode === "raw" ? 1 : 34 / 128;
      const kv = share * (8 * main + 4 * all);
      expect(written).toBeGreaterThanOrEqual(kv);
      expect(written - kv).toBeLessThan(share * main);
    },
  );

  test("gives pages of local layers back once they are stored, and reads on", async () => {
    const { chat, logits } = await readChat();
    leaveWindow(chat);
    for (const half of HALVES) expect(lacking(chat, half)).toEqual(FAR);
    const before = chat.store.reads.length;
    expect((await askAgain(chat)).logits).toEqual(logits);
    expect(chat.store.reads.length).toBe(before);
  });

  test("keeps local layers that are not stored", async () => {
    const chat = chatOf();
    await chat.ask({ settings: ALL });
    leaveWindow(chat);
    for (const half of HALVES) expect(lacking(chat, half)).toEqual([]);
  });

  test("brings local layers back for a round that is near again", async () => {
    const { chat } = await readChat();
    const question = chat.rounds.at(-1)!;
    const kept = chat.rounds.slice(0, 4);
    const nearer = async () => {
      chat.unask();
      chat.rounds.splice(0, Infinity, ...kept, question);
      const { logits } = await chat.ask({ settings: ALL });
      return logits;
    };
    const all = [...chat.rounds];
    const whole = await nearer();
    chat.unask();
    chat.rounds.splice(0, Infinity, ...all);
    await chat.ask({ settings: ALL });
    leaveWindow(chat);
    chat.store.reads.splice(0);
    expect(await nearer()).toEqual(whole);
    expect(chat.store.reads).toEqual(["3 lower", "3 upper"]);
    expect(whole).toBeCloseToArray(exactLogits(chat.rounds), 2e-5);
    drop(chat, all);
  });

  test.each(HALVES)(
    "computes a round again whose local layers are needed and lost: the %s half",
    async (half) => {
      const { chat } = await readChat();
      leaveWindow(chat);
      const all = [...chat.rounds];
      const question = all.at(-1)!;
      lose(chat, all[3]!, half);
      chat.unask();
      chat.rounds.splice(0, Infinity, ...all.slice(0, 4), question);
      const { logits, report } = await chat.ask({ settings: ALL });
      expect(logits).toBeCloseToArray(exactLogits(chat.rounds), 2e-5);
      expect(report[half].recomputedTokens).toBe(33);
      drop(chat, all);
    },
  );

  test.each(HALVES)(
    "computes a round far back again, behind what it has within its own window: the %s half",
    async (half) => {
      const { chat, logits } = await readChat();
      leaveWindow(chat);
      const old = chat.rounds[3]!;
      residency.drop(old, half);
      lose(chat, old, half);
      const answer = await askAgain(chat);
      expect(answer.report[half].recomputedTokens).toBe(33);
      expect(answer.logits).toBeCloseToArray(logits, 1e-5);
      expect(answer.logits).toBeCloseToArray(exactLogits(chat.rounds), 2e-5);
    },
  );

  test("repairs stale rounds alike, whether their local layers were there or come from the store", async () => {
    const { chat } = await readChat();
    const stale = new Set([chat.rounds[2]!, chat.rounds[4]!]);
    for (const ratio of [0, 0.3]) {
      drop(chat);
      for (const half of HALVES) await bringWhole(chat, half);
      const whole = await askAgain(chat, { stale, ratio });
      expect(lacking(chat, "lower")).toEqual([]);
      drop(chat);
      const apart = await askAgain(chat, { stale, ratio });
      expect(apart.logits).toEqual(whole.logits);
      expect(apart.fusion.repairedTokens).toBe(whole.fusion.repairedTokens);
      // Round 1 is within the window of the first one that is repaired, round 3 of the second.
      expect(lacking(chat, "lower")).toEqual(ratio === 0 ? FAR : []);
    }
  });

  test("has retrieval heads choose old rounds, whose global layers alone are brought", async () => {
    const { chat } = await readChat();
    const settings = {
      heads: [{ layer: 5, head: 1 }],
      how: "sum" as const,
      noise: [[1, 1]] as const,
      wholeTokens: 0,
    };
    const askHeads = async () => {
      const index = new KeyIndex(gpu, cache, settings.heads, 2, 2 ** 20);
      const search = {
        index,
        settings,
        question: { from: 2, to: 10 },
        blank: { tokens: [5, 6, 7, 8], from: 1, to: 3 },
        keysOf: () => undefined,
      };
      const answer = await askAgain(chat, {
        settings: { ...SETTINGS, kMin: 3, pinned: [2] },
        search,
      });
      index.destroy();
      return answer;
    };
    drop(chat);
    for (const half of HALVES) await bringWhole(chat, half);
    const whole = await askHeads();
    drop(chat);
    const apart = await askHeads();
    expect(apart.attended).toEqual(whole.attended);
    expect(apart.attended).toEqual(expect.arrayContaining([2, 6]));
    expect(apart.logits).toEqual(whole.logits);
    const chosen = FAR.filter((id) => apart.attended.includes(id));
    for (const half of HALVES)
      expect(lacking(chat, half)).toEqual(expect.arrayContaining(chosen));
  });

  test("is the same after anything that may happen to its KV", async () => {
    const random = seededRandom(5);
    const below = (count: number) => Math.floor(random() * count);
    const { chat } = await readChat();
    const all = [...chat.rounds];
    const question = all.at(-1)!;
    for (let step = 0; step < 24; step++) {
      chat.pins.release();
      for (let i = below(5); i > 0; i--) {
        const round = all[below(all.length - 1)]!;
        const half = HALVES[below(2)]!;
        const deeds = [
          () => residency.drop(round, half),
          () => residency.dropLocal(round, half),
          () => lose(chat, round, half),
          () => leaveWindow(chat),
        ];
        deeds[below(deeds.length)]!();
      }
      // The last rounds are deleted, or come back.
      const count = 2 + below(all.length - 2);
      for (const half of HALVES) residency.drop(question, half);
      chat.rounds.splice(0, Infinity, ...all.slice(0, count), question);
      const { logits } = await chat.ask({ settings: ALL });
      expect(logits).toBeCloseToArray(exactLogits(chat.rounds), 2e-5);
      chat.pins.release();
      expect(residency.faults()).toEqual([]);
      await chat.keep();
    }
    drop(chat, all);
  });
});
