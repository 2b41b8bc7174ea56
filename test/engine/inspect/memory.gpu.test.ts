// The memory snapshot, and what is done to memory by hand, with the embedded model.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EngineNotice } from "../../../src/engine/api/notice";
import { Engine } from "../../../src/engine/engine";
import type {
  ChatMemory,
  MemorySnapshot,
  RoundMemory,
} from "../../../src/engine/api/memory-snapshot";
import { HALVES } from "../../../src/util/kv-half";
import { GREEDY, say } from "../../support/say";

const MODEL = new URL("/models/rondo-tiny/", location.href).href;
/** Bit for bit in the store, so that what comes back is what was computed. */
const engine = new Engine({
  network: { kvFormat: "f32" },
  storeName: `memory test ${crypto.randomUUID()}`,
  storeAs: "raw",
});
const notices: EngineNotice[] = [];
engine.onNotice((notice) => notices.push(notice));

const FACTS = [
  "My cat is called Miso.",
  "My locker code is 4821.",
  "I live in Oslo.",
];
const SYSTEM = "You are a helpful assistant. Be brief.";
const ALL = { ...GREEDY, attention: { mode: "all" } } as const;
/** Nothing but the last round, and what is pinned. */
const LAST = { ...GREEDY, attention: { tau: 0, kMin: 0 } };

let empty: MemorySnapshot;
/** A chat that was told the facts, with full attention. */
let chat: string;
let told: Blob;

beforeAll(async () => {
  empty = await engine.memory();
  await engine.setHealing(false);
  await engine.load(MODEL);
  chat = await engine.createChat({ system: SYSTEM });
  for (const message of FACTS) await say(engine, chat, message, ALL);
  told = await engine.exportChat(chat, { withKv: true });
});
afterAll(() => engine.close());

/** The same chat again, under an id of its own. */
async function again(): Promise<string> {
  const { id } = await engine.importChat(told, { withKv: true });
  await engine.openChat(id);
  return id;
}

async function memoryOf(chatId: string): Promise<ChatMemory> {
  return (await engine.memory({ chatId })).chat!;
}

