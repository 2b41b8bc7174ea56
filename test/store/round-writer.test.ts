import { afterEach, expect, test, vi } from "vitest";
import { Conversations } from "../../src/store/conversations";
import type { Database } from "../../src/store/database";
import {
  writeRound,
  writeRoundInLittleRoom,
} from "../../src/store/round-writer";
import { Rounds } from "../../src/store/rounds";
import { Segments } from "../../src/store/segments";
import {
  conversation,
  countOf,
  openOwn,
  ownName,
  round,
  segment,
} from "./fixtures";

afterEach(() => void vi.restoreAllMocks());

const halves = [segment(0, "lower"), segment(0, "upper")];

async function openWithChat(name = ownName()): Promise<Database> {
  const database = await openOwn(name);
  await new Conversations(database).put(conversation("a"));
  return database;
}

/** Lets puts into a store fail as on a full disk; resolves the names of stores in the order of puts. */
function failPuts(isFull: (store: string, count: number) => boolean): string[] {
  const puts: string[] = [];
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its object below
  const put = IDBObjectStore.prototype.put;
  vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(function (
    this: IDBObjectStore,
    value: unknown,
  ) {
    puts.push(this.name);
    if (isFull(this.name, puts.length)) {
      throw new DOMException("full", "QuotaExceededError");
    }
    return put.call(this, value);
  });
  return puts;
}

test.each(["relaxed", "strict"] as const)(
  "a round is there with its segments (%s)",
  async (durability) => {
    const database = await openWithChat();
    await writeRound(database, round(0), halves, { durability, nowMs: 5000 });
    const { records } = await new Rounds(database).list("a");
    expect(records).toEqual([round(0)]);
    expect(await new Segments(database).totalBytes()).toBe(128);
    const chat = await new Conversations(database).get("a");
    expect(chat!.updatedMs).toBe(5000);
  },
);

test("writes payload first and the round after it", async () => {
  const database = await openWithChat();
  const puts = failPuts(() => false);
  await writeRound(database, round(0), halves);
  const wanted = ["segments", "uses", "segments", "uses", "rounds"];
  expect(puts).toEqual([...wanted, "conversations"]);
});

test.each([
  ["in one transaction", 2 ** 20],
  ["in several", 0],
])(
  "a write %s that ends at any put leaves the state before",
  async (_, transactionBytes) => {
    for (let last = 1; last <= 6; last++) {
      const name = ownName();
      const database = await openWithChat(name);
      failPuts((_, count) => count >= last);
      await expect(
        writeRound(database, round(0), halves, { transactionBytes }),
      ).rejects.toMatchObject({ reason: "quota" });
      vi.restoreAllMocks();
      database.close();

      const again = await openOwn(name);
      expect(await new Rounds(again).list("a")).toEqual({
        records: [],
        dropped: 0,
      });
      expect(await new Conversations(again).get("a")).toEqual(
        conversation("a"),
      );
      await new Segments(again).sweep();
      expect(await countOf(name, "segments")).toBe(0);
      expect(await countOf(name, "uses")).toBe(0);
    }
  },
);

test("a rewritten round that fails keeps its former text and segments", async () => {
  const database = await openWithChat();
  await writeRound(database, round(0), halves);
  failPuts((store) => store === "rounds");
  const changed = round(0, { reply: "Changed" });
  await expect(
    writeRound(database, changed, [segment(0, "lower", 9)], {
      transactionBytes: 0,
    }),
  ).rejects.toMatchObject({ reason: "quota" });
  const { records } = await new Rounds(database).list("a");
  expect(records).toEqual([round(0)]);
  expect(await new Segments(database).totalBytes()).toBe(128);
});

test("a rewritten round loses the segments of what it was", async () => {
  const database = await openWithChat();
  await writeRound(database, round(0), halves);
  await writeRound(database, round(0, { reply: "Changed" }), []);
  expect(await new Segments(database).totalBytes()).toBe(0);
});

test("a chat that another tab deleted does not come back", async () => {
  const name = ownName();
  const database = await openWithChat(name);
  await new Conversations(database).delete("a");
  for (const transactionBytes of [0, 2 ** 20]) {
    await expect(
      writeRound(database, round(0), halves, { transactionBytes }),
    ).rejects.toMatchObject({ reason: "missing" });
  }
  expect(await countOf(name, "rounds")).toBe(0);
  expect(await countOf(name, "segments")).toBe(0);
});

test("refuses a segment of another round", async () => {
  const database = await openWithChat();
  await expect(writeRound(database, round(1), halves)).rejects.toThrow(
    "a segment of round 0 of a was given with round 1 of a",
  );
});

test("on a full disk old segments make way for new ones", async () => {
  const database = await openWithChat();
  const segments = new Segments(database);
  await writeRound(database, round(0), halves);
  let isFull = true;
  failPuts((store) => {
    const fails = isFull && store === "segments";
    if (fails) isFull = false;
    return fails;
  });
  const mine = [segment(1, "lower")];
  const isKept = await writeRoundInLittleRoom(
    database,
    segments,
    round(1),
    mine,
  );
  expect(isKept).toBe(true);
  expect(await segments.get(["a", 0, "lower"])).toBeUndefined();
  expect(await segments.get(["a", 1, "lower"])).toBeDefined();
});

test("on a disk that stays full the text is kept without segments", async () => {
  const database = await openWithChat();
  const segments = new Segments(database);
  failPuts((store) => store === "segments");
  const isKept = await writeRoundInLittleRoom(
    database,
    segments,
    round(0),
    halves,
  );
  expect(isKept).toBe(false);
  const { records } = await new Rounds(database).list("a");
  expect(records).toEqual([round(0)]);
});
