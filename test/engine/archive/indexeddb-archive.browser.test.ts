// What the engine keeps, against a real IndexedDB. Two archives of one name are two tabs.
import { openDB } from "idb";
import { describe, expect, test, vi } from "vitest";
import type { RoundFields } from "../../../src/engine/chat/chat-round";
import { contentHash } from "../../../src/engine/load/fingerprint";
import {
  openArchive,
  type IndexedDbArchive,
} from "../../../src/engine/archive/indexeddb-archive";
import { type SegmentRecord, Segments } from "../../../src/store/segments";
import {
  chatHead,
  kvOf,
  openTestArchive,
  roundToKeep,
} from "../../support/archive";
import {
  changeForeign,
  countOf,
  failPuts,
  ownName,
  putForeign,
  segment,
} from "../../store/fixtures";

type Bytes = Uint8Array<ArrayBuffer>;
type Json = Record<string, unknown>;

const prefix = roundToKeep(0);
const first = roundToKeep(1);

/** Saves a chat of the system prompt and so many rounds. */
async function saveChat(
  archive: IndexedDbArchive,
  id: string,
  roundCount = 1,
): Promise<void> {
  for (let i = 1; i <= roundCount; i++) {
    const rounds = i === 1 ? [prefix, first] : [roundToKeep(i)];
    expect(await archive.saveRounds(chatHead(id), rounds)).toBe(true);
  }
}

async function saveKv(
  archive: IndexedDbArchive,
  chatId: string,
  round: RoundFields,
  half: "lower" | "upper" = "lower",
): Promise<boolean> {
  const { header, payload, origin } = await kvOf(round, half);
  return archive.saveSegment(chatId, round.id, header, payload, origin);
}

/** What reading a round's lower half gives. */
async function readKv(
  archive: IndexedDbArchive,
  chatId: string,
  round: RoundFields,
  model?: string,
) {
  const { expected } = await kvOf(round, "lower", model);
  return archive.readSegment(chatId, round.id, expected);
}

test("a chat is there as it was left, also after reopening", async () => {
  const name = ownName();
  const { archive } = await openTestArchive(name);
  const pageDigest = Float32Array.of(0.5, -2, NaN);
  const second = roundToKeep(2, { attended: [1], pageDigest });
  const head = chatHead("a", { system: "Be brief." });
  await archive.saveRounds(head, [prefix, first]);
  await archive.saveRounds(head, [second]);
  await archive.close();

  const again = (await openTestArchive(name)).archive;
  const chat = (await again.read("a"))!;
  expect(chat.conversation).toMatchObject({
    id: "a",
    title: "Question 1",
    system: "Be brief.",
    createdMs: 1000,
    model: { name: "rondo-tiny", url: "/models/rondo-tiny/" },
  });
  expect(chat.damagedIds).toEqual([]);
  expect(chat.unreadableIds).toEqual([]);
  expect(chat.rounds.map(({ id }) => id)).toEqual([0, 1, 2]);
  expect(chat.rounds[2]).toMatchObject({
    ...second,
    tokens: Uint32Array.of(2, 7, 70_000),
    contentHash: await contentHash(second.tokens),
  });
  expect(await again.read("b")).toBeUndefined();
});

test("chats are listed by when they changed last, under their first message", async () => {
  const { archive } = await openTestArchive();
  const times = vi.spyOn(Date, "now");
  const save = (nowMs: number, id: string, user: string) => {
    times.mockReturnValue(nowMs);
    return archive.saveRounds(chatHead(id), [roundToKeep(1, { user })]);
  };
  await save(5000, "a", "  My cat\n\nis called Miso. ");
  await save(6000, "b", "word ".repeat(40));
  await save(7000, "c", "😀".repeat(100));
  await save(8000, "a", "Something else");
  times.mockReturnValue(9000);
  await archive.rename("b", "Words");
  times.mockRestore();
  const list = await archive.list();
  expect(list.map(({ id, updatedMs }) => [id, updatedMs])).toEqual([
    ["b", 9000],
    ["a", 8000],
    ["c", 7000],
  ]);
  expect(list.map(({ title }) => title)).toEqual([
    "Words",
    "My cat is called Miso.",
    `${"😀".repeat(79)}…`,
  ]);
  await expect(archive.rename("none", "x")).rejects.toMatchObject({
    reason: "missing",
  });
});

