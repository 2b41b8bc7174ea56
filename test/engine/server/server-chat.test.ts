// The engine with a model on a server: over HTTP, to a server that answers as the known ones do.
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { EngineNotice } from "../../../src/engine/api/notice";
import type { ReplyEvent, ReplyOptions } from "../../../src/engine/api/replies";
import type { ServerReceipt } from "../../../src/engine/api/receipt";
import { NoArchive } from "../../../src/engine/archive/archive";
import type { RoundFields } from "../../../src/engine/chat/chat-round";
import { Engine } from "../../../src/engine/engine";
import type { ModelFiles } from "../../../src/model/files/model-files";
import {
  fakeLlmServer,
  type FakeLlmServer,
  type FakeLlmServerOptions,
} from "../../support/fake-llm-server";
import { plainModel } from "../../support/plain-model";
import { say } from "../../support/say";

vi.mock(
  "../../../src/memory/segment-transfer",
  () => import("../../support/fake-transfer"),
);

async function serverOf(
  options?: FakeLlmServerOptions,
): Promise<FakeLlmServer> {
  const server = await fakeLlmServer(options);
  onTestFinished(() => server.close());
  return server;
}

/** An engine whose local model is a plain one; notes what is written. */
function engineOf() {
  const written = new Map<number, Pick<RoundFields, "reply" | "isFinished">>();
  const notices: EngineNotice[] = [];
  const archive = Object.assign(new NoArchive(), {
    saveRounds: async (_: unknown, rounds: readonly RoundFields[]) => {
      for (const { id, reply, isFinished } of rounds)
        written.set(id, { reply, isFinished });
      return true;
    },
  });
  const engine = new Engine({
    openFiles: () => ({}) as ModelFiles,
    openModel: async () => plainModel({ segmentFingerprint: "plain" }),
    openArchive: async () => archive,
  });
  engine.onNotice((notice) => notices.push(notice));
  onTestFinished(() => engine.close());
  return { engine, written, notices };
}

interface Asked {
  text: string;
  receipt: ServerReceipt;
  events: ReplyEvent[];
}

/** Asks and waits for the end. */
async function ask(
  engine: Engine,
  chatId: string,
  message: string,
  options: ReplyOptions = {},
): Promise<Asked> {
  const events: ReplyEvent[] = [];
  for await (const event of engine.chat(chatId, message, options))
    events.push(event);
  const last = events.at(-1);
  if (last?.type !== "end" || !last.receipt.server)
    throw new Error("the reply did not end with a server's receipt");
  const { receipt } = last;
  const text = events.map((one) => (one.type === "text" ? one.text : ""));
  return { text: text.join(""), receipt: receipt as ServerReceipt, events };
}

async function servedChat(
  options?: FakeLlmServerOptions,
  more: { system?: string; apiKey?: string; blendSeparator?: string } = {},
) {
  const server = await serverOf(options);
  const found = engineOf();
  const { system, ...source } = more;
  const info = await found.engine.load({
    endpoint: server.endpoint,
    ...source,
  });
  const chatId = await found.engine.createChat(system ? { system } : {});
  return { ...found, server, chatId, info };
}

