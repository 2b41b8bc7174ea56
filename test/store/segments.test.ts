import { expect, test } from "vitest";
import { Rounds } from "../../src/store/rounds";
import { Segments } from "../../src/store/segments";
import {
  countOf,
  openOwn,
  ownName,
  putForeign,
  round,
  segment,
} from "./fixtures";

/** Segments with a clock that goes on by one with each look. */
async function openSegments(name = ownName()): Promise<Segments> {
  let nowMs = 0;
  return new Segments(await openOwn(name), () => ++nowMs);
}

test("gives back the bytes it was given, under their fingerprint alone", async () => {
  const segments = await openSegments();
  await segments.put(segment(3, "upper", 100));
  const bytes = await segments.read(["a", 3, "upper"], "f1");
  expect(bytes).toEqual(new Uint8Array(100).fill(3));
  expect(await segments.read(["a", 3, "upper"], "f2")).toBeUndefined();
  expect(await segments.read(["a", 3, "lower"], "f1")).toBeUndefined();
  expect(await segments.get(["a", 3, "upper"])).toMatchObject({ bytes: 100 });
});

test("evicts the least recently used first, and no more than it must", async () => {
  const segments = await openSegments();
  for (const id of [1, 2, 3, 4]) await segments.put(segment(id, "lower", 100));
  await segments.get(["a", 1, "lower"]);
  expect(await segments.evict(150)).toBe(200);
  const { records } = await segments.list();
  expect(records.map(({ roundId }) => roundId)).toEqual([4, 1]);
  expect(await segments.totalBytes()).toBe(200);
});

test("evicts nothing that is pinned, and says how much it freed", async () => {
  const segments = await openSegments();
  for (const id of [1, 2]) await segments.put(segment(id, "lower", 100));
  const isPinned = ({ roundId }: { roundId: number }) => roundId === 1;
  expect(await segments.evict(1000, { isPinned })).toBe(100);
  expect(await segments.get(["a", 1, "lower"])).toBeDefined();
});

test("a segment of another shape is missing, and is deleted", async () => {
  const name = ownName();
  const segments = await openSegments(name);
  for (const torn of [
    { ...segment(1, "lower"), bytes: 65 },
    { ...segment(2, "lower"), blob: "no blob" },
    { conversationId: "a", roundId: 3, half: "lower" },
  ]) {
    await putForeign(name, "segments", torn);
    const key = ["a", torn.roundId, "lower"] as const;
    expect(await segments.get([...key])).toBeUndefined();
  }
  expect(await countOf(name, "segments")).toBe(0);
});

test("a size of another shape is dropped and counted", async () => {
  const name = ownName();
  const segments = await openSegments(name);
  await segments.put(segment(1, "lower"));
  const use = { conversationId: "a", roundId: 2, half: "lower", usedMs: 1 };
  await putForeign(name, "uses", { ...use, bytes: "many" });
  const found = await segments.list();
  expect(found.records).toHaveLength(1);
  expect(found.dropped).toBe(1);
});

test("sweeps what belongs to no round or has no size, and leaves the rest", async () => {
  const name = ownName();
  const database = await openOwn(name);
  const segments = new Segments(database);
  await new Rounds(database).put(round(0));
  await segments.put(segment(0, "lower"));
  await segments.put(segment(1, "lower"));
  await putForeign(name, "segments", segment(0, "upper"));
  expect(await segments.sweep()).toBe(2);
  expect(await segments.get(["a", 0, "lower"])).toBeDefined();
  expect(await countOf(name, "segments")).toBe(1);
});