test("a reply that is still coming is kept as far as it came", async () => {
  const name = ownName();
  const { archive } = await openTestArchive(name);
  const begun = { isFinished: false, reply: "", tokens: [1, 7] };
  await archive.saveRounds(chatHead("a"), [prefix, roundToKeep(1, begun)]);
  const coming = { ...begun, reply: "Ans" };
  await archive.saveRounds(chatHead("a"), [roundToKeep(1, coming)]);
  // The page is killed here.
  const again = (await openTestArchive(name)).archive;
  const { rounds } = (await again.read("a"))!;
  expect(rounds).toHaveLength(2);
  expect(rounds[1]).toMatchObject({
    user: "Question 1",
    reply: "Ans",
    isFinished: false,
    tokens: Uint32Array.of(1, 7),
  });
});

test("what is saved is what stood there when it was given", async () => {
  const { archive } = await openTestArchive();
  const tokens = [1, 7];
  const attended = [1];
  const saving = archive.saveRounds(chatHead("a"), [
    roundToKeep(1, { tokens, attended }),
  ]);
  tokens.push(8);
  attended.push(2);
  await saving;
  const [round] = (await archive.read("a"))!.rounds;
  expect(round).toMatchObject({
    tokens: Uint32Array.of(1, 7),
    attended: [1],
    contentHash: await contentHash([1, 7]),
  });
});

test("a chat from a file has no rounds pinned that it does not have", async () => {
  const { archive } = await openTestArchive();
  const head = chatHead("a", { pinnedIds: [0, 1, 7] });
  await archive.saveRounds(head, [prefix, first]);
  const file = await archive.exportChat("a");
  const { summary } = await archive.importChat(file);
  const { conversation } = (await archive.read(summary.id))!;
  expect(conversation.pinnedIds).toEqual([1]);
});

test("reads all branches, parents before their children", async () => {
  const { archive } = await openTestArchive();
  await saveChat(archive, "a", 3);
  const other = roundToKeep(4, { parentId: 1, user: "Another question" });
  await archive.saveRounds(chatHead("a"), [other, roundToKeep(5)]);
  const { rounds } = (await archive.read("a"))!;
  expect(rounds.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5]);
});

describe("what is damaged on the disk", () => {
  /** A chat of four rounds, one of which is changed. */
  async function damaged(change: (round: Json) => object) {
    const name = ownName();
    const { archive, troubles } = await openTestArchive(name);
    await saveChat(archive, "a", 3);
    await changeForeign(name, "rounds", ["a", 3], async (value) =>
      change(value as Json),
    );
    return { name, archive, troubles };
  }

  test.each<[string, (round: Json) => object]>([
    ["its hash", ({ contentHash: _, ...rest }) => rest],
    ["its tokens", (round) => ({ ...round, tokens: [3, 7, 70_000] })],
    ["its parent", (round) => ({ ...round, parentId: "two" })],
    ["when it was said", (round) => ({ ...round, createdMs: NaN })],
  ])("leaves a round its text where %s can't be read", async (_, change) => {
    const { archive } = await damaged(change);
    const chat = (await archive.read("a"))!;
    expect(chat.damagedIds).toEqual([3]);
    expect(chat.unreadableIds).toEqual([]);
    expect(chat.rounds.at(-1)).toMatchObject({
      id: 3,
      parentId: 2,
      user: "Question 3",
      reply: "Answer 3",
      tokens: new Uint32Array(),
      textFingerprint: "",
    });
  });

  test("leaves half of a text where the other half can't be read", async () => {
    const { archive } = await damaged((round) => ({ ...round, reply: 7 }));
    const chat = (await archive.read("a"))!;
    expect(chat.rounds.at(-1)).toMatchObject({ user: "Question 3", reply: "" });
    expect(chat.damagedIds).toEqual([3]);
  });

  test("is named where nothing of it can be read", async () => {
    const { archive } = await damaged(() => ({ conversationId: "a", id: 3 }));
    const chat = (await archive.read("a"))!;
    expect(chat.rounds.map(({ id }) => id)).toEqual([0, 1, 2]);
    expect(chat.unreadableIds).toEqual([3]);
  });

  test("keeps its id and its place where nothing of it can be read", async () => {
    const { name, archive } = await damaged(() => ({
      conversationId: "a",
      id: 3,
    }));
    const chat = (await archive.read("a"))!;
    const { nextId, id } = chat.conversation;
    expect(nextId).toBe(4);
    // What is said next is said beside it.
    const next = roundToKeep(nextId!, { parentId: 2 });
    expect(await archive.saveRounds(chatHead(id, { nextId: 5 }), [next])).toBe(
      true,
    );
    expect(await countOf(name, "rounds")).toBe(5);
    await changeForeign(name, "rounds", ["a", 3], async (value) => {
      expect(value).toEqual({ conversationId: "a", id: 3 });
      return value;
    });
  });

  test("is never written over", async () => {
    const { name, archive, troubles } = await damaged(
      ({ contentHash: _, ...rest }) => rest,
    );
    expect(await archive.saveRounds(chatHead("a"), [roundToKeep(3)])).toBe(
      false,
    );
    expect(troubles).toMatchObject([
      {
        message: expect.stringContaining(
          "round 3 of the chat is damaged",
        ) as string,
      },
    ]);
    await changeForeign(name, "rounds", ["a", 3], async (value) => {
      expect(value).not.toHaveProperty("contentHash");
      return value;
    });
  });

  test("hides no chat", async () => {
    const name = ownName();
    const { archive } = await openTestArchive(name);
    await saveChat(archive, "a");
    await changeForeign(name, "conversations", ["a"], async () => ({
      id: "a",
      title: 7,
      updatedMs: "yesterday",
    }));
    expect(await archive.list()).toEqual([
      { id: "a", title: "", createdMs: 0, updatedMs: 0, modelName: "" },
    ]);
    expect((await archive.read("a"))!.rounds).toHaveLength(2);
  });
});

