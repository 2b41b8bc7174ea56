import { expect, test } from "vitest";
import { wordScores } from "../../../src/engine/rounds/word-scores";

const best = (scores: readonly number[]) => scores.indexOf(Math.max(...scores));

test("the text with the question's rarest words scores best, and one without any scores 0", () => {
  const texts = [
    "I like green tea. That is nice.",
    "My cat is called Miso. A fine name for a cat.",
    "My bike is red. I like red.",
    "",
  ];
  const scores = wordScores(texts, "What is the name of my cat?");
  expect(best(scores)).toBe(1);
  expect(scores[2]).toBeLessThan(scores[1]!);
  expect(scores[3]).toBe(0);
  expect(wordScores(texts, "Where?")).toEqual([0, 0, 0, 0]);
});

test.each([
  [
    "Japanese",
    ["昨日は雨でした。", "私の猫の名前はミソです。"],
    "猫の名前は何ですか",
  ],
  ["Chinese", ["我喜欢绿茶。", "我的猫叫味噌。"], "我的猫叫什么名字？"],
  ["Russian", ["Я живу в Осло.", "Мою кошку зовут Мисо."], "Как зовут кошку?"],
  ["full width", ["tea", "ＣＡＴ and dog"], "cat"],
])("finds words in %s", (_, texts, question) => {
  expect(best(wordScores(texts, question))).toBe(1);
});

test("words that mean something to an object are words", () => {
  const scores = wordScores(["a constructor", "__proto__"], "constructor");
  expect(scores[0]).toBeGreaterThan(0);
  expect(scores[1]).toBe(0);
});
