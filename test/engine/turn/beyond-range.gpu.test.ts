// Chats that outgrow what they were made for: the positions that the model was trained on, and the memory for their KV.
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { NetworkOptions } from "../../../src/engine/load/network";
import type { Frame } from "../../../src/engine/run/attention-frame";
import { repairMethod } from "../../../src/engine/fusion/repair";
import { settleRounds } from "../../../src/engine/turn/settle-round";
import { runTurn } from "../../../src/engine/turn/turn";
import { ReadbackRing } from "../../../src/gpu/readback";
import { clearStored } from "../../../src/memory/half-kv";
import { clearRound, newRound, type Round } from "../../../src/memory/round";
import { type Half, HALVES } from "../../../src/util/kv-half";
import { randomModel, type PresetName } from "../../fixtures/random-model";
import { testGpu } from "../../support/gpu";
import { keyOf } from "../../support/memory-store";
import { seededInts } from "../../support/random";
import {
  exactNetwork,
  GREEDY,
  randomTokens,
  SETTINGS,
  TestChat,
  type TestChatOptions,
} from "../../support/test-chat";
import { addMessage, conversationOf } from "../../support/conversation";
import { type WatchedSteps, watchSteps } from "../../support/watch-steps";

const gpu = await testGpu();
const models = {
  "six-layers": randomModel({ preset: "six-layers" }),
  "untied-head": randomModel({ preset: "untied-head" }),
} satisfies Partial<Record<PresetName, unknown>>;
const networks = {
  "six-layers": await exactNetwork(gpu, models["six-layers"]),
  "untied-head": await exactNetwork(gpu, models["untied-head"], {
    watershed: 0,
  }),
};
const chats: TestChat[] = [];

afterEach(() => {
  vi.restoreAllMocks();
  for (const chat of chats.splice(0)) chat.close();
});

const contextTokens = 120;
const ALL = { ...SETTINGS, mode: "all" as const };

/** A chat within a range of 120 tokens, or beyond it. */
function chatOf(
  lengths: readonly number[],
  name: keyof typeof networks = "six-layers",
  options: TestChatOptions = {},
): TestChat {
  const tokens = randomTokens(lengths, 512);
  const chat = new TestChat(networks[name], {
    tokens,
    contextTokens,
    ...options,
  });
  chats.push(chat);
  return chat;
}

/** No row and no key is beyond the range, and every page is the round's that it is said to be. */
function expectSound({ positions, keys }: WatchedSteps): void {
  expect(positions.length).toBeGreaterThan(0);
  expect(Math.max(...positions)).toBeLessThan(contextTokens);
  const ends = keys.map(({ base, first, valid }) => base + first + valid);
  expect(Math.max(...ends)).toBeLessThanOrEqual(contextTokens);
  expect(keys.filter(({ isRounds }) => !isRounds)).toEqual([]);
}

/** Halves that are not what they were, such as "3 lower". */
async function changedHalves(
  chat: TestChat,
  rounds: readonly Round[],
  was: (round: Round, half: Half) => Uint8Array | Promise<Uint8Array>,
): Promise<string[]> {
  const changed: string[] = [];
  for (const round of rounds) {
    for (const half of HALVES) {
      const before = await was(round, half);
      const now = await chat.bytes(round, half);
      const isSame =
        now.length === before.length && now.every((x, i) => x === before[i]);
      if (!isSame) changed.push(keyOf(round, half));
    }
  }
  return changed;
}

/** The rows of a frame's own round. */
function ownRows(frame: Frame) {
  const placed = frame.lower.at(-1)!;
  return {
    placed,
    rows: [{ placed, from: 0, to: placed.round.tokens.length }],
  };
}

/** Eight rounds behind a system prompt, 176 tokens, and a question of twelve. */
const LONG = [6, 20, 9, 33, 17, 25, 30, 16, 20, 12];