describe("loading a model on a server", () => {
  test("needs no GPU, and tells what the server says of it", async () => {
    const { info, server } = await servedChat({ kind: "llama-server" });
    expect(info).toMatchObject({
      name: "tiny",
      contextTokens: 4096,
      canThink: true,
      server: {
        endpoint: server.endpoint,
        model: "tiny",
        kind: "llama-server",
        models: ["tiny"],
      },
    });
    expect(info.device).toBeUndefined();
  });

  test.each([
    ["vLLM", 32768, true],
    ["Ollama", 0, true],
    ["LM Studio", 0, false],
    ["other", 0, false],
  ] as const)("knows %s", async (kind, contextTokens, canThink) => {
    const { info } = await servedChat({ kind });
    expect(info).toMatchObject({ contextTokens, canThink, server: { kind } });
  });

  test("refuses a model that the server does not list, and names what it has", async () => {
    const { endpoint } = await serverOf({ kind: "vLLM", models: ["a", "b"] });
    const { engine } = engineOf();
    await expect(engine.load({ endpoint, model: "c" })).rejects.toThrow(
      /has no model "c"\. It has a, b\./,
    );
    await expect(engine.load({ endpoint, model: "b" })).resolves.toMatchObject({
      name: "b",
    });
  });

  test("takes an Ollama model without its tag", async () => {
    const models = ["qwen3:latest"];
    const { endpoint } = await serverOf({ kind: "Ollama", models });
    const { engine } = engineOf();
    await expect(
      engine.load({ endpoint, model: "qwen3" }),
    ).resolves.toMatchObject({ name: "qwen3" });
  });

  test("names a model by its file, without the folder", async () => {
    const models = ["/home/me/models/tiny.Q4.gguf"];
    const { info } = await servedChat({ models });
    expect(info).toMatchObject({
      name: "tiny.Q4.gguf",
      server: { model: models[0] },
    });
  });

  test("asks for a key, and tells a wrong one", async () => {
    const { endpoint } = await serverOf({ apiKey: "sk-right" });
    const { engine } = engineOf();
    await expect(engine.load({ endpoint })).rejects.toMatchObject({
      name: "ServerError",
      reason: "key",
      message: expect.stringContaining("asks for a key") as string,
    });
    const wrong = engine.load({ endpoint, apiKey: "sk-wrong" });
    await expect(wrong).rejects.toThrow(/refused this key/);
    await expect(wrong).rejects.not.toThrow(/sk-wrong/);
    await expect(
      engine.load({ endpoint, apiKey: "sk-right" }),
    ).resolves.toMatchObject({ name: "tiny" });
  });

  test("that fails leaves the model before where it was", async () => {
    const { engine, chatId } = await servedChat();
    await expect(
      engine.load({ endpoint: "http://127.0.0.1:9/v1" }),
    ).rejects.toMatchObject({ reason: "unreachable" });
    expect((await ask(engine, chatId, "Hi")).text).toBe("Hello.");
  });

  test("refuses names that it does not know", async () => {
    const { engine } = engineOf();
    const source = { endpoint: "http://h/v1", modle: "x" };
    await expect(
      engine.load(source as unknown as { endpoint: string }),
    ).rejects.toThrow(/source of load\(\) must be .*endpoint, model\?/);
  });
});