describe("ids of rounds", () => {
  test("are not given out again when the newest round is deleted", async () => {
    const { archive } = await openTestArchive();
    await saveChat(archive, "a", 3);
    await archive.deleteRounds("a", [3]);
    expect((await archive.read("a"))!.conversation.nextId).toBe(4);
    await archive.deleteRounds("a", [2, 1]);
    expect((await archive.read("a"))!.conversation.nextId).toBe(4);
  });

  test("that were given out are noted with what is said", async () => {
    const { archive } = await openTestArchive();
    await archive.saveRounds(chatHead("a", { nextId: 9 }), [prefix, first]);
    await archive.saveRounds(chatHead("a", { nextId: 5 }), [roundToKeep(2)]);
    expect((await archive.read("a"))!.conversation.nextId).toBe(9);
  });
});

test("the branch that is shown once rounds are deleted is kept with that", async () => {
  const { archive } = await openTestArchive();
  await saveChat(archive, "a", 3);
  await archive.change(chatHead("a"), { shownId: 2 });
  await archive.deleteRounds("a", [2], { shownId: 1 });
  expect((await archive.read("a"))!.conversation.shownId).toBe(1);
  await archive.deleteRounds("a", [1]);
  expect((await archive.read("a"))!.conversation.shownId).toBeUndefined();
});

test("KV is there as it was saved, half by half, also after reopening", async () => {
  const name = ownName();
  const { archive } = await openTestArchive(name);
  // Nobody waits: the writes of a chat keep their order.
  void archive.saveRounds(chatHead("a"), [prefix, first]);
  void saveKv(archive, "a", prefix);
  expect(await saveKv(archive, "a", first)).toBe(true);
  const { payload, header } = await kvOf(first);
  expect(await readKv(archive, "a", first)).toEqual({
    payload,
    elements: "f16",
    origin: (await kvOf(first)).origin,
  });
  await archive.idle("a");
  await saveKv(archive, "a", first, "upper");
  await archive.close();

  const again = (await openTestArchive(name)).archive;
  const bytes = payload.length + 56 + header.fingerprint.length + 4;
  const half = { bytes, isExact: true };
  expect(await again.storedHalves("a")).toMatchObject(
    new Map([
      [0, { lower: half }],
      [1, { lower: half, upper: half }],
    ]),
  );
  expect(await readKv(again, "a", first)).toMatchObject({ payload });
  expect(await readKv(again, "a", roundToKeep(2))).toBe("missing");
});

