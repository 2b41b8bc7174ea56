// Tools through OpenAI's own client, as an application uses them: asked, called, told what that gave.
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { openAIFetch, type RequestMessage } from "../../../src/api/openai";
import { FakeEngine } from "../../support/fake-engine";

const model = "fake";
const TOOLS = [
  {
    type: "function" as const,
    function: {
      name: "weather",
      description: "Tells the weather",
      parameters: {
        type: "object",
        properties: { city: { type: "string" } },
        required: ["city"],
      },
      strict: true,
    },
  },
];
const CALL = { id: "000001000", name: "weather", arguments: { city: "Oslo" } };
const question = { role: "user" as const, content: "Is it raining in Oslo?" };

/** A client, over an engine that calls first and then answers. */
function world() {
  const engine = new FakeEngine({
    reply: (reply) => {
      const results = reply.kept.results?.map(({ content }) => content);
      if (results) reply.text(`It says: ${results.join()}`);
      else {
        reply.text("I look.");
        reply.call(CALL);
      }
      reply.end();
    },
  });
  const client = new OpenAI({
    apiKey: "none",
    baseURL: "http://rondo.invalid/v1",
    fetch: openAIFetch(engine, { model }),
    dangerouslyAllowBrowser: true,
    maxRetries: 0,
  });
  return { engine, client };
}

const CALL_MESSAGE = {
  id: CALL.id,
  type: "function",
  function: { name: "weather", arguments: '{"city":"Oslo"}' },
};

test("a call is a message's, and what it gave is answered in the same chat", async () => {
  const { engine, client } = world();
  const asked = await client.chat.completions.create({
    model,
    messages: [question],
    tools: TOOLS,
    tool_choice: "auto",
    parallel_tool_calls: true,
  });
  const [choice] = asked.choices;
  expect(choice!.finish_reason).toBe("tool_calls");
  expect(choice!.message).toMatchObject({
    role: "assistant",
    content: "I look.",
    tool_calls: [CALL_MESSAGE],
  });
  const told = await client.chat.completions.create({
    model,
    messages: [
      question,
      choice!.message,
      { role: "tool", tool_call_id: CALL.id, content: "Rain." },
    ],
    tools: TOOLS,
  });
  expect(told.choices[0]).toMatchObject({
    finish_reason: "stop",
    message: { content: "It says: Rain." },
  });
  expect(told.choices[0]!.message.tool_calls).toBeUndefined();
  // The chat has tools, and no round of it was said twice.
  expect(engine.kept).toHaveLength(1);
  const [{ tools, rounds }] = engine.kept as [(typeof engine.kept)[0]];
  expect(tools).toEqual([
    {
      name: "weather",
      description: "Tells the weather",
      parameters: TOOLS[0]!.function.parameters,
    },
  ]);
  expect(rounds).toMatchObject([
    { message: question.content, reply: "I look.", calls: [CALL] },
    {
      message: "",
      results: [{ callId: CALL.id, name: "weather", content: "Rain." }],
    },
  ]);
});

test("a stream has each call as a whole", async () => {
  const { client } = world();
  const stream = client.chat.completions.stream({
    model,
    messages: [question],
    tools: TOOLS,
  });
  const whole = await stream.finalChatCompletion();
  expect(whole.choices[0]!.finish_reason).toBe("tool_calls");
  expect(whole.choices[0]!.message.tool_calls).toMatchObject([CALL_MESSAGE]);
});

test("the client's own loop runs what is called", async () => {
  const { client, engine } = world();
  const cities: string[] = [];
  const runner = client.chat.completions.runTools({
    model,
    messages: [question],
    tools: [
      {
        type: "function",
        function: {
          ...TOOLS[0]!.function,
          parse: JSON.parse as (json: string) => { city: string },
          function: ({ city }: { city: string }) => {
            cities.push(city);
            return "Snow.";
          },
        },
      },
    ],
  });
  expect(await runner.finalContent()).toBe("It says: Snow.");
  expect(cities).toEqual(["Oslo"]);
  expect(engine.kept).toHaveLength(1);
});

test("which tool is called is passed on", async () => {
  const { client, engine } = world();
  const wanted = [
    ["none", "none"],
    ["required", "required"],
    [{ type: "function", function: { name: "weather" } }, { name: "weather" }],
  ] as const;
  for (const [tool_choice, toolChoice] of wanted) {
    await client.chat.completions.create({
      model,
      messages: [question],
      tools: TOOLS,
      tool_choice,
    });
    expect(engine.replies.at(-1)!.options.toolChoice).toEqual(toolChoice);
  }
});

test("another list of tools, or none, is another chat", async () => {
  const { client, engine } = world();
  for (const tools of [TOOLS, undefined, TOOLS])
    await client.chat.completions.create({
      model,
      messages: [question],
      tools,
    });
  expect(engine.kept).toHaveLength(2);
});

test("a message behind what a call gave belongs to it", async () => {
  const { client, engine } = world();
  await client.chat.completions.create({
    model,
    tools: TOOLS,
    messages: [
      question,
      { role: "assistant", tool_calls: [CALL_MESSAGE as never] },
      { role: "tool", tool_call_id: CALL.id, content: "Rain." },
      { role: "user", content: "In one word, please." },
    ],
  });
  expect(engine.kept[0]!.rounds.at(-1)).toMatchObject({
    message: "In one word, please.",
    results: [{ content: "Rain." }],
  });
});

describe("is refused by the name of the field", () => {
  const assistant = (calls: unknown) =>
    ({ role: "assistant", content: "", tool_calls: calls }) as never;
  const call = (json: unknown) => [
    { ...CALL_MESSAGE, function: { name: "weather", arguments: json } },
  ];
  test.each<[string, object]>([
    ["tools", { tools: "weather" }],
    ["tools[0].type", { tools: [{ type: "custom" }] }],
    ["tools[0].function", { tools: [{ type: "function" }] }],
    [
      "tools[0].function.name",
      { tools: [{ type: "function", function: { name: "a b" } }] },
    ],
    [
      "tools[0].function.parameters",
      { tools: [{ type: "function", function: { name: "a", parameters: 1 } }] },
    ],
    ["tools[1].function.name", { tools: [TOOLS[0], TOOLS[0]] }],
    ["tool_choice", { tools: TOOLS, tool_choice: "some" }],
    ["messages[1].tool_calls", { messages: [question, assistant("x")] }],
    [
      "messages[1].tool_calls[0].function.arguments",
      { messages: [question, assistant(call("{"))] },
    ],
    [
      "messages[1].tool_calls[0].function.arguments",
      { messages: [question, assistant(call("[1]"))] },
    ],
    [
      "messages[1].tool_call_id",
      { messages: [question, { role: "tool", content: "Rain." }] },
    ],
    [
      "messages[1].role",
      {
        messages: [
          question,
          { role: "tool", content: "Rain.", tool_call_id: "no" },
        ],
      },
    ],
  ])("%s", async (param, changes) => {
    const { client, engine } = world();
    const messages: RequestMessage[] = [question];
    const request = { model, messages, tools: TOOLS, ...changes };
    await expect(
      client.chat.completions.create(request as never),
    ).rejects.toMatchObject({ status: 400, param });
    expect(engine.replies).toEqual([]);
  });
});
