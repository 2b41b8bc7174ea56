// What a reasoning model only thought is not read by later turns.
import { describe, expect, test } from "vitest";
import { ChatTemplate } from "../../../src/model/text/chat-template";
import { canThink, thinkingSpan } from "../../../src/model/text/thinking";
import { withoutThinking } from "../../../src/model/text/thinking-range";

test.each([
  ["It is 4.", "It is 4."],
  ["<think>\nTwo and two.\n</think>\n\nIt is 4.", "It is 4."],
  // The template has opened it.
  ["Two and two.\n</think>\n\nIt is 4.", "It is 4."],
  ["<think></think>It is 4.", "It is 4."],
  ["<think>\nThe tag.\n</think>\n\n`</think>` ends it.", "`</think>` ends it."],
  // Cut off while thinking.
  ["<think>Two and", "<think>Two and"],
  // Marks that are only spoken of.
  ...[
    "It is 4. <think>",
    "The code is 4711. In Qwen the tag </think> ends the thinking.",
    "The tag `</think>` ends it.",
    "Write <think>draft</think> as the example.",
    "So:\n\n<think>\ndraft\n</think>\n\nThat is it.",
    "In code:\n\n```\n</think>\n```\n\nThat is it.",
    "It ends with </think>\nand a new line.",
  ].map((reply) => [reply, reply]),
])("%j is read as %j", (reply, read) => {
  expect(withoutThinking(reply)).toBe(read);
});

describe("the tokens of a reply that are thinking", () => {
  const words = ["<think>", "\n", "Two", "</think>", "\n\n", "It", " is", " 4"];
  const span = (...reply: string[]) =>
    thinkingSpan(
      reply.map((word) => words.indexOf(word)),
      (tokens) => tokens.map((token) => words[token]).join(""),
    );

  test("are those between the marks, the marks and the space behind them", () => {
    expect(span(...words)).toEqual({ from: 0, to: 5 });
    expect(span("<think>", "Two", "</think>", " is")).toEqual({
      from: 0,
      to: 3,
    });
  });

  test("begin with the reply where the template has opened it", () => {
    expect(span("Two", "\n", "</think>", "\n\n", "It")).toEqual({
      from: 0,
      to: 4,
    });
  });

  test("are none without an end, or without a beginning before it", () => {
    expect(span("<think>", "Two")).toBeUndefined();
    expect(span("It", " is", " 4")).toBeUndefined();
    expect(span("It", " is", "</think>", " 4")).toBeUndefined();
    expect(span("It", "<think>", "Two", "</think>", " is")).toBeUndefined();
    expect(span()).toBeUndefined();
  });
});

describe("a model can think or not", () => {
  const turns = (unthinking: string) =>
    new ChatTemplate(
      `{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% if enable_thinking is false %}${unthinking}{% endif %}{% endif %}`,
    );
  const markers = ["<|im_start|>", "<|im_end|>"];

  test("if its template begins a reply in another way then", () => {
    expect(canThink(turns("<think>\n\n</think>\n\n"), markers)).toBe(true);
    expect(canThink(turns(""), markers)).toBe(false);
  });

  test("not if its template then fails", () => {
    const failing = turns("{{ raise_exception('no') }}");
    expect(canThink(failing, markers)).toBe(false);
  });
});