describe("a chat longer than the range", () => {
  test.each(["rounds", "all"] as const)(
    "is asked as any other in mode %s: a turn after another, with replies",
    async (mode) => {
      const chat = chatOf([]);
      const { network, residency, restorer, store } = chat;
      const { runner } = network;
      const ring = new ReadbackRing(gpu, 3);
      const conversation = conversationOf([...seededInts(6, 512, 1)]);
      onTestFinished(() => {
        conversation.all.forEach(clearRound);
        ring.destroy();
      });
      const context = {
        runner,
        residency,
        restorer,
        ring,
        source: store,
        tokenizer: {
          isText: () => true,
          idOf: () => undefined,
          decode: (ids: Iterable<number>) => [...ids].join(" "),
        },
        conversation,
        contextTokens,
      };
      const watched = watchSteps(gpu, network, () => conversation.all);
      const heads = Array.from({ length: 4 }, (_, head) => head);
      for (let turn = 0; turn < 7; turn++) {
        const openTokens = [...seededInts(12, 512, 100 + turn)];
        const round = addMessage(conversation);
        const events = runTurn(context, round, {
          textFingerprint: "",
          openTokens,
          closeTokens: [3, 4],
          stopTokens: new Set(),
          stopTexts: [],
          fusion: { ratio: 0, method: repairMethod("a3", 1) },
          sampler: { ...GREEDY, temperature: 2, seed: turn },
          attention: { ...SETTINGS, mode },
          massRows: 4,
          massHeads: heads,
          maxTokens: 8,
        });
        for await (const event of events) {
          if (event.type !== "end") continue;
          const { replyTokens, kv } = event.receipt;
          expect(replyTokens).toBe(8);
          expect(kv.prefilledTokens).toBe(turn === 0 ? 6 + 12 : 12);
          if (mode === "all") expect(kv.attention.attended).toHaveLength(turn);
        }
        await settleRounds(context, () => false);
        expectSound(watched);
        residency.check();
      }
      expect(conversation.tokenCount).toBeGreaterThan(contextTokens);
    },
  );

  test.each(["six-layers", "untied-head"] as const)(
    "can select every round, which is full attention to the bit: %s",
    async (name) => {
      const chat = chatOf(LONG, name);
      const watched = watchSteps(gpu, chat.network, chat.rounds);
      // The first one computes what is missing, round by round.
      await chat.ask({ settings: ALL });
      chat.unask();
      const all = await chat.ask({ settings: ALL });
      chat.unask();
      const chosen = await chat.ask({ settings: { ...SETTINGS, tau: 1.1 } });
      expect(chosen.attended).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect(chosen.report.capturedMass).toBeCloseTo(1, 6);
      expect(chosen.logits).toEqual(all.logits);
      expect(chosen.computedTokens).toBe(12);
      expectSound(watched);
    },
  );

  test("says something else than one whose near rounds it lacks, and the same without what is not selected", async () => {
    const chat = chatOf(LONG);
    await chat.ask({ settings: ALL });
    chat.unask();
    const settings = { ...SETTINGS, tau: 0, kMin: 0, pinned: [2] };
    const some = await chat.ask({ settings });
    expect(some.attended).toEqual([2, 8]);
    chat.unask();
    for (const id of [1, 3, 4, 5, 6, 7])
      chat.residency.drop(chat.rounds[id]!, "upper");
    const without = await chat.ask({ settings });
    expect(without.logits).toEqual(some.logits);
    expect(without.computedTokens).toBe(12);
    for (const { id, upper } of chat.rounds)
      expect(upper.pages.length > 0).toBe([0, 2, 8, 9].includes(id));
  });

  test("packs what is selected: the upper half has it as near as if nothing lay between", async () => {
    const chat = chatOf(LONG);
    const settings = { ...SETTINGS, tau: 0, kMin: 0, pinned: [2] };
    const { frame } = await chat.ask({ settings });
    expect(frame.upper.map(({ round, base }) => [round.id, base])).toEqual([
      [0, 0],
      [2, 120 - 12 - 20 - 9],
      [8, 120 - 12 - 20],
      [9, 120 - 12],
    ]);
    const far = frame.lower.filter(({ base }) => base === 6);
    expect(far.map(({ round }) => round.id)).toEqual([1, 2, 3, 4]);
  });

  test("has its missing rounds computed each behind what was before it: in whatever order they went missing", async () => {
    const chat = chatOf(LONG);
    await chat.ask({ settings: ALL });
    chat.pins.release();
    await chat.keep();
    chat.unask();
    const before = await chat.ask({ settings: ALL });
    chat.unask();
    const missing = chat.rounds.slice(5, 8);
    for (const round of missing)
      for (const half of HALVES) {
        chat.residency.drop(round, half);
        clearStored(round[half].stored);
      }
    const after = await chat.ask({ settings: ALL });
    expect(after.computedTokens).toBe(25 + 30 + 16 + 12);
    const kept = (round: Round, half: Half) =>
      chat.store.halves.get(keyOf(round, half))!.payload;
    expect(await changedHalves(chat, missing, kept)).toEqual([]);
    expect(after.logits).toEqual(before.logits);
  });

  test("whose reply alone may reach beyond the range has its rounds computed where they always stood", async () => {
    const lengths = [6, 20, 9, 33, 17, 12];
    const roomy = chatOf(lengths, "six-layers", { contextTokens: 1000 });
    await roomy.ask({ settings: ALL });
    const tight = chatOf(lengths);
    // 97 tokens of 120, and a reply of up to 40 behind them.
    await tight.ask({ settings: ALL, ownTokens: 12 + 40 });
    const changed = await changedHalves(
      tight,
      tight.rounds.slice(0, -1),
      ({ id }, half) => roomy.bytes(roomy.rounds[id]!, half),
    );
    expect(changed).toEqual([]);
  });
});

