// Replies drawn at random from what tools allow, by the tokenizers of real models.
import { Validator } from "@cfworker/json-schema";
import { describe, expect, test } from "vitest";
import {
  markedDecoder,
  ReplyCalls,
  type ToolReply,
} from "../../../src/engine/reply/reply-calls";
import { holdToTools } from "../../../src/engine/reply/tool-constraint";
import type { Model } from "../../../src/engine/load/load-model";
import { vocabularyOf } from "../../../src/engine/reply/constrain-reply";
import { callMarks } from "../../../src/model/text/parse-calls";
import type { Tokenizer } from "../../../src/model/text/tokenizer";
import type { ToolDefinition } from "../../../src/store/tools";
import { closing, idsOf } from "../../support/constrained-reply";
import { seededRandom } from "../../support/random";
import { tokenizerOf } from "../../support/tokenizers";

const TREE = {
  type: "object",
  properties: {
    label: { type: "string", maxLength: 5 },
    next: { anyOf: [{ type: "null" }, { $ref: "#" }] },
  },
  required: ["label", "next"],
  additionalProperties: false,
};
const PLACE = {
  type: "object",
  properties: {
    city: { enum: ["Oslo", "東京"] },
    day: { $ref: "#/definitions/day" },
  },
  required: ["city", "day"],
  additionalProperties: false,
  definitions: { day: { type: "integer", minimum: 1, maximum: 31 } },
};
const TOOLS: ToolDefinition[] = [
  { name: "weather", parameters: PLACE },
  { name: "plant", parameters: TREE },
  { name: "now" },
  // Rondo has no such keyword: the arguments are then any object.
  { name: "odd", parameters: { type: "object", unevaluatedItems: false } },
];

const qwen = tokenizerOf("qwen25");
const smolLm = tokenizerOf("smolLm2");
const END = "<|im_end|>";

function held(tokenizer: Tokenizer, reply: Partial<ToolReply> = {}) {
  const model = {
    tokenizer,
    network: { config: { vocabSize: tokenizer.tokenCount } },
  } as unknown as Model;
  const tools: ToolReply = {
    tools: TOOLS,
    format: "hermes",
    choice: "auto",
    ...reply,
  };
  const end = tokenizer.idOf(END)!;
  const constraint = holdToTools(model, tools, [end])!;
  const vocabulary = vocabularyOf(model, [end], callMarks(tools.format));
  return { constraint, vocabulary, tools, end };
}

type Held = ReturnType<typeof held>;

/** Has the model say a text, and then what may follow until the reply or the call ends. */
function draw(
  tokenizer: Tokenizer,
  { constraint, vocabulary, tools, end }: Held,
  said: string,
  seed: number,
) {
  const random = seededRandom(seed);
  const all: number[] = [];
  const take = (token: number) => {
    constraint.accept(token);
    all.push(token);
  };
  for (const token of tokenizer.encodeSegments([{ template: said }]))
    take(token);
  let forced = 0;
  while (!constraint.isFree && all.length < 600) {
    const certain = constraint.forced();
    for (const token of certain) take(token);
    forced += certain.length;
    if (constraint.isFree) break;
    const ids = idsOf(constraint.allowed());
    if (ids.includes(end)) break;
    const isHurried = random() < all.length / 80;
    const from = isHurried ? closing(vocabulary, ids) : ids;
    take(from[Math.floor(random() * from.length)]!);
  }
  const text = markedDecoder(tokenizer, tools.format).decode(all);
  const calls = new ReplyCalls(tools, 7);
  const events = [...calls.push({ type: "text", text }), ...calls.end()];
  return {
    forced,
    ended: all.length < 600,
    text: events.map((one) => (one.type === "text" ? one.text : "")).join(""),
    calls: events.flatMap((one) => (one.type === "call" ? [one.call] : [])),
  };
}

function expectValid({
  name,
  arguments: given,
}: {
  name: string;
  arguments: object;
}) {
  const schema = TOOLS.find((tool) => tool.name === name)!.parameters;
  if (name === "odd") return;
  const validator = new Validator(schema ?? { maxProperties: 0 });
  expect(validator.validate(given).errors).toEqual([]);
}