test.each<[what: string, damage: (bytes: Bytes) => Bytes]>([
  ["a flipped bit", (bytes) => bytes.with(-1, bytes.at(-1)! ^ 1)],
  ["a missing end", (bytes) => bytes.slice(0, -10)],
  ["nothing in it", () => new Uint8Array()],
])(
  "a stored half with %s is dropped, deleted and counted",
  async (_, damage) => {
    const name = ownName();
    const { archive, troubles } = await openTestArchive(name);
    await saveChat(archive, "a");
    await saveKv(archive, "a", first);
    await changeForeign(name, "segments", ["a", 1, "lower"], async (value) => {
      const stored = value as SegmentRecord;
      const whole = new Uint8Array(await stored.blob.arrayBuffer());
      const blob = new Blob([damage(whole)]);
      return { ...stored, blob, bytes: blob.size };
    });
    expect(await readKv(archive, "a", first)).toBe("dropped");
    expect(await readKv(archive, "a", first)).toBe("missing");
    expect(await archive.storedHalves("a")).toEqual(new Map());
    expect(await archive.storageSnapshot()).toMatchObject({
      droppedSegments: 1,
      segmentCount: 0,
    });
    expect(troubles).toEqual([]);
  },
);

test("a stored half of another model or other tokens is dropped", async () => {
  const { archive } = await openTestArchive();
  await saveChat(archive, "a");
  await saveKv(archive, "a", first);
  expect(await readKv(archive, "a", first, "another")).toBe("dropped");
  await saveKv(archive, "a", first);
  const others = roundToKeep(1, { tokens: [1, 7, 8] });
  expect(await readKv(archive, "a", others)).toBe("dropped");
  expect(await archive.storageSnapshot()).toMatchObject({
    droppedSegments: 2,
    segmentCount: 0,
  });
});

test("KV of a round that is not kept is not either, and no trouble", async () => {
  const name = ownName();
  const { archive, troubles } = await openTestArchive(name);
  expect(await saveKv(archive, "a", first)).toBe(false);
  expect(await countOf(name, "segments")).toBe(0);
  expect(troubles).toEqual([]);
});

test("what a crash left behind is swept once the archive is open", async () => {
  const name = ownName();
  const { archive } = await openTestArchive(name);
  await saveChat(archive, "a");
  await saveKv(archive, "a", first);
  await putForeign(name, "segments", segment(9, "lower"));
  await openTestArchive(name, { sweepAfterMs: 0 });
  await expect.poll(() => countOf(name, "segments")).toBe(1);
  expect(await readKv(archive, "a", first)).toHaveProperty("payload");
});

test("a write that fails leaves the state before, and the turn goes on", async () => {
  const { archive, troubles } = await openTestArchive();
  await saveChat(archive, "a");
  failPuts((store) => store === "conversations");
  const more = [roundToKeep(1, { reply: "Torn" }), roundToKeep(2)];
  expect(await archive.saveRounds(chatHead("a"), more)).toBe(false);
  const { rounds } = (await archive.read("a"))!;
  expect(rounds.map(({ reply }) => reply)).toEqual(["", "Answer 1"]);
  expect(troubles).toHaveLength(1);
  expect(troubles[0]).toMatchObject({ reason: "quota" });
  expect(troubles[0]!.message).toContain("Could not save a message");
});

test("trouble is told once while it stays, and again after something worked", async () => {
  const { archive, troubles } = await openTestArchive();
  let isFull = true;
  failPuts(() => isFull);
  const save = () => archive.saveRounds(chatHead("a"), [first]);
  for (let i = 0; i < 3; i++) expect(await save()).toBe(false);
  expect(troubles).toHaveLength(1);
  isFull = false;
  expect(await save()).toBe(true);
  isFull = true;
  expect(await save()).toBe(false);
  expect(troubles).toHaveLength(2);
});

test("a round that could not be read again is trouble, not an exception", async () => {
  const { archive, troubles } = await openTestArchive();
  const wrong = roundToKeep(1, { openTokens: 9 });
  expect(await archive.saveRounds(chatHead("a"), [wrong])).toBe(false);
  expect(troubles).toMatchObject([{ reason: "failed" }]);
});

/** Chats a, b, c and d with KV of their first rounds, that of a used last. */
async function openFilled() {
  const opened = await openTestArchive();
  const { archive } = opened;
  for (const id of ["a", "b", "c", "d"]) {
    await saveChat(archive, id);
    await saveKv(archive, id, first);
  }
  const later = vi.spyOn(Date, "now").mockReturnValue(Date.now() + 1000);
  await readKv(archive, "a", first);
  later.mockRestore();
  const storedChats = async () => {
    const found = [];
    for (const id of ["a", "b", "c", "d"]) {
      if ((await archive.storedHalves(id)).size > 0) found.push(id);
    }
    return found;
  };
  return { ...opened, storedChats };
}