async function roundOf(chatId: string, id: number): Promise<RoundMemory> {
  const { rounds } = await memoryOf(chatId);
  return rounds.find((round) => round.id === id)!;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

test("before a model is loaded there is nothing on the GPU, and that is said", () => {
  expect(empty).toMatchObject({
    gpu: undefined,
    model: undefined,
    chat: undefined,
    turns: [],
    storage: { chatCount: 0, segmentCount: 0, storedTokens: 0 },
  });
});

test("bytes, pages and tokens add up", async () => {
  const { gpu, storage, chat: held, model } = await engine.memory();
  expect(held!.chatId).toBe(chat);
  const { rounds } = held!;
  for (const half of HALVES) {
    const { pageCount, freePages, bytesPerPage } = gpu![half];
    const used = (pageCount - freePages) * bytesPerPage;
    expect(sum(rounds.map((round) => round[half].gpuBytes))).toBe(used);
    expect(gpu!.bytes[`${half} pages`]).toBe(pageCount * bytesPerPage);
    for (const round of rounds)
      expect(round[half].residentTokens).toBe(round.tokens);
  }
  const byClass = { ...gpu!.bytes };
  for (const { memoryClass, bytes } of gpu!.buffers)
    byClass[memoryClass] -= bytes;
  expect(Object.values(byClass)).toEqual([0, 0, 0, 0, 0, 0]);
  const tokens = sum(rounds.map((round) => round.tokens));
  expect(gpu!.residentTokens).toBe(tokens);
  expect(storage).toMatchObject({
    chatCount: 1,
    segmentCount: 2 * rounds.length,
    storedTokens: tokens,
    queuedSegments: 0,
    queuedBytes: 0,
    modelBytes: 0,
  });
  const stored = rounds.flatMap((round) =>
    HALVES.map((half) => round[half].storedBytes),
  );
  // Headers of segments are not KV.
  expect(Math.min(...stored)).toBeGreaterThan(0);
  expect(storage.segmentBytes).toBeGreaterThan(sum(stored));
  expect(gpu!.bytes["lower pages"] + gpu!.bytes["upper pages"]).toBeLessThan(
    gpu!.budgetBytes,
  );
  expect(model).toMatchObject({ name: "rondo-tiny", calibration: "measured" });
  expect(model!.massHeads).toBeLessThanOrEqual(model!.headCount);
  for (const { error, tolerance } of gpu!.device.canary)
    expect(error).toBeLessThanOrEqual(tolerance);
  expect(gpu!.device.canary.length).toBeGreaterThan(2);
});

test("rounds say what they are, and which of them are shown", async () => {
  const { rounds, shownIds } = await memoryOf(chat);
  expect(rounds.map(({ kind }) => kind)).toEqual([
    "system",
    "round",
    "round",
    "round",
  ]);
  expect(rounds.map(({ parentId }) => parentId)).toEqual([null, 0, 1, 2]);
  expect(shownIds).toEqual([0, 1, 2, 3]);
  expect(rounds.map(({ attended }) => attended)).toEqual([
    undefined,
    "all",
    "all",
    undefined,
  ]);
  for (const { quality, mass } of rounds)
    expect([quality, mass]).toEqual(["exact", undefined]);
});

test("what was said is told only to whom asks for it", async () => {
  const words = /Miso|locker|Oslo|helpful|cat\b/;
  expect(JSON.stringify(await engine.memory())).not.toMatch(words);
  const { chat: held } = await engine.memory({ withText: true });
  expect(held!.title).toBe(FACTS[0]);
  expect(held!.rounds.map(({ text }) => text)).toEqual([SYSTEM, ...FACTS]);
});

test("a chat that is only kept is known from the store", async () => {
  const { id } = await engine.importChat(told, { withKv: true });
  const { rounds, shownIds } = await memoryOf(id);
  expect(shownIds).toEqual([0, 1, 2, 3]);
  const before = (await memoryOf(chat)).rounds;
  for (const [i, round] of rounds.entries()) {
    expect(round).toMatchObject({
      id: before[i]!.id,
      tokens: before[i]!.tokens,
      quality: "exact",
    });
    for (const half of HALVES) {
      expect(round[half].residentTokens).toBe(0);
      expect(round[half].storedBytes).toBeGreaterThan(0);
    }
  }
  expect((await engine.memory({ chatId: "none" })).chat).toBeUndefined();
});

test("the phases of a turn are all of its time", async () => {
  const id = await again();
  const { receipt } = await say(engine, id, "What is my cat called?", LAST);
  const { decodeMs, ...rest } = receipt.kv.phases;
  expect(Math.min(decodeMs, ...Object.values(rest))).toBeGreaterThanOrEqual(0);
  expect(sum(Object.values(rest))).toBeCloseTo(receipt.timeToFirstTokenMs, -2);
  const { replyTokens, decodeTokensPerSecond } = receipt;
  expect(decodeMs).toBeCloseTo(
    (1000 * (replyTokens - 1)) / decodeTokensPerSecond,
    -2,
  );
  expect(rest.lowerMs).toBeGreaterThan(0);
  expect(rest.readMs).toBeGreaterThan(0);
  expect(rest.answerMs).toBeGreaterThan(0);

  const { turns, gpu } = await engine.memory();
  expect(turns.at(-1)).toMatchObject({ chatId: id, receipt });
  expect(turns.at(-1)!.gpuBytes).toBeGreaterThan(gpu!.bytes.weights);
  expect(turns.at(-1)!.uploadedBytes).toBeGreaterThan(0);
  // The last question chose by what it looked at.
  const { rounds } = await memoryOf(id);
  expect(rounds.map(({ attended }) => attended)).toEqual([
    undefined,
    undefined,
    undefined,
    "last",
    undefined,
  ]);
  expect(sum(rounds.map(({ mass = 0 }) => mass))).toBeCloseTo(1);
  expect(rounds[0]!.mass).toBeUndefined();
});

test("memory answers while a turn runs, and tells what that needs", async () => {
  const id = await again();
  let held: ChatMemory | undefined;
  for await (const event of engine.chat(id, "What is my cat called?", ALL)) {
    if (event.type !== "text" || held) continue;
    // The turn waits for this loop.
    held = await memoryOf(id);
    const evicting = engine.evictRound(id, 1);
    await expect(evicting).rejects.toThrow("Round 1 is in use");
  }
  expect(held!.rounds.map(({ lower }) => lower.isInUse)).toEqual([
    true,
    true,
    true,
    true,
    true,
  ]);
  await engine.leaveChat(id);
  const after = await memoryOf(id);
  expect(after.rounds.some(({ lower }) => lower.isInUse)).toBe(false);
});

test("a pinned round is attended to, and stays pinned wherever the chat goes", async () => {
  const id = await again();
  await engine.pinRound(id, 1, true);
  const { receipt } = await say(engine, id, "Where do I live?", LAST);
  expect(receipt.kv.attention.attended).toMatchObject([
    { id: 1, reason: "pinned" },
    { id: 3, reason: "last" },
  ]);
  expect((await roundOf(id, 1)).isPinned).toBe(true);

  const file = await engine.exportChat(id);
  const copy = await engine.importChat(file, { withKv: true });
  const { rounds } = await engine.openChat(copy.id);
  expect(rounds.map(({ isPinned }) => isPinned ?? false)).toEqual([
    true,
    false,
    false,
    false,
  ]);
  await engine.pinRound(id, 1, false);
  expect((await roundOf(id, 1)).isPinned).toBe(false);
  const free = await say(engine, id, "Where do I live?", LAST);
  expect(free.receipt.kv.attention.attended).toMatchObject([
    { reason: "last" },
  ]);
  await expect(engine.pinRound(id, 99, true)).rejects.toThrow("no round 99");
  await expect(engine.pinRound(id, 0, true)).rejects.toThrow(RangeError);
});

test("the copy of a pinned round is pinned, too, and a deleted one no more", async () => {
  const id = await again();
  for (const round of [1, 3]) await engine.pinRound(id, round, true);
  const place = { behind: 1, before: 3 };
  const { receipt } = await say(engine, id, "I like tea.", { ...LAST, place });
  expect(receipt.kv.attention.attended).toMatchObject([
    { id: 1, reason: "last" },
  ]);
  const isPinned = async () =>
    (await memoryOf(id)).rounds
      .filter((round) => round.isPinned)
      .map((round) => round.id);
  expect(await isPinned()).toEqual([1, 3, 5]);
  await engine.deleteRound(id, 5, { isFast: true });
  await engine.leaveChat(id);
  await engine.openChat(id);
  expect(await isPinned()).toEqual([1, 3]);
});

test("an evicted round leaves the GPU, and comes back when it is needed", async () => {
  const id = await again();
  await say(engine, id, "What is my cat called?", ALL);
  const { lower } = await roundOf(id, 1);
  expect(lower.gpuBytes).toBeGreaterThan(0);
  // The newest round is hardly stored yet.
  for (const round of [1, 4]) await engine.evictRound(id, round);
  for (const round of [1, 4])
    for (const half of HALVES) {
      const kv = (await roundOf(id, round))[half];
      expect(kv).toMatchObject({ gpuBytes: 0, residentTokens: 0 });
      expect(kv.storedBytes).toBeGreaterThan(0);
    }
  const tokens = sum(
    [await roundOf(id, 1), await roundOf(id, 4)].map((one) => one.tokens),
  );
  const { text, receipt } = await say(
    engine,
    id,
    "What is my cat called?",
    ALL,
  );
  expect(text).toContain("Miso");
  expect(receipt.kv.restoredTokens).toBe(tokens);
  await expect(engine.evictRound(id, 99)).rejects.toThrow("no round 99");
  await expect(engine.evictRound("none", 1)).rejects.toThrow("no chat");
});

test("wiped KV is computed again, and says the same", async () => {
  const [one, other] = [await again(), await again()];
  const before = await say(engine, one, "What is my cat called?", ALL);
  await engine.wipeKv(other);
  const wiped = await memoryOf(other);
  for (const round of wiped.rounds)
    for (const half of HALVES)
      expect(round[half]).toMatchObject({ gpuBytes: 0, storedBytes: 0 });
  expect((await roundOf(one, 1)).lower.storedBytes).toBeGreaterThan(0);
  const after = await say(engine, other, "What is my cat called?", ALL);
  expect(after.text).toBe(before.text);
  expect(after.receipt.kv.cachedTokens).toBe(0);

  await engine.wipeKv();
  const { gpu, storage } = await engine.memory();
  expect(gpu!.residentTokens).toBe(0);
  expect(gpu!.lower.freePages).toBe(gpu!.lower.pageCount);
  expect(storage).toMatchObject({
    segmentCount: 0,
    segmentBytes: 0,
    storedTokens: 0,
  });
  expect(storage.chatCount).toBeGreaterThan(2);
  await expect(engine.wipeKv("none")).rejects.toThrow("no chat");
});

test("a turn with full attention over exact KV is what full attention says", async () => {
  const progress: number[] = [];
  const id = await again();
  const { text } = await say(engine, id, "What is my cat called?", ALL);
  const { gpu: before } = await engine.memory();
  const report = await engine.verify(id, 4, {
    onProgress: ({ doneTokens, totalTokens }) =>
      progress.push(doneTokens / totalTokens),
  });
  expect(report).toMatchObject({ chatId: id, roundId: 4, roundIds: [1, 2, 3] });
  expect(report.positions).toBeGreaterThan(2);
  expect(report.sameTop1).toBe(report.positions);
  // Kernels for one row and for many add in another order: 1e-6 of logits around 10.
  expect(report.maxKl).toBeLessThan(1e-7);
  expect(report.mass).toHaveLength(8);
  for (const layer of report.mass) expect(sum(layer)).toBeCloseTo(1);
  expect(progress).toEqual(progress.toSorted((a, b) => a - b));
  expect(progress.at(-1)).toBe(1);
  // Nothing stays of it, and nothing is another than before.
  const { gpu: after } = await engine.memory();
  expect(after!.residentTokens).toBe(before!.residentTokens);
  const next = await say(engine, id, "What is my cat called?", ALL);
  expect(next.text).toBe(text);
  expect(next.receipt.kv.restoredTokens).toBe(0);
});

test("rounds that can't be verified are refused, and an abort leaves nothing behind", async () => {
  const id = await again();
  await expect(engine.verify(id, 99)).rejects.toThrow("no round 99");
  await expect(engine.verify(id, 0)).rejects.toThrow("no reply to compare");
  const { gpu: before } = await engine.memory();
  const controller = new AbortController();
  const aborted = engine.verify(id, 3, {
    signal: controller.signal,
    onProgress: () => controller.abort(new Error("seen enough")),
  });
  await expect(aborted).rejects.toThrow("seen enough");
  const { gpu: after } = await engine.memory();
  const isMore = after!.residentTokens - before!.residentTokens;
  // What the turn attended to may have come from the store.
  const { rounds } = await memoryOf(id);
  expect(isMore).toBe(
    sum(
      rounds.flatMap((round) =>
        HALVES.map((half) => round[half].residentTokens / 2),
      ),
    ),
  );
});

test("a message goes before a verification, which then begins anew", async () => {
  const id = await again();
  const progress: number[] = [];
  let replying: Promise<unknown> | undefined;
  const order: string[] = [];
  const verifying = engine
    .verify(id, 3, {
      onProgress: ({ doneTokens }) => {
        progress.push(doneTokens);
        replying ??= say(engine, id, "Hello!", {
          ...LAST,
          maxTokens: 2,
        }).then(() => order.push("replied"));
      },
    })
    .then(() => order.push("verified"));
  await verifying;
  await replying;
  expect(order).toEqual(["replied", "verified"]);
  // What the reply left to be done goes first, too.
  const begun = progress.filter((tokens) => tokens === 0).length;
  expect(begun).toBeGreaterThanOrEqual(2);
});

test("whoever listens is told when memory has changed", async () => {
  const id = await again();
  const toldOf = async (action: () => Promise<unknown>) => {
    notices.length = 0;
    await action();
    return notices.some(
      (notice) => notice.type === "memory-changed" && notice.chatId === id,
    );
  };
  expect(await toldOf(() => engine.memory({ chatId: id }))).toBe(false);
  expect(await toldOf(() => engine.restoreChat(id))).toBe(true);
  expect(await toldOf(() => engine.pinRound(id, 1, true))).toBe(true);
  expect(await toldOf(() => engine.evictRound(id, 1))).toBe(true);
  expect(
    await toldOf(() => say(engine, id, "Hi!", { ...LAST, maxTokens: 2 })),
  ).toBe(true);
  expect(await toldOf(() => engine.wipeKv(id))).toBe(true);
});
