// Turns whose rounds are found by retrieval heads: what is chosen, what is read from the disk, and that choosing
// everything is full attention.
import {
  afterAll,
  afterEach,
  expect,
  type MockInstance,
  test,
  vi,
} from "vitest";
import { Engine, type EngineOptions } from "../../src/engine/engine";
import type { LoadOptions } from "../../src/engine/api/models";
import type { ReplyOptions } from "../../src/engine/api/replies";
import { KeyIndex } from "../../src/memory/key-index";
import { Segments } from "../../src/store/segments";
import { ownName } from "../store/fixtures";
import { GREEDY, say } from "../support/say";
import { sharedGpu } from "../support/shared-gpu";
import { demoModelWith } from "../support/demo-model";

/** In both halves. */
const INDEX = {
  heads: [[1, 0] as const, [4, 2] as const],
  how: "sum",
  noise: [],
};

const open: Engine[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const engine of open.splice(0)) await engine.close();
});

/** No round is above its noise: as many are chosen as must be. */
const NOISY = { ...INDEX, noise: [[1, 1]] };
let shared: Promise<Engine> | undefined;
/** An engine for all tests that mind no other chats in it. */
const sharedEngine = () =>
  (shared ??= engineWith(NOISY).then((engine) => {
    open.length = 0;
    return engine;
  }));
afterAll(async () => (await shared)?.close());

async function engineWith(
  index: unknown,
  options: EngineOptions = {},
  load: LoadOptions = {},
): Promise<Engine> {
  const engine = new Engine({ gpu: sharedGpu, ...options });
  open.push(engine);
  await engine.load(await demoModelWith({ index }), load);
  return engine;
}

const FACTS = [
  "My cat is called Miso.",
  "My locker code is 4821.",
  "I live in Oslo.",
  "My favourite colour is teal.",
  "My sister is a baker.",
];
const QUESTION = "What is my cat called?";

async function told(
  engine: Engine,
  attention?: ReplyOptions["attention"],
): Promise<string> {
  const chat = await engine.createChat();
  for (const message of FACTS)
    await say(engine, chat, message, {
      ...GREEDY,
      maxTokens: 6,
      ...(attention && { attention }),
    });
  return chat;
}

/** The index, once a turn has asked it. */
function watchedIndex(): () => KeyIndex {
  const has = vi.spyOn(KeyIndex.prototype, "has");
  return () => has.mock.contexts.at(-1) as KeyIndex;
}

/** Ids of the rounds whose segments were read. */
function readRounds(read: MockInstance<Segments["read"]>): Set<number> {
  return new Set(read.mock.calls.map(([[, roundId]]) => roundId));
}

