import { describe, expect, it } from "vitest";
import type { ServerKind } from "../../../src/engine/api/models";
import type { ReplyOptions } from "../../../src/engine/api/replies";
import {
  refusedFields,
  requestFields,
} from "../../../src/engine/server/request-fields";

const none = new Set<string>();

/** As they are sent. */
const sent = (
  options: ReplyOptions,
  kind: ServerKind = "other",
  refused: ReadonlySet<string> = none,
) => {
  const { fields, leftOut } = requestFields(options, kind, refused);
  const json = JSON.parse(JSON.stringify(fields)) as Record<string, unknown>;
  return { ...json, leftOut };
};

describe("a request", () => {
  it("leaves to the server what was not asked for", () => {
    expect(sent({})).toEqual({
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 1024,
      leftOut: [],
    });
  });

  it("has the sampler's settings by OpenAI's names", () => {
    const sampler = {
      temperature: 0,
      topP: 0.5,
      presencePenalty: 1,
      frequencyPenalty: -1,
      seed: 7,
      logitBias: { 5: -100 },
    };
    expect(sent({ sampler, maxTokens: 9.5, stop: ["END"] })).toMatchObject({
      temperature: 0,
      top_p: 0.5,
      presence_penalty: 1,
      frequency_penalty: -1,
      seed: 7,
      logit_bias: { 5: -100 },
      max_tokens: 9,
      stop: ["END"],
      leftOut: [],
    });
  });

  const more = { sampler: { topK: 3, minP: 0.1, repetitionPenalty: 1.2 } };
  it.each([
    ["llama-server", { top_k: 3, min_p: 0.1, repeat_penalty: 1.2 }, []],
    ["vLLM", { top_k: 3, min_p: 0.1, repetition_penalty: 1.2 }, []],
    ["Ollama", {}, ["topK", "minP", "repetitionPenalty"]],
    ["LM Studio", { top_k: 3, repeat_penalty: 1.2 }, ["minP"]],
  ] as const)("for %s names the rest as it does", (kind, fields, leftOut) => {
    const all = sent(more, kind);
    expect(all).toMatchObject({ ...fields, leftOut });
    const names = ["top_k", "min_p", "repeat_penalty", "repetition_penalty"];
    expect(Object.keys(all).filter((name) => names.includes(name))).toEqual(
      Object.keys(fields),
    );
  });

  it.each([
    ["llama-server", { chat_template_kwargs: { enable_thinking: false } }],
    ["vLLM", { chat_template_kwargs: { enable_thinking: false } }],
    ["Ollama", { reasoning_effort: "none" }],
    ["LM Studio", { leftOut: ["thinks"] }],
    ["other", { leftOut: ["thinks"] }],
  ] as const)("asks %s not to think", (kind, fields) => {
    expect(sent({ thinks: false }, kind)).toMatchObject(fields);
    expect(sent({ thinks: true }, kind)).toEqual(sent({}, kind));
  });

  it("has a reply's format", () => {
    const schema = { type: "object", properties: { a: { type: "number" } } };
    const json_schema = { name: "reply", strict: true, schema };
    expect(sent({ responseFormat: "json" }, "vLLM")).toMatchObject({
      response_format: { type: "json_object" },
      chat_template_kwargs: { enable_thinking: false },
    });
    expect(sent({ responseFormat: { schema } })).toMatchObject({
      response_format: { type: "json_schema", json_schema },
      leftOut: [],
    });
    expect(sent({ responseFormat: "json" }, "LM Studio")).toMatchObject({
      response_format: {
        type: "json_schema",
        json_schema: { ...json_schema, schema: { type: "object" } },
      },
      leftOut: [],
    });
  });

  it("asks llama-server for its progress", () => {
    expect(sent({}, "llama-server")).toMatchObject({ return_progress: true });
    expect(sent({}, "vLLM")).not.toHaveProperty("return_progress");
  });

  it("does without what was refused, and says so", () => {
    const refused = new Set(["top_k", "stream_options", "max_tokens"]);
    const all = sent(more, "other", refused);
    expect(all).toMatchObject({
      max_completion_tokens: 1024,
      min_p: 0.1,
      leftOut: ["topK"],
    });
    for (const name of refused) expect(all).not.toHaveProperty(name);
  });

  it("refuses what no server's answer is read for", () => {
    expect(() => sent({ topLogprobs: 2 })).toThrow(/topLogprobs needs a model/);
  });
});

describe("a refusal", () => {
  const { fields } = requestFields({ sampler: { topK: 3 } }, "other", none);

  it.each([
    ["Unrecognized request argument supplied: top_k", ["top_k"]],
    [
      "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
      ["max_tokens"],
    ],
    ["temperature must be at most 2", []],
    ["min_p is unknown", []],
    ["stop_k top_kind", []],
  ])("%j is of %j", (words, names) => {
    expect(refusedFields(fields, words)).toEqual(names);
  });
});
