import { expect, test } from "vitest";
import { Conversations } from "../../src/store/conversations";
import { Rounds } from "../../src/store/rounds";
import { Segments } from "../../src/store/segments";
import { writeRounds } from "../../src/store/round-writer";
import {
  conversation,
  countOf,
  openOwn,
  ownName,
  putForeign,
  round,
  segment,
} from "./fixtures";

test("lists chats newest first, renames them, and hides none for what of it can't be read", async () => {
  const name = ownName();
  const chats = new Conversations(await openOwn(name));
  await chats.put(conversation("old", { updatedMs: 1 }));
  await chats.put(conversation("new", { updatedMs: 2, system: "Be brief." }));
  await putForeign(name, "conversations", { id: "junk", title: 3 });
  await putForeign(name, "conversations", {
    ...conversation("nan"),
    updatedMs: NaN,
  });
  const { records, dropped } = await chats.list();
  expect(records.map(({ id }) => id)).toEqual(["new", "old", "junk", "nan"]);
  expect(records[0]!.system).toBe("Be brief.");
  expect(dropped).toBe(0);
  expect(await chats.get("junk")).toMatchObject({ title: "", updatedMs: 0 });

  await chats.change("old", { title: "Cats", updatedMs: 3 });
  expect((await chats.list()).records[0]).toMatchObject({ title: "Cats" });
  await expect(chats.change("none", { title: "Cats" })).rejects.toMatchObject({
    reason: "missing",
  });
});

test("pinned rounds are kept; of another shape they are none, and the chat is still there", async () => {
  const name = ownName();
  const chats = new Conversations(await openOwn(name));
  await chats.put(conversation("a"));
  expect((await chats.get("a"))!.pinnedIds).toBeUndefined();
  await chats.change("a", { pinnedIds: [2, 5] });
  expect((await chats.get("a"))!.pinnedIds).toEqual([2, 5]);
  await putForeign(name, "conversations", {
    ...conversation("b"),
    pinnedIds: ["all"],
  });
  const found = (await chats.get("b"))!;
  expect(found.title).toBe("Chat b");
  expect(found.pinnedIds).toBeUndefined();
});

test("forgets the KV of a chat, and nothing else of it or of another", async () => {
  const name = ownName();
  const database = await openOwn(name);
  const [rounds, segments] = [new Rounds(database), new Segments(database)];
  const known = { kvContext: "1".repeat(64), isApproximate: true };
  for (const conversationId of ["a", "b"]) {
    await rounds.put(round(1, { conversationId, ...known }));
    for (const half of ["lower", "upper"] as const)
      await segments.put(segment(1, half, 64, conversationId));
  }
  expect(await rounds.chatIds()).toEqual(["a", "b"]);
  await rounds.forgetKv("a");
  expect((await rounds.list("a")).records).toEqual([round(1)]);
  expect((await rounds.list("b")).records[0]).toMatchObject(known);
  expect(await countOf(name, "segments")).toBe(2);
  expect((await segments.uses.list()).records).toMatchObject([
    { conversationId: "b" },
    { conversationId: "b" },
  ]);
});

test("lists rounds in tree order, and of that chat alone", async () => {
  const rounds = new Rounds(await openOwn());
  for (const [id, parentId] of [
    [4, 1],
    [0, null],
    [3, 0],
    [2, 1],
    [1, 0],
    [11, 2],
  ] as const) {
    await rounds.put(round(id, { parentId }));
  }
  await rounds.put(round(0, { conversationId: "a2" }));
  const { records } = await rounds.list("a");
  expect(records.map(({ id }) => id)).toEqual([0, 1, 2, 11, 4, 3]);
  expect(records[3]!).toEqual(round(11, { parentId: 2 }));
});

test("a torn round is dropped and counted, and those after it keep their text", async () => {
  const name = ownName();
  const rounds = new Rounds(await openOwn(name));
  await rounds.put(round(0));
  await rounds.put(round(2));
  for (const torn of [
    { conversationId: "a", id: 1 },
    { ...round(3), tokens: [1, 2, 3] },
    { ...round(4), openTokens: 4 },
    { ...round(5), parentId: 5 },
    { ...round(6), contentHash: "" },
    { ...round(7), attended: [0.5] },
    { ...round(8), isFinished: "yes" },
    { ...round(9), pageDigest: [1] },
    { ...round(10), id: Number.MAX_SAFE_INTEGER },
    { ...round(11), kvFrom: { roundId: 2 ** 32 } },
  ]) {
    await putForeign(name, "rounds", torn);
  }
  const found = await rounds.list("a");
  // Their text is there, and they are of use for nothing else.
  expect(found.damagedIds).toEqual([3, 4, 5, 6, 7, 8, 9, 11]);
  expect(found.unreadableIds).toEqual([1, Number.MAX_SAFE_INTEGER]);
  expect(found.records.map(({ id }) => id)).toEqual([
    0, 2, 3, 4, 5, 6, 7, 8, 9, 11,
  ]);
  for (const id of found.damagedIds)
    expect(found.records.find((record) => record.id === id)).toMatchObject({
      user: round(id).user,
      tokens: new Uint32Array(),
      textFingerprint: "",
    });
});

test("will not write a round that it could not read again", async () => {
  const rounds = new Rounds(await openOwn());
  await expect(rounds.put(round(1, { openTokens: 9 }))).rejects.toThrow(
    TypeError,
  );
});

test("keeps of a view what the view shows", async () => {
  const rounds = new Rounds(await openOwn());
  const tokens = new Uint32Array(1000).fill(5).subarray(10, 13);
  const pageDigest = new Float32Array(1000).subarray(0, 2);
  await rounds.put(round(0, { tokens, pageDigest }));
  const [kept] = (await rounds.list("a")).records;
  expect(kept!.tokens.buffer.byteLength).toBe(12);
  expect(kept!.pageDigest!.buffer.byteLength).toBe(8);
});

test("the children of a deleted round become its parent's, and what came after it is computed again", async () => {
  const database = await openOwn();
  const rounds = new Rounds(database);
  const segments = new Segments(database);
  for (const id of [0, 1, 2, 3]) {
    await rounds.put(round(id, id === 3 ? { parentId: 0 } : {}));
    await segments.put(segment(id, "lower", 10));
  }
  await rounds.delete("a", [1]);
  const { records } = await rounds.list("a");
  expect(records.map(({ id, parentId }) => [id, parentId])).toEqual([
    [0, null],
    [2, 0],
    [3, 0],
  ]);
  const stored = await segments.uses.ofChat("a");
  expect([...stored.keys()]).toEqual([0, 3]);
});

test("deleting a chat deletes all of it, and nothing of another", async () => {
  const name = ownName();
  const database = await openOwn(name);
  const chats = new Conversations(database);
  for (const id of ["a", "aa"]) {
    await writeRounds(database, conversation(id), [
      round(0, { conversationId: id }),
    ]);
    for (const half of ["lower", "upper"] as const)
      await new Segments(database).put(segment(0, half, 10, id));
  }
  await chats.delete("a");
  expect(await countOf(name, "conversations")).toBe(1);
  expect(await countOf(name, "rounds")).toBe(1);
  expect(await countOf(name, "segments")).toBe(2);
  expect(await countOf(name, "uses")).toBe(2);
  expect((await new Rounds(database).list("aa")).records).toHaveLength(1);
});
