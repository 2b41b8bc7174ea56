import { expect, test } from "vitest";
import { ReadAhead } from "../../../src/engine/restore/read-ahead";
import type { SegmentSource } from "../../../src/engine/restore/kv-restore";
import { newRound } from "../../../src/memory/round";

/** A source that notes what it is asked for. */
function noting() {
  const asked: string[] = [];
  const source: SegmentSource = {
    read: (round, half) => {
      asked.push(`${round.id} ${half}`);
      return Promise.resolve("missing");
    },
  };
  return { asked, source };
}

function storedRound(id: number) {
  const round = newRound(id, [1]);
  round.upper.stored.bytes = round.lower.stored.bytes = 100;
  return round;
}

test("what was begun is read once", async () => {
  const { asked, source } = noting();
  const ahead = new ReadAhead(source, "upper");
  const round = storedRound(1);
  ahead.begin([round, round]);
  expect(asked).toEqual(["1 upper"]);
  expect(await ahead.read(round, "upper")).toBe("missing");
  expect(asked).toEqual(["1 upper"]);
  // Asked for again it is read again: the pages may have gone meanwhile.
  await ahead.read(round, "upper");
  expect(asked).toEqual(["1 upper", "1 upper"]);
});

test("what is on the GPU, or not stored, is not read ahead", () => {
  const { asked, source } = noting();
  const resident = storedRound(1);
  resident.upper.pages.push(0);
  new ReadAhead(source, "upper").begin([resident, newRound(2, [1])]);
  expect(asked).toEqual([]);
});

test("the other half is read when it is asked for", async () => {
  const { asked, source } = noting();
  const ahead = new ReadAhead(source, "upper");
  const round = storedRound(1);
  ahead.begin([round]);
  await ahead.read(round, "lower");
  expect(asked).toEqual(["1 upper", "1 lower"]);
});
