/** Which chats are found, and when the looking ends. */
import { expect, test } from "vitest";
import { findChats } from "../../../src/engine/archive/chat-search";

const said = (id: number, user: string, reply: string, document?: string) => ({
  id,
  user,
  reply,
  document,
});

const chats = {
  miso: [
    said(1, "My cat is called Miso.", "A lovely name."),
    said(2, "Why Miso?", ""),
  ],
  bread: [
    said(1, "Flour, water, salt", "", "bread.md"),
    said(2, "Miso?", "No."),
  ],
  empty: [],
} as const;
const ids = Object.keys(chats);
const roundsOf = async (id: string) => chats[id as keyof typeof chats];

test("chats are found by what was said in one of their rounds, the newest shown", async () => {
  const hits = await findChats("miso", ids, roundsOf);
  expect(hits.map(({ chatId }) => chatId)).toEqual(["miso", "bread"]);
  expect(hits[0]!.excerpt).toEqual({
    before: "Why ",
    found: "Miso",
    after: "?",
  });
});

test("all words must have been said at once: in a message and its reply, or in a document and its name", async () => {
  const found = async (query: string) =>
    (await findChats(query, ids, roundsOf)).map(({ chatId }) => chatId);
  expect(await found("LOVELY cat")).toEqual(["miso"]);
  expect(await found("bread.md salt")).toEqual(["bread"]);
  expect(await found("lovely why")).toEqual([]);
  expect(await found("  ")).toEqual([]);
});

test("a search that is given up reads no further", async () => {
  const giving = new AbortController();
  const read: string[] = [];
  const search = findChats(
    "miso",
    ids,
    (id) => {
      read.push(id);
      giving.abort(new Error("Enough."));
      return roundsOf(id);
    },
    { signal: giving.signal },
  );
  await expect(search).rejects.toThrow("Enough.");
  expect(read).toEqual(["miso"]);
});

test("a hundred chats are enough", async () => {
  const many = Array.from({ length: 150 }, (_, i) => `chat ${i}`);
  const hits = await findChats("hello", many, async () => [
    said(1, "Hello!", ""),
  ]);
  expect(hits).toHaveLength(100);
  expect(hits.at(-1)!.chatId).toBe("chat 99");
});
