import { describe, expect, test } from "vitest";
import { calibrationChats } from "../../../src/engine/rounds/calibration-chats";
import { FACTS, FILLER, REPLIES } from "./told-facts";
import { drawn, linesOf, MOST_TOLD, spreadOver, toldChat } from "./told-chats";

const chats = [7001, 7002, 7003].flatMap((seed) =>
  [24, 60].map((size) => toldChat(seed, size)),
);
const named = chats.map(
  (chat) => [`seed ${chat.seed}, ${chat.rounds.length} rounds`, chat] as const,
);

/** Words that any two sentences may share. */
const COMMON = new Set(
  "a an and are at behind by can did do does for from go going have he how i in is it me much must my of off on or our out should so that the them then they thing those to too us was we were what when where which who whom will with work you your".split(
    " ",
  ),
);

function contentWords(text: string): Set<string> {
  const words = text.toLowerCase().match(/[\p{L}\d]+/gu) ?? [];
  return new Set(
    words
      .filter((word) => !COMMON.has(word))
      // Without the endings of plurals and verbs.
      .map((word) => word.replace(/(ing|ed|es|s)$/, "")),
  );
}

describe.each(named)("the chat of %s", (_, chat) => {
  const texts = chat.rounds.map(({ user, reply }) => `${user} ${reply}`);

  test("says each value in the round with the answer alone", () => {
    for (const { value, source, answer } of chat.questions) {
      const wanted = value.toLowerCase();
      const places = [...texts.keys()].filter((i) =>
        texts[i]!.toLowerCase().includes(wanted),
      );
      expect(places).toEqual([source]);
      expect(answer.endsWith(` ${value}.`)).toBe(true);
    }
  });

  test("asks for no value that a question gives away", () => {
    for (const { value } of chat.questions)
      for (const { text } of chat.questions)
        expect(text.toLowerCase()).not.toContain(value.toLowerCase());
  });

  test("has no answer in the last round, and says nothing twice", () => {
    expect(new Set(texts).size).toBe(texts.length);
    for (const { source } of chat.questions)
      expect(source).toBeLessThan(texts.length - 1);
  });

  test("is the same for the same seed", () => {
    expect(toldChat(chat.seed, chat.rounds.length)).toEqual(chat);
  });
});

test("a question in other words shares no content word with the round that tells the fact", () => {
  for (const [message, same, other] of linesOf(FACTS)) {
    const told = contentWords(message!);
    const shared = (text: string) =>
      [...contentWords(text)].filter((word) => told.has(word));
    expect(shared(other!), other).toEqual([]);
    expect(shared(same!), same).not.toEqual([]);
  }
});

test("all lines have their parts, and no line is one of the calibration chats", () => {
  const parts = [
    [FACTS, 5],
    [REPLIES, 5],
    [FILLER, 2],
  ] as const;
  const calibrated = new Set(
    calibrationChats().flatMap(({ rounds }) => rounds.map(({ user }) => user)),
  );
  for (const [lines, count] of parts)
    for (const line of linesOf(lines)) {
      expect(line, line.join(" | ")).toHaveLength(count);
      expect(calibrated.has(line[0]!)).toBe(false);
    }
});

test("there are chats of up to the named size, and none longer", () => {
  expect(toldChat(1, MOST_TOLD).rounds).toHaveLength(MOST_TOLD);
  expect(() => toldChat(1, MOST_TOLD + 2)).toThrow(RangeError);
});

test("a longer chat has the rounds of the short one in order, the last one last, and filler between", () => {
  const isFiller = [true, false, true, false, false];
  const places = spreadOver(40, isFiller, 3);
  expect(places).toHaveLength(40);
  const own = places.filter(({ isCopy }) => !isCopy);
  expect(own.map(({ round }) => round)).toEqual([0, 1, 2, 3, 4]);
  expect(places.at(-1)).toEqual({ round: 4, isCopy: false });
  for (const { round, isCopy } of places)
    if (isCopy) expect(isFiller[round]).toBe(true);
});

test("numbers are drawn without one twice", () => {
  const numbers = drawn(10, 6, 1);
  expect(new Set(numbers).size).toBe(6);
  expect(numbers.every((one) => one >= 0 && one < 10)).toBe(true);
  expect(drawn(3, 6, 1)).toHaveLength(3);
});