describe("a reply of a server", () => {
  test("streams, is kept, and says where it ran and what the cache gave", async () => {
    const { engine, server, chatId, written } = await servedChat(undefined, {
      system: "Be brief.",
    });
    const first = await ask(engine, chatId, "Hi");
    expect(first.events.map(({ type }) => type)).toEqual([
      "prefill",
      "prefill",
      "text",
      "text",
      "end",
    ]);
    expect(first.text).toBe("Hello.");
    expect(first.receipt).toMatchObject({
      finishReason: "stop",
      replyTokens: 2,
      server: {
        endpoint: server.endpoint,
        model: "tiny",
        promptTokens: "Be brief.\nHi".length,
        cachedTokens: 0,
        leftOut: [],
      },
    });
    const second = await ask(engine, chatId, "And you?");
    expect(second.receipt.server.cachedTokens).toBe("Be brief.\nHi".length);
    expect(server.asked.at(-1)!.body).toMatchObject({
      model: "tiny",
      stream: true,
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Hi" },
        { role: "assistant", content: "Hello." },
        { role: "user", content: "And you?" },
      ],
    });
    expect(written.get(1)).toEqual({ reply: "Hello.", isFinished: true });
    const { rounds } = await engine.openChat(chatId);
    expect(rounds.map(({ reply, modelName }) => [reply, modelName])).toEqual([
      ["Hello.", "tiny"],
      ["Hello.", "tiny"],
    ]);
  });

  test.each(["llama-server", "vLLM", "Ollama"] as const)(
    "of %s keeps its thinking apart, and sends none of it back",
    async (kind) => {
      const parts = ["thinks Two ", "thinks and two.", "\n\nIt is ", "4."];
      const { engine, server, chatId } = await servedChat({ kind, parts });
      const { text } = await ask(engine, chatId, "2 + 2?");
      expect(text).toBe("<think>\nTwo and two.\n</think>\n\nIt is 4.");
      await ask(engine, chatId, "Sure?");
      expect(server.asked.at(-1)!.body.messages[1]).toEqual({
        role: "assistant",
        content: "It is 4.",
      });
    },
  );

  test("whose text has the marks itself is read the same", async () => {
    const parts = ["<think>\n", "Hm.\n</think>\n\nYes."];
    const { engine, server, chatId } = await servedChat({ parts });
    await ask(engine, chatId, "A?");
    await ask(engine, chatId, "B?");
    expect(server.asked.at(-1)!.body.messages[1]!.content).toBe("Yes.");
  });

  test("that says no counts has none in its receipt", async () => {
    const { engine, chatId } = await servedChat({ kind: "Ollama" });
    const { receipt } = await ask(engine, chatId, "Hi", {
      sampler: { topK: 3 },
    });
    expect(receipt.server.cachedTokens).toBeUndefined();
    expect(receipt.server.leftOut).toEqual(["topK"]);
    expect(receipt.seed).toBeUndefined();
  });

  test("ends at the length limit", async () => {
    const { engine, chatId } = await servedChat({ finishReason: "length" });
    const { receipt } = await ask(engine, chatId, "Hi", { maxTokens: 2 });
    expect(receipt.finishReason).toBe("length");
  });

  test("can be stopped: the request ends, and what came stays", async () => {
    const { engine, server, chatId, written } = await servedChat({
      hangs: true,
    });
    const stop = new AbortController();
    const events: ReplyEvent[] = [];
    for await (const event of engine.chat(chatId, "Hi", {
      signal: stop.signal,
    })) {
      events.push(event);
      if (event.type === "text" && event.text === "lo.") stop.abort();
    }
    expect(events.at(-1)).toMatchObject({
      type: "end",
      receipt: { finishReason: "aborted", replyTokens: 2 },
    });
    await vi.waitFor(() => expect(server.asked[0]!.hasLeft).toBe(true));
    expect(written.get(1)).toEqual({ reply: "Hello.", isFinished: true });
  });

  test("that is left early ends its request, and what came stays", async () => {
    const { engine, server, chatId } = await servedChat({ hangs: true });
    for await (const event of engine.chat(chatId, "Hi"))
      if (event.type === "text") break;
    await vi.waitFor(() => expect(server.asked[0]!.hasLeft).toBe(true));
    const { rounds } = await engine.openChat(chatId);
    expect(rounds[0]).toMatchObject({ reply: "Hel", isFinished: true });
  });

  test.each([
    ["whose connection breaks off", { cutAfter: 1 }, /broke off/],
    ["that ends with an error", { errorAfter: 1 }, /“out of memory”/],
  ])("%s keeps what came, and says so", async (_, options, problem) => {
    const { engine, chatId, written } = await servedChat(options);
    const { text, receipt } = await ask(engine, chatId, "Hi");
    expect(text).toBe("Hel");
    expect(receipt.finishReason).toBe("cut");
    expect(receipt.server.problem).toMatch(problem);
    expect(written.get(1)).toEqual({ reply: "Hel", isFinished: false });
  });

  test.each([
    ["breaks off", { cutAfter: 0 }, "failed"],
    [
      "is refused",
      { fails: { status: 429, body: "{}", headers: { "retry-after": "5" } } },
      "busy",
    ],
    ["is no reply", { fails: { status: 200, body: '{"choices":7}' } }, "reply"],
  ] as const)(
    "that %s before its first word fails, and can be asked for again",
    async (_, options, reason) => {
      const { engine, server, chatId } = await servedChat(options);
      await expect(ask(engine, chatId, "Hi")).rejects.toMatchObject({
        name: "ServerError",
        reason,
      });
      const history = await engine.openChat(chatId);
      const [round] = history.rounds;
      expect(round).toMatchObject({ message: "Hi", isFinished: false });
      server.options = {};
      let text = "";
      for await (const event of engine.reply(chatId, round!.id))
        if (event.type === "text") text += event.text;
      expect(text).toBe("Hello.");
    },
  );

  test("of a server that does not stream comes at once", async () => {
    const body = JSON.stringify({
      choices: [{ message: { content: "Whole." }, finish_reason: "stop" }],
      usage: { prompt_tokens: 3, completion_tokens: 1 },
    });
    const { engine, chatId } = await servedChat({
      fails: { status: 200, body },
    });
    expect((await ask(engine, chatId, "Hi")).text).toBe("Whole.");
  });

  test("does without fields that the server refuses, and asks for them no more", async () => {
    const refused = ["top_k", "stream_options"];
    const { engine, server, chatId } = await servedChat({
      kind: "other",
      refused,
    });
    const options = { sampler: { topK: 3, temperature: 0 } };
    const { receipt } = await ask(engine, chatId, "Hi", options);
    expect(receipt.server.leftOut).toEqual(["topK"]);
    expect(server.asked.length).toBe(3);
    await ask(engine, chatId, "Hi", options);
    expect(server.asked.length).toBe(4);
    expect(server.asked.at(-1)!.body).toMatchObject({ temperature: 0 });
  });

  test("sends the key with each request, and shows it nowhere", async () => {
    const { engine, server, chatId, notices } = await servedChat(
      { apiKey: "sk-secret" },
      { apiKey: "sk-secret" },
    );
    await ask(engine, chatId, "Hi");
    const [{ headers, body }] = server.asked as [(typeof server.asked)[0]];
    expect(headers["authorization"]).toBe("Bearer sk-secret");
    const file = await (
      await engine.exportChat(chatId, { format: "markdown" })
    ).text();
    const snapshot = await engine.memory({ chatId, withText: true });
    const shown = JSON.stringify([body, notices, snapshot, file]);
    expect(shown).not.toContain("sk-secret");
    // It was revoked since.
    server.options.apiKey = "sk-other";
    const failed = ask(engine, chatId, "Hi");
    await expect(failed).rejects.toThrow(/refused this key/);
    await expect(failed).rejects.not.toThrow(/sk-secret/);
  });

  test("is asked for with a separator between rounds, which nobody sees", async () => {
    const { engine, server, chatId } = await servedChat(
      { kind: "vLLM" },
      { blendSeparator: "\n# #\n" },
    );
    await engine.attach(chatId, { name: "a.txt", text: "Grey." });
    await ask(engine, chatId, "Hi");
    const sent = server.asked.at(-1)!.body.messages;
    expect(sent.map(({ content }) => content)).toEqual([
      "\n# #\nHere is a note. Grey.",
      "Got it, I have the note.",
      "\n# #\nHi",
    ]);
    const { rounds } = await engine.openChat(chatId);
    expect(JSON.stringify(rounds)).not.toContain("# #");
  });
});

