import { expect, test } from "vitest";
import { Rounds } from "../../src/store/rounds";
import { type ReadSegment, Segments } from "../../src/store/segments";
import { writeRounds } from "../../src/store/round-writer";
import {
  conversation,
  countOf,
  failPuts,
  openOwn,
  ownName,
  putForeign,
  round,
  segment,
} from "./fixtures";

/** Segments of rounds 1 to 4, with a clock that goes on by one with each look. */
async function openSegments(name = ownName()): Promise<Segments> {
  const database = await openOwn(name);
  for (const id of [1, 2, 3, 4]) await new Rounds(database).put(round(id));
  let nowMs = 0;
  return new Segments(database, () => ++nowMs);
}

const lower = (roundId: number): ["a", number, "lower"] => [
  "a",
  roundId,
  "lower",
];

test("gives back the bytes it was given", async () => {
  const segments = await openSegments();
  await segments.put(segment(3, "upper", 100));
  const { bytes } = (await segments.read(
    ["a", 3, "upper"],
    "f1",
  )) as ReadSegment;
  expect(bytes).toEqual(new Uint8Array(100).fill(3));
  expect(await segments.read(lower(3), "f1")).toBe("missing");
});

test("drops a segment that is of another fingerprint", async () => {
  const name = ownName();
  const segments = await openSegments(name);
  await segments.put(segment(3, "lower"));
  expect(await segments.read(lower(3), "f2")).toBe("dropped");
  expect(await segments.read(lower(3), "f1")).toBe("missing");
  expect(await countOf(name, "uses")).toBe(0);
});

test("refuses a segment of a round that is not there", async () => {
  const name = ownName();
  const segments = await openSegments(name);
  await expect(segments.put(segment(5, "lower"))).rejects.toMatchObject({
    reason: "missing",
  });
  expect(await countOf(name, "segments")).toBe(0);
});

test("says what is stored of a chat, by round and half", async () => {
  const segments = await openSegments();
  await segments.put(segment(1, "lower", 10));
  await segments.put(segment(1, "upper", 20));
  await segments.put(segment(3, "lower", 30));
  expect(await segments.uses.ofChat("a")).toMatchObject(
    new Map([
      [1, { lower: { bytes: 10 }, upper: { bytes: 20 } }],
      [3, { lower: { bytes: 30 } }],
    ]),
  );
  expect(await segments.uses.ofChat("b")).toEqual(new Map());
});

test("says what KV was computed behind: the segment itself, or else its round's record", async () => {
  const database = await openOwn();
  const [rounds, segments] = [new Rounds(database), new Segments(database)];
  const [before, now] = ["1".repeat(64), "2".repeat(64)];
  await rounds.put(round(1, { kvContext: before, isApproximate: true }));
  await segments.put(segment(1, "lower", 10));
  const own = { kvContext: now, isExact: true };
  await segments.put({ ...segment(1, "upper", 10), ...own });
  const { lower, upper } = (await segments.uses.ofChat("a")).get(1)!;
  expect(lower).toMatchObject({ kvContext: before, isExact: false });
  expect(upper).toMatchObject(own);
  const { fingerprint } = segment(1, "upper");
  expect(await segments.read(["a", 1, "upper"], fingerprint)).toMatchObject(
    own,
  );
  // The record says so of its old segments also when it is written again.
  await writeRounds(database, conversation("a"), [
    round(1, { reply: "Again" }),
  ]);
  expect((await segments.uses.ofChat("a")).get(1)!.lower).toMatchObject({
    kvContext: before,
  });
});

test("hands out the segments of a chat one by one, also while some go", async () => {
  const segments = await openSegments();
  for (const id of [1, 2, 3]) await segments.put(segment(id, "lower"));
  const ids: number[] = [];
  for await (const { roundId } of segments.ofChat("a")) {
    ids.push(roundId);
    await segments.delete(lower(2));
  }
  expect(ids).toEqual([1, 3]);
});

test("adds up what there is, also of segments that do not say their tokens", async () => {
  const segments = await openSegments();
  await segments.put(segment(1, "lower", 100));
  await segments.put({ ...segment(2, "lower", 50), tokens: 8 });
  await segments.put({ ...segment(2, "upper", 50), tokens: 8 });
  // The first one's round has three tokens, and this is half of it.
  const tokens = 3 / 2 + 8;
  expect(await segments.totals()).toEqual({ count: 3, bytes: 200, tokens });
});

test("evicts the least recently used first, and no more than it must", async () => {
  const segments = await openSegments();
  for (const id of [1, 2, 3, 4]) await segments.put(segment(id, "lower", 100));
  await segments.read(lower(1), "f1");
  expect(await segments.evict(150)).toBe(200);
  const { records } = await segments.uses.list();
  expect(records.map(({ roundId }) => roundId)).toEqual([4, 1]);
  expect(await segments.uses.totalBytes()).toBe(200);
});

test("evicts nothing that is pinned, and says how much it freed", async () => {
  const segments = await openSegments();
  for (const id of [1, 2]) await segments.put(segment(id, "lower", 100));
  const isPinned = ({ roundId }: { roundId: number }) => roundId === 1;
  expect(await segments.evict(1000, { isPinned })).toBe(100);
  expect(await segments.uses.totalBytes()).toBe(100);
});

test("evicts also where the disk is too full to note what was used", async () => {
  const segments = await openSegments();
  await segments.put(segment(1, "lower", 100));
  await segments.read(lower(1), "f1");
  failPuts((store) => store === "uses");
  expect(await segments.evict(100)).toBe(100);
});

test("a segment of another shape is dropped", async () => {
  const name = ownName();
  const segments = await openSegments(name);
  for (const torn of [
    { ...segment(1, "lower"), bytes: 65 },
    { ...segment(2, "lower"), blob: "no blob" },
    { conversationId: "a", roundId: 3, half: "lower" },
  ]) {
    await putForeign(name, "segments", torn);
    expect(await segments.read(lower(torn.roundId), "f1")).toBe("dropped");
  }
  expect(await countOf(name, "segments")).toBe(0);
});

test("a size of another shape is dropped and counted", async () => {
  const name = ownName();
  const segments = await openSegments(name);
  await segments.put(segment(1, "lower"));
  const use = { conversationId: "a", roundId: 2, half: "lower", usedMs: 1 };
  await putForeign(name, "uses", { ...use, bytes: "many" });
  const found = await segments.uses.list();
  expect(found.records).toHaveLength(1);
  expect(found.dropped).toBe(1);
});

test("sweeps what belongs to no round or has no size, and leaves the rest", async () => {
  const name = ownName();
  const database = await openOwn(name);
  const segments = new Segments(database);
  await new Rounds(database).put(round(0));
  await segments.put(segment(0, "lower"));
  await putForeign(name, "segments", segment(1, "lower"));
  await putForeign(name, "segments", segment(0, "upper"));
  expect(await segments.sweep()).toBe(2);
  expect(await countOf(name, "segments")).toBe(1);
  expect(await segments.read(lower(0), "f1")).toMatchObject({
    bytes: expect.objectContaining({ length: 64 }) as Uint8Array,
  });
});
