// Chats that outlive the engine: an engine is closed, or dies, and another one opens what it left.
import { openDB } from "idb";
import { afterEach, describe, expect, test } from "vitest";
import { Engine, type EngineOptions } from "../../src/engine/engine";
import type { EngineNotice } from "../../src/engine/api/notice";
import type { LocalReceipt } from "../../src/engine/api/receipt";
import { changeForeign, ownName } from "../store/fixtures";
import { GREEDY, say } from "../support/say";
import { sharedGpu } from "../support/shared-gpu";

const MODEL = new URL("/models/rondo-tiny/", location.href).href;
const open: Engine[] = [];

afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});

async function engineOf(options: EngineOptions = {}): Promise<Engine> {
  const engine = new Engine({ gpu: sharedGpu, ...options });
  open.push(engine);
  await engine.load(MODEL);
  return engine;
}

/** Tells a chat three things, and closes the engine. */
async function toldChat(options: EngineOptions): Promise<string> {
  const engine = await engineOf(options);
  const chat = await engine.createChat();
  for (const message of FACTS) await say(engine, chat, message);
  await engine.close();
  return chat;
}

/** What `toldChat` leaves, told once for all tests that do not mind by whom. */
let told: Promise<Blob> | undefined;

async function tell(): Promise<Blob> {
  const store = newStore();
  const id = await toldChat(store);
  const engine = new Engine({ gpu: sharedGpu, ...store });
  const file = await engine.exportChat(id, { withKv: true });
  await engine.close();
  return file;
}

/** The same chat in a store of its own. */
async function copiedChat(options: EngineOptions): Promise<string> {
  const file = await (told ??= tell());
  const engine = new Engine({ gpu: sharedGpu, ...options });
  const { id } = await engine.importChat(file, { withKv: true });
  await engine.close();
  return id;
}

const FACTS = [
  "My cat is called Miso.",
  "My locker code is 4821.",
  "I live in Oslo.",
];
const QUESTION = "What is my cat called?";

function newStore() {
  return { storeName: ownName() };
}

/** Changes the bytes of a stored half. */
async function damage(storeName: string, key: IDBValidKey): Promise<void> {
  const before = await openDB(storeName);
  const { blob } = (await before.get("segments", key)) as { blob: Blob };
  before.close();
  const bytes = new Uint8Array(await blob.arrayBuffer());
  bytes[bytes.length - 100]! ^= 4;
  await changeForeign(storeName, "segments", key, (record) => ({
    ...(record as object),
    blob: new Blob([bytes]),
  }));
}

async function clearSegments(storeName: string): Promise<void> {
  const connection = await openDB(storeName);
  await connection.clear("segments");
  await connection.clear("uses");
  connection.close();
}

test("a chat that was closed opens with its text, and prefills nothing but the new question", async () => {
  const store = newStore();
  const id = await toldChat(store);
  const engine = new Engine({ gpu: sharedGpu, ...store });
  open.push(engine);
  // The text needs no model.
  const [summary] = await engine.listChats();
  expect(summary).toMatchObject({
    id,
    title: FACTS[0],
    modelName: "rondo-tiny",
  });
  const history = await engine.openChat(id);
  expect(history.access).toBe("write");
  expect(history.rounds.map(({ message }) => message)).toEqual(FACTS);
  expect(history.rounds.every(({ isFinished }) => isFinished)).toBe(true);

  await engine.load(MODEL);
  const seen: number[] = [];
  const report = await engine.restoreChat(id, {
    onProgress: ({ doneTokens, totalTokens }) => {
      expect(doneTokens).toBeLessThanOrEqual(totalTokens);
      seen.push(doneTokens);
    },
  });
  expect(seen.at(-1)).toBe(report.restoredTokens);
  expect(report).toMatchObject({ recomputedTokens: 0, droppedSegments: 0 });

  const { receipt, text } = await say(engine, id, QUESTION);
  expect(text).toContain("Miso");
  expect(receipt.kv.prefilledTokens).toBeLessThan(20);
  expect(receipt.kv.restoredTokens).toBe(report.restoredTokens);
  expect(receipt.kv.cachedTokens).toBe(report.restoredTokens);
  expect(receipt.kv.attention.lower.recomputedTokens).toBe(0);
  expect(receipt.kv.attention.upper.recomputedTokens).toBe(0);
});

test("what each reply attended to is kept, and the system prompt is no round", async () => {
  const store = newStore();
  const id = await copiedChat(store);
  const engine = await engineOf(store);
  await engine.openChat(id);
  const { receipt } = await say(engine, id, QUESTION);
  const { attended, roundCount } = receipt.kv.attention;
  expect(attended.every(({ reason }) => reason !== "all")).toBe(true);
  await engine.close();

  const later = new Engine(store);
  open.push(later);
  const { rounds } = await later.openChat(id);
  expect(rounds.length).toBe(roundCount + 1);
  const kept = rounds.at(-1)!.attended!;
  expect(kept).toEqual(attended.map((one) => one.id));
  expect(kept.length).toBeGreaterThan(0);
  const ids = rounds.map((round) => round.id);
  for (const one of kept) expect(ids).toContain(one);
});

test("a chat goes on without being restored first: its turn brings what it needs", async () => {
  const store = newStore();
  const id = await copiedChat(store);
  const engine = await engineOf(store);
  await engine.openChat(id);
  const { receipt, text } = await say(engine, id, QUESTION);
  expect(text).toContain("Miso");
  expect(receipt.kv.prefilledTokens).toBeLessThan(20);
  expect(receipt.kv.attention.lower.restoredTokens).toBe(
    receipt.kv.cachedTokens,
  );
});

