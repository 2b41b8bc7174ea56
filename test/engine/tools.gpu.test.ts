// Tools on the embedded model, which was never told of any: what it says is held to calls, and kept as rounds are.
import { Validator } from "@cfworker/json-schema";
import { afterAll, describe, expect, test } from "vitest";
import type { ToolDefinition } from "../../src/engine/api/chats";
import { Engine } from "../../src/engine/engine";
import { GREEDY, say } from "../support/say";
import { sharedGpu } from "../support/shared-gpu";

const options = {
  gpu: sharedGpu,
  network: { kvFormat: "f32" as const },
  storeName: `tools test ${crypto.randomUUID()}`,
};
const url = new URL("/models/rondo-tiny/", location.href).href;
const engine = new Engine(options);
await engine.load(url);
afterAll(() => engine.close());

const PLACE = {
  type: "object",
  properties: {
    city: { enum: ["Oslo", "Łódź", "東京"] },
    days: { $ref: "#/$defs/days" },
  },
  required: ["city", "days"],
  additionalProperties: false,
  $defs: { days: { type: "integer", minimum: 1, maximum: 9 } },
};
const TOOLS: ToolDefinition[] = [
  { name: "weather", description: "Tells the weather", parameters: PLACE },
  { name: "now", description: "Tells the time" },
];

/** One chat for all, whose first message has many versions: the tools are read once. */
const chat = await engine.createChat({ tools: TOOLS });

async function called(toolChoice: "required" | { name: string }, seed = 1) {
  const said = await say(engine, chat, "How is the weather?", {
    toolChoice,
    place: { behind: 0 },
    sampler: { temperature: 1.2, topP: 1, seed },
    maxTokens: 100,
  });
  const calls = said.events.flatMap((event) =>
    event.type === "call" ? [event.call] : [],
  );
  return { calls, ...said };
}

describe("a reply that must call", () => {
  test("calls one of the chat's tools, with arguments that are valid by its schema", async () => {
    const validator = new Validator(PLACE as object, "2020-12");
    for (let seed = 1; seed <= 4; seed++) {
      const { calls, text, receipt } = await called("required", seed);
      expect(receipt.finishReason).toBe("stop");
      expect(text).toBe("");
      expect(calls.length).toBeGreaterThan(0);
      for (const { name, arguments: given } of calls) {
        expect(["now", "weather"]).toContain(name);
        if (name === "weather")
          expect(validator.validate(given).errors).toEqual([]);
        else expect(given).toEqual({});
      }
    }
  });

  test("calls the one that is named", async () => {
    const { calls } = await called({ name: "weather" });
    expect(calls.map(({ name }) => name)).toContain("weather");
    expect(calls.map(({ name }) => name)).not.toContain("now");
    const { rounds, tools } = await engine.openChat(chat);
    expect(tools).toEqual(TOOLS);
    expect(rounds[0]).toMatchObject({ reply: "", calls, isFinished: true });
  });

  test("is refused where there is no such tool, and leaves no message", async () => {
    const chat = await engine.createChat({ tools: TOOLS });
    const calling = (toolChoice: "required" | { name: string }) =>
      say(engine, chat, "Hi", { toolChoice });
    await expect(calling({ name: "rain" })).rejects.toThrow(RangeError);
    await expect(calling({ name: "rain" })).rejects.toThrow(
      "the chat's tools are weather, now",
    );
    const empty = await engine.createChat();
    await expect(
      say(engine, empty, "Hi", { toolChoice: "required" }),
    ).rejects.toThrow("the chat has no tools");
  });
});

test("a reply without a call is the same text as without the tools' rules", async () => {
  const asking = { ...GREEDY, maxTokens: 24, place: { behind: 0 } };
  const free = await say(engine, chat, "My cat is called Miso.", asking);
  const none = await say(engine, chat, "My cat is called Miso.", {
    ...asking,
    toolChoice: "none",
  });
  expect(free.text).toBe(none.text);
  expect(free.events.some((event) => event.type === "call")).toBe(false);
});

test("a chat goes on with what a call gave, and is the same after a reload", async () => {
  const { calls, receipt } = await called({ name: "weather" });
  const results = calls.map(({ id, name }) => ({
    callId: id,
    name,
    content: "It rains.",
  }));
  const asking = { ...GREEDY, toolChoice: "none" as const, maxTokens: 20 };
  const next = await say(engine, chat, "", { ...asking, results });
  // The call is attended to, and its KV is not computed again.
  const { kv } = next.receipt;
  const attended = kv.attention.attended.map(({ id }) => id);
  expect(attended).toContain(receipt.roundId);
  expect(kv.prefilledTokens).toBeLessThan(kv.cachedTokens);
  const { rounds } = await engine.openChat(chat);
  expect(rounds[1]).toMatchObject({ message: "", results });

  await engine.leaveChat(chat);
  const again = new Engine(options);
  await again.load(url);
  const reopened = await again.openChat(chat);
  expect(reopened.tools).toEqual(TOOLS);
  expect(reopened.rounds.map(({ calls, results }) => [calls, results])).toEqual(
    [
      [calls, undefined],
      [undefined, results],
    ],
  );
  const later = await say(again, chat, "Thanks.", asking);
  expect(later.receipt.kv.restoredTokens).toBeGreaterThan(0);
  const read = later.receipt.kv.prefilledTokens;
  const file = await again.exportChat(chat);
  await again.close();
  // A file has them, too.
  const { id } = await engine.importChat(file);
  const imported = await engine.openChat(id);
  expect(imported.tools).toEqual(TOOLS);
  expect(imported.rounds[0]!.calls).toEqual(calls);
  expect(read).toBeLessThan(40);
});

test("calls and results from elsewhere are read as if the model had written them", async () => {
  const call = { id: "a", name: "now", arguments: {} };
  const history = [
    { message: "What time is it?", reply: "", calls: [call] },
    {
      message: "",
      results: [{ callId: "a", name: "now", content: "It is 9." }],
      reply: "It is 9.",
    },
  ];
  const chat = await engine.createChat({ history });
  const plain = await engine.createChat();
  const asking = { ...GREEDY, toolChoice: "none" as const, maxTokens: 8 };
  const { receipt } = await say(engine, chat, "Hello!", asking);
  const { receipt: alone } = await say(engine, plain, "Hello!", asking);
  const more = receipt.kv.prefilledTokens - alone.kv.prefilledTokens;
  expect(more).toBeGreaterThan(20);
});

test("another list of tools is told from then on", async () => {
  const chat = await engine.createChat();
  await say(engine, chat, "Hello!", { ...GREEDY, maxTokens: 8 });
  const { tools } = await engine.setTools(chat, [TOOLS[1]!]);
  expect(tools).toEqual([TOOLS[1]]);
  const { events } = await say(engine, chat, "And now?", {
    toolChoice: "required",
    maxTokens: 60,
  });
  expect(events.find((event) => event.type === "call")).toMatchObject({
    call: { name: "now" },
  });
  const without = await engine.setTools(chat, undefined);
  expect(without.tools).toBeUndefined();
});
