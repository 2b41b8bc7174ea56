import fc from "fast-check";
import { expect, test } from "vitest";
import {
  chooseByWords,
  type WordedRound,
} from "../../../src/engine/rounds/choose-by-words";

/** Rounds 1, 2, ... of these scores, a hundred bytes each. */
function rounds(...scores: number[]): WordedRound[] {
  return scores.map((score, i) => ({
    id: i + 1,
    score,
    bytes: 100,
    isPinned: false,
  }));
}

const reasons = (chosen: ReturnType<typeof chooseByWords>) =>
  chosen.rounds.map(({ id, reason }) => `${id} ${reason}`);

test("the round with the question's words and the newest ones are chosen", () => {
  const chat = rounds(0, 5, 0, 0, 0, 0, 0, 0, 0, 0);
  const chosen = chooseByWords(chat, 300);
  expect(reasons(chosen)).toEqual(["2 words", "9 recent", "10 last"]);
  expect(chosen.capturedMass).toBe(1);
  expect(chosen.isCut).toBe(true);
});

test("without shared words the newest are chosen", () => {
  const chosen = chooseByWords(rounds(0, 0, 0, 0), 200);
  expect(reasons(chosen)).toEqual(["3 recent", "4 last"]);
  expect(chosen.capturedMass).toBe(0.5);
});

test("an old round that fits best goes before a new one that fits little", () => {
  const chat = rounds(9, ...Array.from({ length: 200 }, () => 0), 1, 0, 0);
  expect(reasons(chooseByWords(chat, 300))).toContain("1 words");
});

test("pinned rounds are chosen first", () => {
  const chat = rounds(0, 0, 3, 2, 0);
  chat[0]!.isPinned = true;
  expect(reasons(chooseByWords(chat, 200))).toEqual(["1 pinned", "5 last"]);
});

test("all are chosen where all fit, and never more than fit", () => {
  const round = fc.record({
    score: fc.nat(9),
    bytes: fc.integer({ min: 1, max: 50 }),
    isPinned: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(round), fc.nat(600), (some, budget) => {
      const chat = some.map((one, i) => ({ ...one, id: i + 1 }));
      const { rounds: chosen, isCut } = chooseByWords(chat, budget);
      const all = chat.reduce((sum, { bytes }) => sum + bytes, 0);
      const taken = chosen.map(({ id }) => chat[id - 1]!.bytes);
      expect(taken.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(budget);
      expect(isCut).toBe(chosen.length < chat.length);
      if (all <= budget) expect(chosen).toHaveLength(chat.length);
    }),
  );
});