describe("from the moment that a model opens a call, it is one of the chat's tools'", () => {
  test.each([
    [
      "with a token of its own for the mark",
      qwen,
      "hermes",
      "Let me look.\n<tool_call>",
    ],
    ["with a mark in letters", smolLm, "hermes", "Let me look.\n<tool_call>"],
    ["as the whole reply", qwen, "llama3", '{"name":'],
    [
      "as the whole reply, laid out otherwise",
      smolLm,
      "llama3",
      ' {\n  "name" : "',
    ],
    ["in plain JSON", smolLm, "json", '{"name": "'],
    [
      "in a code box, as Qwen2.5-Coder does",
      qwen,
      "hermes",
      '```json\n{\n  "name": "odd"',
    ],
    ["bare", smolLm, "hermes", '{"name": "plant"'],
    ["in a list", qwen, "json", '[{"name'],
  ] as const)("%s (%#)", (_, tokenizer, format, said) => {
    const names = new Set<string>();
    for (let seed = 1; seed <= 30; seed++) {
      const { calls, text, ended } = draw(
        tokenizer,
        held(tokenizer, { format }),
        format === "json" && said.startsWith("[") ? `${said}":` : said,
        seed,
      );
      expect(ended).toBe(true);
      expect(calls.length).toBeGreaterThan(0);
      expect(text).toBe(said.startsWith("Let") ? "Let me look." : "");
      for (const call of calls) {
        names.add(call.name);
        expectValid(call);
      }
    }
    if (!/odd|plant/.test(said)) expect(names.size).toBeGreaterThan(2);
  });

  test("and what is certain of it is not drawn", () => {
    const tools = TOOLS.slice(0, 1);
    const { forced, calls } = draw(
      qwen,
      held(qwen, { tools }),
      "<tool_call>",
      1,
    );
    expect(calls).toHaveLength(1);
    expect(forced).toBeGreaterThan(10);
  });

  test("where nothing else fits, the model is free to go on", () => {
    const { constraint } = held(qwen);
    for (const token of qwen
      .encodeSegments([{ template: "<tool_call>" }, { content: "weather" }])
      .slice(0, 1))
      constraint.accept(token);
    expect(constraint.isFree).toBe(false);
    const plain = held(smolLm, { format: "json" }).constraint;
    for (const token of smolLm.encodeText('[[{"name": 5}]]'))
      plain.accept(token);
    expect(plain.isFree).toBe(true);
  });
});

describe("a model that thinks first", () => {
  test.each([
    ["json", '{"name": "plant"'],
    ["llama3", '{"name": "plant"'],
    ["hermes", "<tool_call>"],
  ] as const)("calls behind its thinking alone: %s", (format, opening) => {
    const mention = opening.startsWith("{") ? opening : "<tool_call>";
    const thought = `<think>\n${mention} would do.\n</think>\n\n`;
    const { calls, text } = draw(
      smolLm,
      held(smolLm, { format }),
      thought + opening,
      5,
    );
    expect(calls).toHaveLength(1);
    expectValid(calls[0]!);
    expect(text.trimEnd()).toBe(thought.trimEnd());
  });
});

describe("outside of calls", () => {
  test.each(["hermes", "llama3", "json", "mistral"] as const)(
    "anything may be said: %s",
    (format) => {
      const { constraint } = held(smolLm, { format });
      const said = 'A <tool> is {"name": a thing}. [{"x": 1}] ¶ 日本';
      for (const token of smolLm.encodeText(said)) {
        expect(constraint.isFree).toBe(true);
        expect(constraint.forced()).toEqual([]);
        constraint.accept(token);
      }
      expect(constraint.isFree).toBe(true);
    },
  );

  test("and another call may follow", () => {
    const both = held(qwen);
    draw(qwen, both, "<tool_call>", 3);
    expect(both.constraint.isFree).toBe(true);
    const { calls } = draw(qwen, both, "\n<tool_call>", 4);
    expect(calls).toHaveLength(1);
  });
});

test.each(["hermes", "llama3", "mistral", "json"] as const)(
  "a reply that must be a call is one from its first token: %s",
  (format) => {
    const choice = { name: "plant" };
    for (let seed = 1; seed <= 10; seed++) {
      const { calls } = draw(
        smolLm,
        held(smolLm, { format, choice }),
        "",
        seed,
      );
      expect(calls.length).toBeGreaterThan(0);
      for (const call of calls) {
        expect(call.name).toBe("plant");
        expectValid(call);
      }
    }
  },
);