test("on a full disk KV takes the room of other chats' KV, least recently used first", async () => {
  const { archive, troubles, storedChats } = await openFilled();
  let fails = 1;
  failPuts((store) => store === "segments" && fails-- > 0);
  // The room of two halves is made: files of deleted ones may go later.
  expect(await saveKv(archive, "b", first, "upper")).toBe(true);
  expect(await storedChats()).toEqual(["a", "b"]);
  expect(troubles).toEqual([]);
});

test("on a disk that stays full KV is given up, not text, and that is told", async () => {
  const { archive, troubles, storedChats } = await openFilled();
  failPuts((store) => store === "segments");
  expect(await saveKv(archive, "b", first, "upper")).toBe(false);
  expect(await storedChats()).toEqual(["a", "b"]);
  expect(troubles).toMatchObject([{ reason: "quota" }]);
  expect(troubles[0]!.message).toContain("No text is lost");
  const next = [roundToKeep(2)];
  expect(await archive.saveRounds(chatHead("b"), next)).toBe(true);
});

test("text takes the room of all KV, its own chat's last", async () => {
  const { archive, troubles, storedChats } = await openFilled();
  let fails = 2;
  failPuts((store) => store === "rounds" && fails-- > 0);
  const evict = vi.spyOn(Segments.prototype, "evict");
  const next = [roundToKeep(2)];
  expect(await archive.saveRounds(chatHead("b"), next)).toBe(true);
  expect(await storedChats()).toEqual([]);
  expect(evict).toHaveBeenCalledTimes(2);
  evict.mockRestore();
  expect(troubles).toEqual([]);
});

test("a deleted chat is gone, with what was still being saved of it", async () => {
  const name = ownName();
  const { archive, troubles } = await openTestArchive(name);
  await saveChat(archive, "a");
  await saveChat(archive, "b");
  void archive.saveRounds(chatHead("a"), [roundToKeep(2)]);
  void saveKv(archive, "a", first);
  await archive.delete("a");
  expect(await archive.saveRounds(chatHead("a"), [roundToKeep(3)])).toBe(false);
  expect(await saveKv(archive, "a", first)).toBe(false);
  expect(await archive.read("a")).toBeUndefined();
  expect((await archive.list()).map(({ id }) => id)).toEqual(["b"]);
  expect(await countOf(name, "rounds")).toBe(2);
  expect(await countOf(name, "segments")).toBe(0);
  expect(troubles).toEqual([]);
  await archive.delete("never there");
});

test("a chat that another tab deleted does not come back, and that is told", async () => {
  const name = ownName();
  const one = await openTestArchive(name);
  const other = await openTestArchive(name);
  await saveChat(one.archive, "a");
  await other.archive.read("a");
  await one.archive.delete("a");
  const next = [roundToKeep(2)];
  expect(await other.archive.saveRounds(chatHead("a"), next)).toBe(false);
  expect(other.troubles).toMatchObject([{ reason: "missing" }]);
  expect(await one.archive.list()).toEqual([]);
  expect(await countOf(name, "rounds")).toBe(0);
});

test("tabs hear of each other's changes to the list, and of no more", async () => {
  const name = ownName();
  const one = await openTestArchive(name);
  const other = await openTestArchive(name);
  const foreign = await openTestArchive();
  const expectChanges = async (count: number) => {
    expect(one.changes.count).toBe(count);
    await expect.poll(() => other.changes.count).toBe(count);
  };
  const coming = roundToKeep(1, { isFinished: false });
  await one.archive.saveRounds(chatHead("a"), [prefix, coming]);
  await expectChanges(1);
  await one.archive.saveRounds(chatHead("a"), [coming]);
  await saveKv(one.archive, "a", coming);
  await one.archive.saveRounds(chatHead("a"), [first]);
  await expectChanges(2);
  await one.archive.rename("a", "Cats");
  await expectChanges(3);
  expect((await other.archive.list())[0]!.title).toBe("Cats");
  await one.archive.delete("a");
  await expectChanges(4);
  expect(foreign.changes.count).toBe(0);
});

