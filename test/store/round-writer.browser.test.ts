import { expect, test } from "vitest";
import { Conversations } from "../../src/store/conversations";
import type { Database } from "../../src/store/database";
import { writeRounds } from "../../src/store/round-writer";
import { Rounds } from "../../src/store/rounds";
import { Segments } from "../../src/store/segments";
import {
  conversation,
  countOf,
  failPuts,
  openOwn,
  ownName,
  round,
  segment,
} from "./fixtures";

const chat = conversation("a");

async function storedRounds(database: Database) {
  return (await new Rounds(database).list("a")).records;
}

/** Which halves of round 0 are stored. */
async function storedHalves(database: Database): Promise<string[]> {
  const stored = await new Segments(database).uses.ofChat("a");
  return Object.keys(stored.get(0) ?? {});
}

test.each(["relaxed", "strict"] as const)(
  "the first rounds make the chat (%s)",
  async (durability) => {
    const database = await openOwn();
    const rounds = [round(0), round(1)];
    const isNew = await writeRounds(database, chat, rounds, { durability });
    expect(isNew).toBe(true);
    expect(await storedRounds(database)).toEqual(rounds);
    expect(await new Conversations(database).get("a")).toEqual({
      ...chat,
      nextId: 2,
    });
  },
);

test("later rounds leave the chat's title, system prompt and age", async () => {
  const database = await openOwn();
  await writeRounds(database, { ...chat, system: "Be brief." }, [round(0)]);
  await new Conversations(database).change("a", {
    title: "Cats",
    updatedMs: 2000,
  });
  const model = { name: "other", url: "/models/other/" };
  const later = { ...chat, title: "Else", createdMs: 3, updatedMs: 5, model };
  expect(await writeRounds(database, later, [round(1)])).toBe(false);
  expect(await new Conversations(database).get("a")).toEqual({
    ...chat,
    title: "Cats",
    system: "Be brief.",
    updatedMs: 5,
    model,
    nextId: 2,
  });
});

test("a reply is written again as it grows, and keeps the age of its round", async () => {
  const database = await openOwn();
  const begun = round(0, { reply: "", isFinished: false });
  await writeRounds(database, chat, [begun]);
  await writeRounds(database, chat, [round(0, { createdMs: 99_999 })]);
  expect(await storedRounds(database)).toEqual([round(0)]);
});

test("writes rounds first and the chat after them", async () => {
  const database = await openOwn();
  const puts = failPuts(() => false);
  await writeRounds(database, chat, [round(0), round(1)]);
  expect(puts).toEqual(["rounds", "rounds", "conversations"]);
});

test.each([1, 2, 3])(
  "a write that ends at put %i leaves the state before",
  async (last) => {
    const name = ownName();
    const database = await openOwn(name);
    await writeRounds(database, chat, [round(0)]);
    await new Segments(database).put(segment(0, "lower"));
    failPuts((_, count) => count >= last);
    const changed = round(0, { contentHash: "1".repeat(64) });
    await expect(
      writeRounds(database, { ...chat, updatedMs: 7 }, [changed, round(1)]),
    ).rejects.toMatchObject({ reason: "quota" });
    database.close();

    const again = await openOwn(name);
    expect(await storedRounds(again)).toEqual([round(0)]);
    expect(await storedHalves(again)).toEqual(["lower"]);
    expect(await new Conversations(again).get("a")).toEqual({
      ...chat,
      nextId: 1,
    });
  },
);

test("segments stay with the tokens they are of, the upper one with the rounds it attended to", async () => {
  const database = await openOwn();
  const segments = new Segments(database);
  await writeRounds(database, chat, [round(0)]);
  const putBoth = async () => {
    for (const half of ["lower", "upper"] as const)
      await segments.put(segment(0, half));
  };
  await putBoth();
  await writeRounds(database, chat, [round(0, { reply: "Same tokens" })]);
  expect(await storedHalves(database)).toEqual(["lower", "upper"]);
  await writeRounds(database, chat, [round(0, { attended: [] })]);
  expect(await storedHalves(database)).toEqual(["lower"]);
  await putBoth();
  const contentHash = "1".repeat(64);
  await writeRounds(database, chat, [round(0, { attended: [], contentHash })]);
  expect(await storedHalves(database)).toEqual([]);
});

test("segments of a round's new tokens stay when its record follows them", async () => {
  const database = await openOwn();
  const segments = new Segments(database);
  await writeRounds(database, chat, [round(0)]);
  const contentHash = "1".repeat(64);
  await segments.put(segment(0, "lower"));
  await segments.put({
    ...segment(0, "upper"),
    fingerprint: `f1/${contentHash}`,
  });
  await writeRounds(database, chat, [round(0, { attended: [], contentHash })]);
  expect(await storedHalves(database)).toEqual(["upper"]);
});

test("a chat that another tab deleted does not come back", async () => {
  const name = ownName();
  const database = await openOwn(name);
  await writeRounds(database, chat, [round(0)]);
  await new Conversations(database).delete("a");
  await expect(
    writeRounds(database, chat, [round(1)], { isKnown: true }),
  ).rejects.toMatchObject({ reason: "missing" });
  expect(await countOf(name, "rounds")).toBe(0);
  expect(await countOf(name, "conversations")).toBe(0);
});
