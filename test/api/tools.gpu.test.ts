// Tools through each of the other faces, with the embedded model, which is made to call.
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { afterAll, expect, test } from "vitest";
import { rondo } from "../../src/api/ai-sdk";
import { createOpenAI } from "../../src/api/openai";
import { Engine } from "../../src/engine/engine";
import { sharedGpu } from "../support/shared-gpu";

const engine = new Engine({
  gpu: sharedGpu,
  storeName: `tools test ${crypto.randomUUID()}`,
});
const { name } = await engine.load(
  new URL("/models/rondo-tiny/", location.href).href,
);
afterAll(() => engine.close());

const PARAMETERS = {
  type: "object",
  properties: { city: { enum: ["Oslo", "Rome"] } },
  required: ["city"],
  additionalProperties: false,
} as const;

test("the AI SDK runs what is called, and goes on with what it gave", async () => {
  const cities: string[] = [];
  const tools = {
    weather: tool({
      description: "Tells the weather",
      inputSchema: jsonSchema<{ city: string }>(PARAMETERS as object),
      execute: ({ city }) => {
        cities.push(city);
        return { sky: `rain in ${city}` };
      },
    }),
  };
  const { steps } = await generateText({
    model: rondo(engine),
    prompt: "How is the weather?",
    tools,
    toolChoice: "required",
    stopWhen: stepCountIs(2),
    maxOutputTokens: 100,
  });
  expect(steps).toHaveLength(2);
  for (const step of steps) {
    expect(step.finishReason).toBe("tool-calls");
    expect(step.toolCalls.length).toBeGreaterThan(0);
    for (const { toolName, input } of step.toolCalls) {
      expect(toolName).toBe("weather");
      expect(["Oslo", "Rome"]).toContain((input as { city: string }).city);
    }
  }
  expect(cities.length).toBe(steps.flatMap((step) => step.toolCalls).length);
  // The second step reads the results, and keeps the KV of the rest.
  const { cachedInputTokens, inputTokens } = steps[1]!.usage;
  expect(cachedInputTokens).toBeGreaterThan(steps[0]!.usage.inputTokens! - 8);
  expect(inputTokens! - cachedInputTokens!).toBeLessThan(120);
});

test("the AI SDK's stream has a call in its parts", async () => {
  const stream = streamText({
    model: rondo(engine),
    prompt: "How is the weather?",
    tools: {
      weather: tool({
        inputSchema: jsonSchema<{ city: string }>(PARAMETERS as object),
      }),
    },
    toolChoice: { type: "tool", toolName: "weather" },
    maxOutputTokens: 100,
  });
  const kinds: string[] = [];
  for await (const { type } of stream.fullStream) kinds.push(type);
  expect(kinds).toEqual(
    expect.arrayContaining([
      "tool-input-start",
      "tool-input-end",
      "tool-call",
      "finish",
    ]),
  );
  expect(await stream.finishReason).toBe("tool-calls");
});

test("OpenAI's tools are held to their schema", async () => {
  const { chat } = createOpenAI(engine);
  const made = await chat.completions.create({
    model: name,
    messages: [{ role: "user", content: "How is the weather?" }],
    tools: [
      {
        type: "function",
        function: { name: "weather", parameters: PARAMETERS },
      },
    ],
    tool_choice: "required",
    max_tokens: 100,
    temperature: 1,
    seed: 3,
  });
  const [{ message, finish_reason }] = made.choices;
  expect(finish_reason).toBe("tool_calls");
  expect(message.content).toBeNull();
  for (const { function: called } of message.tool_calls!) {
    const { city } = JSON.parse(called.arguments) as { city: string };
    expect(["Oslo", "Rome"]).toContain(city);
  }
});