test("the best round, the last and pinned ones are read, and nothing else", async () => {
  const engine = await sharedEngine();
  const chat = await told(engine);
  await engine.pinRound(chat, 2, true);
  const { receipt } = await say(engine, chat, QUESTION, {
    attention: { kMin: 2 },
  });
  const { attended, roundCount, readCount, capturedMass } =
    receipt.kv.attention;
  expect(roundCount).toBe(5);
  expect(attended.length).toBeGreaterThanOrEqual(2);
  expect(attended.length).toBeLessThanOrEqual(4);
  const reasons = new Map(attended.map(({ id, reason }) => [id, reason]));
  expect(reasons.get(2)).toBe("pinned");
  expect(reasons.get(5)).toBe("last");
  expect(readCount).toBe(attended.length);
  expect(capturedMass).toBeGreaterThan(0);
  const snapshot = await engine.memory({ chatId: chat });
  const mass = snapshot.chat!.rounds.map((round) => round.mass ?? 0);
  expect(mass.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  for (const { id, mass: own } of attended)
    expect(own).toBe(snapshot.chat!.rounds.find((one) => one.id === id)!.mass);
});

test("rounds below the noise are not chosen", async () => {
  const engine = await sharedEngine();
  const chat = await told(engine);
  const { receipt } = await say(engine, chat, QUESTION, {
    attention: { kMin: 1 },
  });
  const { attended, noise, greatestScore, kvBytes, fullKvBytes } =
    receipt.kv.attention;
  expect(noise).toBe(1);
  expect(greatestScore).toBeLessThan(1);
  expect(
    attended.filter(({ reason }) => reason === "mass").length,
  ).toBeLessThan(2);
  expect(attended.length).toBeLessThanOrEqual(2);
  expect(kvBytes).toBeLessThan(fullKvBytes);
});

test("choosing all rounds is full attention", async () => {
  const texts: string[] = [];
  for (const attention of [
    { kMin: 99, mode: "rounds" as const },
    { mode: "all" as const },
  ]) {
    const engine = await sharedEngine();
    const chat = await told(engine, attention);
    const { text, receipt } = await say(engine, chat, QUESTION, {
      ...GREEDY,
      attention,
    });
    expect(receipt.kv.attention.attended).toHaveLength(5);
    texts.push(text);
    const report = await engine.verify(chat, receipt.roundId);
    expect(report.meanKl).toBeLessThan(1e-5);
    expect(report.sameTop1).toBe(report.positions);
  }
  expect(texts[0]).toBe(texts[1]);
});

test("after a reload only what is chosen is read from the disk, and its answer is the same", async () => {
  const store = { storeName: ownName() };
  const before = await engineWith(NOISY, store);
  const chat = await told(before);
  const copy = await before.exportChat(chat, { withKv: true });
  const told1 = await say(before, chat, QUESTION);
  await before.close();

  const other = { storeName: ownName() };
  const writer = await engineWith(NOISY, other);
  const { id } = await writer.importChat(copy, { withKv: true });
  await writer.openChat(id);
  const read1 = vi.spyOn(Segments.prototype, "read");
  // Its keys are not in the file: they are taken from its segments, once.
  await say(writer, id, QUESTION);
  expect(readRounds(read1).size).toBe(FACTS.length + 1);
  await writer.close();
  read1.mockClear();
  const reader = await engineWith(NOISY, other);
  await reader.openChat(id);
  const later = await say(reader, id, "Where do I live?");
  const chosen = later.receipt.kv.attention.attended.map((one) => one.id);
  expect(chosen.length).toBeLessThan(FACTS.length + 1);
  expect([...readRounds(read1)].sort()).toEqual([0, ...chosen].sort());
  await reader.close();
  read1.mockRestore();

  const engine = await engineWith(NOISY, store);
  await engine.openChat(chat);
  const read = vi.spyOn(Segments.prototype, "read");
  await engine.restoreChat(chat);
  const { receipt, text } = await say(engine, chat, QUESTION);
  const wanted = new Set([
    0,
    ...receipt.kv.attention.attended.map((one) => one.id),
    ...told1.receipt.kv.attention.attended.map((one) => one.id),
    told1.receipt.roundId,
  ]);
  expect(wanted.size).toBeLessThan(FACTS.length + 2);
  for (const roundId of readRounds(read)) expect(wanted).toContain(roundId);
  expect(read).toHaveBeenCalled();
  expect(receipt.kv.attention.lower.recomputedTokens).toBe(0);
  expect(text).toBe(text.trim());
});

test("the paper's way stays, where it is asked for", async () => {
  const engine = await engineWith(INDEX, {}, { selection: "paper" });
  const chat = await told(engine);
  const { receipt } = await say(engine, chat, QUESTION, {
    attention: { tau: 0 },
  });
  const { readCount, noise } = receipt.kv.attention;
  expect(readCount).toBe(5);
  expect(noise).toBeUndefined();
  await expect(
    engine.load(await demoModelWith(INDEX), { selection: "best" as "paper" }),
  ).rejects.toThrow(/selection must be "heads" or "paper", not best/);
});

test("a chat that no model has read is read in full, then chosen from", async () => {
  const engine = await sharedEngine();
  const chat = await engine.createChat({
    history: FACTS.map((message) => ({ message, reply: "I see." })),
  });
  const { receipt } = await say(engine, chat, QUESTION, {
    ...GREEDY,
    attention: { kMin: 1 },
  });
  expect(receipt.kv.attention.roundCount).toBe(5);
  expect(receipt.kv.attention.attended.length).toBeLessThanOrEqual(2);
  expect(receipt.kv.prefilledTokens).toBeGreaterThan(5 * 8);
  const again = await say(engine, chat, "And where do I live?");
  expect(again.receipt.kv.prefilledTokens).toBeLessThan(30);
});

test("a chat goes on when it outgrows the budget, and its index too", async () => {
  const memoryBudgetBytes = 300_000;
  const engine = await engineWith(INDEX, {}, { memoryBudgetBytes });
  const chat = await engine.createChat();
  const seen: number[] = [];
  for (let i = 0; i < 12; i++) {
    const { receipt } = await say(engine, chat, FACTS[i % FACTS.length]!, {
      ...GREEDY,
      maxTokens: 6,
    });
    expect(receipt.finishReason).not.toBe("aborted");
    const { attended, roundCount } = receipt.kv.attention;
    expect(roundCount).toBe(i);
    if (i > 0) expect(attended.map(({ id }) => id)).toContain(i);
    const { gpu, chat: memory } = await engine.memory({ chatId: chat });
    const { bytes, budgetBytes } = gpu!;
    const kvBytes = bytes["lower pages"] + bytes["upper pages"];
    expect(budgetBytes).toBeLessThanOrEqual(memoryBudgetBytes);
    expect(kvBytes + bytes.index).toBeLessThanOrEqual(memoryBudgetBytes);
    seen.push(memory!.rounds.filter((one) => one.lower.gpuBytes > 0).length);
  }
  // Not all of its rounds are on the GPU, and those that are not cost nothing.
  expect(seen.at(-1)).toBeLessThan(13);
  expect(Math.max(...seen)).toBeGreaterThan(3);
});

test("a long chat that no model has read is read in one go", async () => {
  const engine = await sharedEngine();
  // More pages than a pool begins with.
  const chat = await engine.createChat({
    history: Array.from({ length: 70 }, () => ({
      message: "Hello!",
      reply: "Hi!",
    })),
  });
  const report = await engine.restoreChat(chat);
  expect(report.recomputedTokens).toBeGreaterThan(70 * 4);
});

test("full attention reads all that there is room for, in a chat that outgrew it", async () => {
  const noise = [[1, 1]];
  const memoryBudgetBytes = 1_200_000;
  const engine = await engineWith(
    { ...INDEX, noise },
    {},
    { memoryBudgetBytes },
  );
  const chat = await engine.createChat({
    history: Array.from({ length: 24 }, (_, i) => ({
      message: FACTS[i % FACTS.length]!,
      reply: "I see.",
    })),
  });
  const { receipt } = await say(engine, chat, QUESTION, {
    ...GREEDY,
    maxTokens: 8,
    attention: { mode: "all" },
  });
  const { attended, isCut } = receipt.kv.attention;
  expect(isCut).toBe(true);
  expect(attended.length).toBeGreaterThan(8);
});

test("a chat of which no round fits is answered without it", async () => {
  const memoryBudgetBytes = 400_000;
  const engine = await engineWith(INDEX, {}, { memoryBudgetBytes });
  const chat = await engine.createChat({
    history: [
      { message: "My cat is called Miso. ".repeat(60), reply: "I see." },
    ],
  });
  const { receipt } = await say(engine, chat, QUESTION);
  const { attended, isCut } = receipt.kv.attention;
  expect(attended).toEqual([]);
  expect(isCut).toBe(true);
});

test("an upper half that is missing on the disk is computed from the lower one", async () => {
  const store = { storeName: ownName() };
  const before = await engineWith(INDEX, store);
  const chat = await told(before);
  await before.close();

  // Keys of other heads are taken from the segments.
  const upper = { ...INDEX, heads: [[4, 2]], noise: [[1, 1]] };
  const engine = await engineWith(upper, store);
  await engine.openChat(chat);
  const read: Segments["read"] = Reflect.get(Segments.prototype, "read");
  const spy = vi.spyOn(Segments.prototype, "read");
  spy.mockImplementation(async function (
    this: Segments,
    ...args: Parameters<Segments["read"]>
  ) {
    const [[, roundId, half]] = args;
    if (roundId === 2 && half === "upper") return "missing";
    return read.apply(this, args);
  });
  const { receipt } = await say(engine, chat, QUESTION, {
    ...GREEDY,
    attention: { kMin: 1 },
  });
  expect(receipt.kv.attention.upper.recomputedTokens).toBeGreaterThan(0);
  expect(spy.mock.calls.map(([key]) => key)).toContainEqual([chat, 2, "lower"]);
});

test("what is deleted leaves the index", async () => {
  const engine = await engineWith(INDEX, { storeName: ownName() });
  const index = watchedIndex();
  const chat = await told(engine);
  await say(engine, chat, QUESTION, { ...GREEDY, attention: { kMin: 1 } });
  const used = () => index().pool.pageCount - index().pool.freePages;
  const before = used();
  await engine.deleteRound(chat, 2);
  expect(used()).toBeLessThan(before);
  await engine.deleteChat(chat);
  expect(used()).toBe(0);
});