test.each([
  { storeAs: "raw", kvFormat: "f16" },
  { storeAs: "int8", kvFormat: "f16" },
] as const)(
  "the next reply is the one that would have come: $storeAs of $kvFormat pages",
  async ({ storeAs, kvFormat }) => {
    const options = { ...newStore(), storeAs, network: { kvFormat } };
    const questions = [QUESTION, "What is my locker code?"];
    const ask = async (engine: Engine, id: string) => {
      const replies: [string, LocalReceipt][] = [];
      for (const question of questions) {
        const { text, receipt } = await say(engine, id, question);
        replies.push([text, receipt]);
      }
      return replies;
    };
    const id = await toldChat(options);
    const first = await engineOf(options);
    await first.openChat(id);
    const file = await first.exportChat(id, { withKv: true });
    const restored = await ask(first, id);
    const copy = (await first.importChat(file, { withKv: true })).id;
    await first.openChat(copy);
    const imported = await ask(first, copy);

    const without = await engineOf({ ...options, ...newStore() });
    const fresh = await without.createChat();
    for (const message of FACTS) await say(without, fresh, message);
    const never = await ask(without, fresh);
    for (const replies of [restored, imported]) {
      expect(replies.map(([text]) => text)).toEqual(
        never.map(([text]) => text),
      );
      for (const [, { kv }] of replies)
        expect(kv.prefilledTokens).toBeLessThan(20);
    }
  },
);

describe("stored KV that is of no use is computed again", () => {
  test("a flipped byte", async () => {
    const store = newStore();
    const id = await copiedChat(store);
    await damage(store.storeName, [id, 1, "lower"]);
    const engine = await engineOf(store);
    await engine.openChat(id);
    const { receipt, text } = await say(engine, id, QUESTION);
    expect(text).toContain("Miso");
    const { lower, upper } = receipt.kv.attention;
    expect(lower.droppedSegments).toBe(1);
    expect(lower.recomputedTokens).toBeGreaterThan(10);
    expect(upper.droppedSegments).toBe(0);
    expect(receipt.kv.prefilledTokens).toBeGreaterThan(lower.recomputedTokens);
  });

  test("another model's", async () => {
    const store = newStore();
    const id = await copiedChat(store);
    // The same files in pages of another type: none of what is stored can be loaded.
    const engine = await engineOf({ ...store, network: { watershed: 2 } });
    await engine.openChat(id);
    const { receipt, text } = await say(engine, id, QUESTION);
    expect(text).toContain("Miso");
    expect(receipt.kv.restoredTokens).toBe(0);
    // It is known by its name, and not even read.
    const { lower } = receipt.kv.attention;
    expect(lower.droppedSegments).toBe(0);
    expect(lower.recomputedTokens).toBeGreaterThan(40);
  });

  test("one that is gone", async () => {
    const store = newStore();
    const id = await copiedChat(store);
    await clearSegments(store.storeName);
    const engine = await engineOf(store);
    await engine.openChat(id);
    const { receipt, text } = await say(engine, id, QUESTION);
    expect(text).toContain("Miso");
    expect(receipt.kv.cachedTokens).toBe(0);
    // It is stored again, so that the next time is quick.
    await engine.close();
    const again = await engineOf(store);
    await again.openChat(id);
    const next = await say(again, id, QUESTION);
    expect(next.receipt.kv.attention.lower.recomputedTokens).toBe(0);
  });
});

test("what is said is written down while the reply still comes", async () => {
  const store = newStore();
  const id = await copiedChat(store);
  const [one, other] = [await engineOf(store), await engineOf(store)];
  await one.openChat(id);
  const reply = one.chat(id, "Tell me about boats.", GREEDY);
  const events = reply[Symbol.asyncIterator]();
  await events.next();
  await expect
    .poll(async () => (await other.openChat(id)).rounds.at(-1))
    .toMatchObject({ message: "Tell me about boats.", isFinished: false });
  await events.return?.(undefined);
});

test("a chat that another tab writes is read, and can be taken over when that one leaves it", async () => {
  const store = newStore();
  const id = await copiedChat(store);
  const [one, other] = [await engineOf(store), await engineOf(store)];
  const notices: EngineNotice[] = [];
  other.onNotice((notice) => notices.push(notice));
  expect((await one.openChat(id)).access).toBe("write");
  const reading = await other.openChat(id);
  expect(reading.access).toBe("read");
  expect(reading.rounds).toHaveLength(3);
  await expect(say(other, id, "Hello!")).rejects.toMatchObject({
    name: "ChatBusyError",
  });
  await say(one, id, "I play chess.");
  await one.leaveChat(id);
  await expect
    .poll(() => notices)
    .toContainEqual({ type: "chat-writable", chatId: id });
  const taken = await other.openChat(id);
  expect(taken.access).toBe("write");
  expect(taken.rounds.at(-1)!.message).toBe("I play chess.");
  const { receipt } = await say(other, id, QUESTION);
  expect(receipt.kv.prefilledTokens).toBeLessThan(20);
});

test("a lost device costs no prefill: what is stored comes back", async () => {
  const engine = await engineOf(newStore());
  const id = await engine.createChat();
  for (const message of FACTS) await say(engine, id, message);
  await engine.exportChat(id); // waits until all is stored
  await engine.load(MODEL);
  const { receipt, text } = await say(engine, id, QUESTION);
  expect(text).toContain("Miso");
  expect(receipt.kv.prefilledTokens).toBeLessThan(20);
});
