import { expect, test } from "vitest";
import type { Database } from "../../src/store/database";
import { writeWithEviction } from "../../src/store/write-with-eviction";
import { Rounds } from "../../src/store/rounds";
import { Segments } from "../../src/store/segments";
import { StoreError } from "../../src/util/errors";
import { openOwn, round, segment } from "./fixtures";

const full = new StoreError("quota", "Could not keep it: no room.");

/** Segments of rounds 0 to 2, of 100 bytes each. */
async function openFilled(): Promise<Segments> {
  const database: Database = await openOwn();
  let nowMs = 0;
  const segments = new Segments(database, () => ++nowMs);
  for (const id of [0, 1, 2]) {
    await new Rounds(database).put(round(id));
    await segments.put(segment(id, "lower", 100));
  }
  return segments;
}

/** A write that finds room once no more than so many bytes of segments are left. */
function writeBelow(segments: Segments, bytes: number) {
  return async () => {
    if ((await segments.uses.totalBytes()) > bytes) throw full;
    return "written";
  };
}

test("evicts nothing where there is room", async () => {
  const segments = await openFilled();
  const write = writeBelow(segments, 300);
  expect(await writeWithEviction(segments, write, 100, [{}])).toBe("written");
  expect(await segments.uses.totalBytes()).toBe(300);
});

test("the least recently used make way, those that are pinned only if others do not do", async () => {
  const segments = await openFilled();
  const isPinned = ({ roundId }: { roundId: number }) => roundId === 0;
  const evictions = [{ isPinned }, {}];
  const some = writeBelow(segments, 200);
  expect(await writeWithEviction(segments, some, 100, evictions)).toBe(
    "written",
  );
  const { records } = await segments.uses.list();
  expect(records.map(({ roundId }) => roundId)).toEqual([0, 2]);
  const most = writeBelow(segments, 0);
  expect(await writeWithEviction(segments, most, 300, evictions)).toBe(
    "written",
  );
});

test("says that there is no room where nothing helps, and tries no more than it must", async () => {
  const segments = await openFilled();
  let tries = 0;
  const write = async () => {
    tries++;
    throw full;
  };
  const none = { isPinned: () => true };
  await expect(
    writeWithEviction(segments, write, 100, [none, {}]),
  ).rejects.toBe(full);
  expect(tries).toBe(2);
});

test("another error is no reason to evict", async () => {
  const segments = await openFilled();
  const write = () => Promise.reject(new StoreError("closed", "Closed."));
  await expect(
    writeWithEviction(segments, write, 100, [{}]),
  ).rejects.toMatchObject({ reason: "closed" });
  expect(await segments.uses.totalBytes()).toBe(300);
});