describe("a chat between this device and a server", () => {
  test("goes on in the middle, both ways", async () => {
    const { endpoint, asked } = await serverOf();
    const { engine } = engineOf();
    await engine.load("/plain/");
    const chatId = await engine.createChat({ system: "Be brief." });
    const local = await say(engine, chatId, "One", { maxTokens: 3 });
    expect(local.receipt.kv.prefilledTokens).toBeGreaterThan(0);

    await engine.load({ endpoint });
    const served = await ask(engine, chatId, "Two");
    expect(asked[0]!.body.messages).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: "One" },
      { role: "assistant", content: local.text },
      { role: "user", content: "Two" },
    ]);
    expect(served.receipt.kv).toBeUndefined();

    await engine.load("/plain/");
    const again = await say(engine, chatId, "Three", { maxTokens: 3 });
    expect(again.receipt.kv.attention.roundCount).toBe(2);
    // What the server replied is read here, too.
    expect(again.receipt.kv.prefilledTokens).toBeGreaterThan(
      local.receipt.kv.prefilledTokens + "Hello.".length,
    );
    const { rounds } = await engine.openChat(chatId);
    expect(rounds.map(({ reply }) => reply)).toEqual([
      local.text,
      "Hello.",
      again.text,
    ]);
  });

  test("reads a document that was attached while a server answered", async () => {
    const { endpoint, asked } = await serverOf();
    const { engine } = engineOf();
    await engine.load({ endpoint });
    const chatId = await engine.createChat();
    await expect(
      engine.attach(chatId, { name: "a.txt", text: "It is grey." }),
    ).resolves.toMatchObject({ encodedTokens: 0, reusedTokens: 0 });
    await ask(engine, chatId, "Hi");
    expect(asked[0]!.body.messages[0]!.content).toContain("It is grey.");
    await engine.load("/plain/");
    const { receipt } = await say(engine, chatId, "Two", { maxTokens: 3 });
    expect(receipt.kv.attention.roundCount).toBe(2);
  });

  test("edits, versions and branches are the same", async () => {
    const { engine, server, chatId } = await servedChat();
    await ask(engine, chatId, "One");
    await ask(engine, chatId, "Two");
    const events = engine.chat(chatId, "Other", { place: { behind: 0 } });
    for await (const event of events) void event;
    expect(server.asked.at(-1)!.body.messages).toEqual([
      { role: "user", content: "Other" },
    ]);
    const { rounds } = await engine.showVersion(chatId, 1);
    expect(rounds.map(({ message }) => message)).toEqual(["One", "Two"]);
    await engine.deleteRound(chatId, 1);
    await engine.setSystem(chatId, "New.");
    await engine.pinRound(chatId, 2, true);
    await ask(engine, chatId, "Three");
    expect(server.asked.at(-1)!.body.messages).toEqual([
      { role: "system", content: "New." },
      { role: "user", content: "Two" },
      { role: "assistant", content: "Hello." },
      { role: "user", content: "Three" },
    ]);
  });

  test("what needs KV here says so, or has nothing to do", async () => {
    const { engine, chatId } = await servedChat();
    await ask(engine, chatId, "One");
    await expect(engine.verify(chatId, 1)).rejects.toThrow(
      /needs a model that runs on this device/,
    );
    await expect(engine.countTokens("a")).rejects.toThrow(/runs on a server/);
    await expect(engine.restoreChat(chatId)).resolves.toMatchObject({
      restoredTokens: 0,
    });
    const snapshot = await engine.memory({ chatId });
    expect(snapshot.gpu).toBeUndefined();
    await engine.evictRound(chatId, 1);
    await engine.wipeKv(chatId);
  });
});

