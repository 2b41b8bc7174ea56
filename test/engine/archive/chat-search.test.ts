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
/** The newest first, one at a time. */
async function* roundsOf(id: string) {
  for (const one of chats[id as keyof typeof chats].toReversed()) yield [one];
}

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
  const hits = await findChats("hello", many, async function* () {
    yield [said(1, "Hello!", "")];
  });
  expect(hits).toHaveLength(100);
  expect(hits.at(-1)!.chatId).toBe("chat 99");
});

test("a chat is read no further than to its newest round that matches", async () => {
  let read = 0;
  const hits = await findChats("miso", ["long"], async function* () {
    for (let id = 10_000; id > 0; id--, read++)
      yield [said(id, id % 100 === 0 ? "Miso" : "Bread", "")];
  });
  expect(hits).toHaveLength(1);
  expect(read).toBe(0);
});

test("a search that is given up ends within a chat too", async () => {
  const giving = new AbortController();
  let read = 0;
  const search = findChats(
    "miso",
    ["long"],
    async function* () {
      for (let id = 10_000; id > 0; id--) {
        if (++read === 3) giving.abort(new Error("Enough."));
        yield [said(id, "Bread", "")];
      }
    },
    { signal: giving.signal },
  );
  await expect(search).rejects.toThrow("Enough.");
  expect(read).toBe(3);
});