test("says what the chats take on the disk", async () => {
  const { archive } = await openFilled();
  const snapshot = await archive.storageSnapshot();
  expect(snapshot).toMatchObject({ chatCount: 4, segmentCount: 4 });
  const [bytes] = (await archive.storedHalves("a")).values();
  expect(snapshot.segmentBytes).toBe(4 * bytes!.lower!.bytes);
  expect(snapshot.quotaBytes).toBeGreaterThan(snapshot.usageBytes!);
});

test("closing waits for what is being saved, and is no trouble", async () => {
  const name = ownName();
  const { archive, troubles } = await openTestArchive(name);
  const saving = saveChat(archive, "a");
  await archive.close();
  await saving;
  const late = [roundToKeep(2)];
  expect(await archive.saveRounds(chatHead("a"), late)).toBe(false);
  expect(troubles).toEqual([]);
  const again = (await openTestArchive(name)).archive;
  expect((await again.read("a"))!.rounds).toHaveLength(2);
});

test("a database that is taken away costs what is not kept yet, and no turn", async () => {
  const name = ownName();
  const { archive, troubles } = await openTestArchive(name);
  await saveChat(archive, "a");
  await saveKv(archive, "a", first);
  (await openDB(name, 2)).close();
  expect(troubles).toMatchObject([{ reason: "closed" }]);
  expect(await archive.saveRounds(chatHead("a"), [roundToKeep(2)])).toBe(false);
  expect(await readKv(archive, "a", first)).toBe("missing");
  expect(await archive.storedHalves("a")).toEqual(new Map());
  await archive.saveUses();
  await archive.close();
});

test("where there is no IndexedDB nothing is kept, and that is told", async () => {
  vi.stubGlobal("indexedDB", undefined);
  const troubles: unknown[] = [];
  const archive = await openArchive({
    onWarning: (trouble) => troubles.push(trouble),
  });
  vi.unstubAllGlobals();
  expect(troubles).toMatchObject([{ reason: "unavailable" }]);
  const { header, payload, origin, expected } = await kvOf(first);
  expect(await archive.saveRounds(chatHead("a"), [first])).toBe(false);
  expect(await archive.saveSegment("a", 1, header, payload, origin)).toBe(
    false,
  );
  expect(await archive.readSegment("a", 1, expected)).toBe("missing");
  expect(await archive.list()).toEqual([]);
  expect(await archive.read("a")).toBeUndefined();
  await expect(archive.exportChat("a")).rejects.toThrow(RangeError);
  await expect(archive.importChat(new Blob())).rejects.toMatchObject({
    reason: "unavailable",
  });
  await archive.close();
});

test("chats are found by what was said in them, documents that no chat has left out", async () => {
  const { archive } = await openTestArchive();
  const said = roundToKeep(1, { user: "Où est le café ?", reply: "Là-bas." });
  await archive.saveRounds(chatHead("coffee"), [prefix, said]);
  await archive.saveRounds(chatHead("other"), [prefix, first]);
  await archive.saveDocument("document", roundToKeep(1, { user: "café" }));
  expect(await archive.search("CAFE la-bas")).toEqual([
    {
      chatId: "coffee",
      excerpt: { before: "Où est le ", found: "café", after: " ? Là-bas." },
    },
  ]);
  const signal = AbortSignal.abort(new Error("Enough."));
  await expect(archive.search("cafe", { signal })).rejects.toThrow("Enough.");
});

test("a chat with an owner is in no list but its owner's, also once it was changed", async () => {
  const name = ownName();
  const { archive } = await openTestArchive(name);
  await saveChat(archive, "a");
  await archive.saveRounds(chatHead("b", { owner: "app" }), [prefix, first]);
  await archive.change(chatHead("b"), { shownId: 1 });
  await archive.rename("b", "Mine");
  await archive.saveRounds(chatHead("b"), [roundToKeep(2)]);
  await archive.close();

  const again = (await openTestArchive(name)).archive;
  const idsOf = (chats: { id: string }[]) => chats.map(({ id }) => id);
  expect(idsOf(await again.list())).toEqual(["a"]);
  expect(idsOf(await again.list("app"))).toEqual(["b"]);
  expect(await again.list("another")).toEqual([]);
  const hits = await again.search("question");
  expect(hits.map(({ chatId }) => chatId)).toEqual(["a"]);
  expect((await again.read("b"))?.conversation.owner).toBe("app");
});