describe("tools", () => {
  const tools = [{ name: "weather", parameters: { type: "object" } }];

  test("are sent, and calls come in pieces", async () => {
    const server = await serverOf({
      parts: [
        "I look.",
        'call 0 weather {"ci',
        'call 0  ty":"Oslo"}',
        "call 1 weather ",
      ],
      finishReason: "tool_calls",
    });
    const { engine } = engineOf();
    await engine.load({ endpoint: server.endpoint });
    const chat = await engine.createChat({ tools });
    const asked = { toolChoice: { name: "weather" } };
    const { text, events } = await ask(engine, chat, "Is it raining?", asked);
    expect(text).toBe("I look.");
    const calls = events.flatMap((one) =>
      one.type === "call" ? one.call : [],
    );
    expect(calls).toEqual([
      { id: "000001000", name: "weather", arguments: { city: "Oslo" } },
      { id: "000001001", name: "weather", arguments: {} },
    ]);
    expect(server.asked[0]!.body).toMatchObject({
      tools: [{ type: "function", function: { name: "weather" } }],
      tool_choice: { type: "function", function: { name: "weather" } },
    });
    server.options = { parts: ["It is."] };
    const results = calls.map(({ id, name }) => ({
      callId: id,
      name,
      content: "Rain.",
    }));
    await say(engine, chat, "", { results }).catch(() => undefined);
    expect(server.asked[1]!.body.messages.slice(1)).toMatchObject([
      { role: "assistant", content: "I look.", tool_calls: [{}, {}] },
      { role: "tool", content: "Rain." },
      { role: "tool", content: "Rain." },
    ]);
  });

  test("are not called with what is no object, or has no name of a tool", async () => {
    const server = await serverOf({
      parts: [
        "No.",
        "call 0 weather [1]",
        'call 1 a.b {"x":1}',
        "call 2 weather {",
      ],
    });
    const { engine } = engineOf();
    await engine.load({ endpoint: server.endpoint });
    const chat = await engine.createChat({ tools });
    const { text, events } = await ask(engine, chat, "Is it raining?");
    expect(text).toBe("No.");
    expect(events.some(({ type }) => type === "call")).toBe(false);
  });
});
