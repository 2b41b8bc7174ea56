// Chats that an older version kept: what its page left in the database is there, text and KV.
import { openDB } from "idb";
import { expect, onTestFinished, test } from "vitest";
import { Engine } from "../../src/engine/engine";
import { say } from "../support/say";
import { sharedGpu } from "../support/shared-gpu";
import { databaseOf } from "../support/stored-database";

const MODEL = new URL("/models/rondo-tiny/", location.href).href;
const VERSION_0_1 = new URL(
  "../fixtures/stored-0.1/database.json.gzip",
  import.meta.url,
);
const QUESTION = "What is my locker code?";
/** What that version's page said next, and what it took. */
const NEXT = { text: "It is 7350.", restoredTokens: 96, prefilledTokens: 14 };

/** An engine of today on a database of version 0.1, and the chat in it. */
async function keptIn(storeName: string) {
  const engine = new Engine({ gpu: sharedGpu, storeName });
  onTestFinished(() => engine.close());
  const [summary] = await engine.listChats();
  return {
    engine,
    summary: summary!,
    history: await engine.openChat(summary!.id),
  };
}

async function forgetSegments(storeName: string): Promise<void> {
  const connection = await openDB(storeName);
  await connection.clear("segments");
  await connection.clear("uses");
  connection.close();
}

test("a chat of version 0.1 has its name, its text, its branches and its pins", async () => {
  const { engine, summary, history } = await keptIn(
    await databaseOf(VERSION_0_1),
  );
  expect(summary).toMatchObject({
    title: "Things about me",
    modelName: "rondo-tiny",
  });
  expect(history).toMatchObject({ access: "write", summary });
  expect(history.damagedRounds).toBeUndefined();
  expect(history.rounds).toMatchObject([
    {
      id: 1,
      versions: [1],
      message: "My cat is called Miso.",
      reply: "A cat called Miso, how nice!",
      isPinned: true,
    },
    {
      id: 4,
      versions: [2, 4],
      message: "My locker code is 7350.",
      reply: "I will remember the code 7350.",
    },
    {
      id: 5,
      versions: [5],
      message: "I live in Oslo.",
      reply: "I hope you enjoy Oslo.",
    },
  ]);
  expect(history.rounds.every(({ isFinished }) => isFinished)).toBe(true);
  expect(history.rounds.filter(({ isPinned }) => isPinned)).toHaveLength(1);
  const other = await engine.showVersion(summary.id, 2);
  expect(other.rounds.map(({ id, reply }) => [id, reply])).toEqual([
    [1, "A cat called Miso, how nice!"],
    [2, "I will remember the code 4821."],
    [3, "I hope you enjoy Oslo."],
  ]);
});

test("a chat of version 0.1 goes on from the KV that it stored, on both branches", async () => {
  const { engine, summary } = await keptIn(await databaseOf(VERSION_0_1));
  await engine.load(MODEL);
  const { text, receipt } = await say(engine, summary.id, QUESTION);
  expect({ text, ...receipt.kv }).toMatchObject(NEXT);
  const { attention, fusion } = receipt.kv;
  expect(fusion).toMatchObject({ exactRounds: 3, staleRounds: 0 });
  for (const half of [attention.lower, attention.upper])
    expect(half).toMatchObject({ recomputedTokens: 0, droppedSegments: 0 });
  expect(attention.attended).toContainEqual(
    expect.objectContaining({ id: 1, reason: "pinned" }),
  );

  await engine.showVersion(summary.id, 2);
  const before = await say(engine, summary.id, QUESTION);
  expect(before.text).toContain("4821");
  // The system prompt and the first round are there already, for both.
  expect(before.receipt.kv.restoredTokens).toBeGreaterThan(0);
  expect(before.receipt.kv.attention.lower.recomputedTokens).toBe(0);
  expect(before.receipt.kv.fusion).toMatchObject({
    exactRounds: 3,
    staleRounds: 0,
  });
});

test("a chat of version 0.1 says the same where its KV is computed again", async () => {
  const storeName = await databaseOf(VERSION_0_1);
  await forgetSegments(storeName);
  const { engine, summary } = await keptIn(storeName);
  await engine.load(MODEL);
  const { text, receipt } = await say(engine, summary.id, QUESTION);
  expect(text).toBe(NEXT.text);
  expect(receipt.kv.restoredTokens).toBe(0);
  expect(receipt.kv.prefilledTokens).toBeGreaterThan(NEXT.prefilledTokens);
  expect(receipt.kv.fusion).toMatchObject({ exactRounds: 3, staleRounds: 0 });
});