/** Bytes for so many lower pages and a third as many upper ones of the six layers: a matrix is 2 heads × 16 × 16 in f32. */
const budgetOf = (pages: number) => pages * (4 + 8 / 3 + 1) * 2 * 16 * 16 * 4;

/** A device of its own, whose ledger nobody else writes to. */
async function tightNetwork(options: NetworkOptions) {
  const model = models["six-layers"];
  return exactNetwork(await testGpu(), model, options);
}

describe("a chat larger than its memory", async () => {
  const kvBudgetBytes = budgetOf(18);
  const network = await tightNetwork({ kvBudgetBytes });
  const { ledger } = network.gpu;

  /** Fifteen rounds: 28 pages. */
  const ROUNDS = [20, 9, 33, 17, 25, 30, 16, 20, 12, 31, 24, 8, 40, 18, 22];
  const said = ROUNDS.map((length, i) => [...seededInts(length, 512, 600 + i)]);
  const question = [...seededInts(20, 512, 900)];

  function tightChat(): TestChat {
    const tokens = randomTokens([6], 512);
    const chat = new TestChat(network, { tokens, contextTokens: 400 });
    chats.push(chat);
    return chat;
  }

  /** A chat of some rounds, all of them stored. */
  async function toldChat(count: number): Promise<TestChat> {
    const chat = tightChat();
    for (const tokens of said.slice(0, count)) {
      await chat.say(tokens);
      await chat.keep();
    }
    return chat;
  }

  test.each([
    ["rounds", "raw"],
    ["all", "int8"],
  ] as const)(
    "goes on for fifteen rounds within it, and computes only what is said: mode %s, stored as %s",
    async (mode, storedAs) => {
      const { cache } = network;
      expect(cache.limits).toEqual({ lower: 18, upper: 6 });
      const chat = tightChat();
      const watched = watchSteps(network.gpu, network, chat.rounds);
      const readCounts: number[] = [];
      for (const [turn, tokens] of said.entries()) {
        const settings = { ...SETTINGS, mode };
        const answer = await chat.say(tokens, { settings });
        await chat.keep(storedAs);
        chat.residency.check();
        expect(ledger.peakKvBytes).toBeLessThanOrEqual(kvBudgetBytes);

        // All that was there before came from the store, or was kept.
        const computed = tokens.length + (turn === 0 ? 6 : 0);
        expect(answer.computedTokens).toBe(computed);
        const { report, attended } = answer;
        expect(report.roundCount).toBe(turn);
        expect(attended.at(-1)).toBe(turn === 0 ? undefined : turn);
        readCounts.push(report.readCount);
      }
      expect(readCounts.slice(0, 6)).toEqual([0, 1, 2, 3, 4, 5]);
      expect(Math.max(...readCounts)).toBeLessThan(12);
      expect(watched.keys.filter(({ isRounds }) => !isRounds)).toEqual([]);
    },
  );

  test("says what one pass says over the rounds that were read and selected", async () => {
    const chat = await toldChat(12);
    chat.rounds.push(newRound(13, question));
    const { logits, frame, report } = await chat.ask();
    expect(report.readCount).toBeLessThan(12);
    expect(frame.lower).toHaveLength(report.readCount + 2);
    const { placed, rows } = ownRows(frame);
    for (const half of HALVES) placed.round[half].computedTokens = 0;
    const first = { settings: GREEDY, index: 0, copies: [] };
    const pass = network.runner.prefill({ frame, rows, first });
    for await (const _ of pass) void _;
    expect(await chat.logits()).toEqual(logits);
  });

  test.each([1, 2, 3])(
    "reads a round whose keys promise most, however long ago it was: round %i",
    async (promising) => {
      const chat = await toldChat(12);
      chat.rounds.push(newRound(13, question));
      const old = chat.rounds[promising]!;
      chat.residency.drop(old, "lower");
      // [page][kv_head][min, max, mean][16]: keys that are anything, among such that are nothing.
      const digestOf = (round: Round) => {
        const width = round === old ? 99 : 0;
        const boxes = 2 * Math.ceil(round.tokens.length / 16);
        return Float32Array.from({ length: boxes * 48 }, (_, i) =>
          i % 48 < 16 ? -width : i % 48 < 32 ? width : 0,
        );
      };
      const { frame, computedTokens } = await chat.ask({ digestOf });
      const read = frame.lower.map(({ round }) => round.id);
      expect(read).toContain(promising);
      expect(read).toContain(11);
      expect(read).toContain(12);
      expect(computedTokens).toBe(question.length);
    },
  );

  test("is asked in slices where the mass of many pages takes much room", async () => {
    const chat = await toldChat(12);
    chat.rounds.push(newRound(13, question));
    const { report } = await chat.ask({ massRows: 16 });
    chat.unask();
    const { mass } = network.runner;
    const begin = mass.begin.bind(mass);
    vi.spyOn(mass, "begin").mockImplementation(async (pages) =>
      Math.min(12, await begin(pages)),
    );
    const sliced = await chat.ask({ massRows: 16 });
    expect(sliced.report.readCount).toBe(report.readCount);
  });

  test("attends to what fits, where the caller wants more rounds by mass than that", async () => {
    const chat = await toldChat(6);
    const settings = { ...SETTINGS, kMin: 100 };
    const { report } = await chat.say(question, { settings });
    expect(report.isCut).toBe(true);
    expect(report.attended.length).toBeGreaterThan(0);
    expect(ledger.peakKvBytes).toBeLessThanOrEqual(kvBudgetBytes);
  });
});

test("a model whose layers are all lower ones has its whole memory for them", async () => {
  // Six layers of two matrices, and one that is there twice.
  const kvBudgetBytes = 12 * 13 * 2 * 16 * 16 * 4;
  const network = await tightNetwork({ watershed: 5, kvBudgetBytes });
  expect(network.cache.limits.lower).toBe(12);
  const tokens = randomTokens([6, 20, 9, 33, 17, 12], 512);
  const chat = new TestChat(network, { tokens });
  chats.push(chat);
  const { attended } = await chat.ask({ settings: ALL });
  expect(attended).toEqual([1, 2, 3, 4]);
});
