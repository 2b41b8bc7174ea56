// Thinking and answer of a reply, however it is cut.
import fc from "fast-check";
import { expect, test } from "vitest";
import { ThinkingSplit } from "../../../src/api/ai-sdk/thinking-split";

function split(texts: readonly string[]) {
  const one = new ThinkingSplit();
  const pieces = [...texts.flatMap((text) => one.push(text)), ...one.end()];
  const of = (type: string) =>
    pieces
      .filter((piece) => piece.type === type)
      .map(({ text }) => text)
      .join("");
  return { reasoning: of("reasoning"), text: of("text") };
}

test.each([
  ["<think>\nWell.\n</think>\n\nYes.", "\nWell.\n", "Yes."],
  ["Yes.", "", "Yes."],
  ["", "", ""],
  ["<thin", "", "<thin"],
  ["<think>Well, a < b", "Well, a < b", ""],
  ["<think>a </thin b</think>c", "a </thin b", "c"],
  ["I say <think> and </think> here.", "", "I say <think> and </think> here."],
])("of %j are %j and %j", (reply, reasoning, text) => {
  fc.assert(
    fc.property(fc.array(fc.nat(reply.length)), (cuts) => {
      const at = [...new Set([0, ...cuts, reply.length])].sort((a, b) => a - b);
      const texts = at.slice(1).map((to, i) => reply.slice(at[i], to));
      expect(split(texts)).toEqual({ reasoning, text });
    }),
  );
});

test("is told as soon as it is clear", () => {
  const one = new ThinkingSplit();
  expect(one.push("<think>Wel")).toEqual([{ type: "reasoning", text: "Wel" }]);
  expect(one.push("l</th")).toEqual([{ type: "reasoning", text: "l" }]);
  expect(one.push("ink>\n")).toEqual([]);
  expect(one.push("Yes")).toEqual([{ type: "text", text: "Yes" }]);
});
