// Options that an engine does not have are refused by name, in the engine itself and behind a worker.
import { describe, expect, test } from "vitest";
import { CALLS, type CallName } from "../../../src/engine/api/calls";
import { NoArchive } from "../../../src/engine/archive/archive";
import { Engine, type EngineOptions } from "../../../src/engine/engine";
import { joinOptions, splitOptions } from "../../../src/engine/api/calls";

const engine = new Engine({
  openArchive: async () => new NoArchive(),
});

/** Calls a method as untyped code does. */
async function call(name: CallName, ...args: unknown[]): Promise<unknown> {
  const method = Reflect.get(engine, name) as (...args: unknown[]) => unknown;
  const result = method.apply(engine, args);
  if (CALLS[name].kind !== "stream") return result;
  for await (const _ of result as AsyncIterable<unknown>);
  return undefined;
}

/** The same behind a worker: what stays with the caller is taken off, the rest cloned, and put together again. */
function throughWorker(name: CallName, ...args: unknown[]): Promise<unknown> {
  const { args: sent, options } = splitOptions(name, args);
  return call(name, ...joinOptions(name, structuredClone(sent), options));
}

const UNKNOWN: [CallName, args: unknown[], where: string][] = [
  ["load", ["m", { weightsBits: 4 }], "load() has no option weightsBits"],
  ["planModel", ["m", { refresh: true }], "planModel() has no option refresh"],
  ["listChats", [{ all: true }], "listChats() has no option all"],
  ["searchChats", ["q", { limit: 3 }], "searchChats() has no option limit"],
  [
    "createChat",
    [{ systemPrompt: "Hi" }],
    "createChat() has no option systemPrompt",
  ],
  ["exportChat", ["c", { withKV: true }], "exportChat() has no option withKV"],
  ["importChat", [new Blob(), { kv: true }], "importChat() has no option kv"],
  [
    "addMessage",
    ["c", "Hi", { behind: 1 }],
    "addMessage() has no option behind",
  ],
  ["addRounds", ["c", [], { behind: 1 }], "addRounds() has no option behind"],
  ["deleteRound", ["c", 1, { fast: true }], "deleteRound() has no option fast"],
  ["chat", ["c", "Hi", { maxToken: 3 }], "chat() has no option maxToken"],
  ["reply", ["c", 1, { place: {} }], "reply() has no option place"],
  [
    "attach",
    ["c", { name: "", text: "" }, { title: "x" }],
    "attach() has no option title",
  ],
  ["memory", [{ withTexts: true }], "memory() has no option withTexts"],
  ["verify", ["c", 1, { full: true }], "verify() has no option full"],
  ["restoreChat", ["c", { upper: true }], "restoreChat() has no option upper"],
];

describe("an option that there is none of is refused", () => {
  test.each(UNKNOWN)("by %s", async (name, args, message) => {
    await expect(call(name, ...args)).rejects.toThrow(RangeError);
    await expect(call(name, ...args)).rejects.toThrow(message);
    await expect(throughWorker(name, ...args)).rejects.toThrow(message);
  });

  test("with the names that there are", async () => {
    await expect(call("memory", { withTexts: true })).rejects.toThrow(
      "memory() has no option withTexts. The options of memory() are chatId, withText.",
    );
  });

  test("and with the place where it belongs", async () => {
    await expect(call("chat", "c", "Hi", { temperature: 0 })).rejects.toThrow(
      "chat() has no option temperature. It belongs into sampler: { sampler: { temperature: … } }. The options of chat() are attention,",
    );
    await expect(
      call("chat", "c", "Hi", { sampler: { ratio: 1 } }),
    ).rejects.toThrow(
      "chat() has no option sampler.ratio. It belongs into fusion: { fusion: { ratio: … } }. The options of sampler are frequencyPenalty, logitBias, minP, presencePenalty, repetitionPenalty,",
    );
    await expect(
      call("chat", "c", "Hi", { sampler: { maxTokens: 1 } }),
    ).rejects.toThrow("It belongs beside sampler, not into it.");
  });

  test("in a group of a group's name, and in a place", async () => {
    await expect(
      call("reply", "c", 1, { attention: { share: 1 } }),
    ).rejects.toThrow("reply() has no option attention.share.");
    await expect(
      call("chat", "c", "Hi", { place: { after: 1 } }),
    ).rejects.toThrow("The options of place are before, behind.");
  });

  test("under names that every object has, too", async () => {
    await expect(call("memory", { toString: 1 })).rejects.toThrow(
      "no option toString",
    );
    await expect(
      call("chat", "c", "Hi", { constructor: { name: 1 } }),
    ).rejects.toThrow("no option constructor");
  });

  test("also behind a worker where its value can't be cloned", async () => {
    const onProgres = () => undefined;
    await expect(throughWorker("load", "m", { onProgres })).rejects.toThrow(
      "load() has no option onProgres.",
    );
    const abort = AbortSignal.timeout(1000);
    await expect(throughWorker("chat", "c", "Hi", { abort })).rejects.toThrow(
      "chat() has no option abort.",
    );
    const onProgress = () => undefined;
    await expect(
      throughWorker("chat", "c", "Hi", { onProgress }),
    ).rejects.toThrow("chat() has no option onProgress.");
  });

  test("as is what is no object", async () => {
    const message =
      "The options of exportChat() must be an object of format, withKv.";
    await expect(call("exportChat", "c", true)).rejects.toThrow(message);
    await expect(throughWorker("exportChat", "c", null)).rejects.toThrow(
      message,
    );
    await expect(
      throughWorker("chat", "c", "Hi", { sampler: 0 }),
    ).rejects.toThrow(
      "sampler of chat() must be an object of frequencyPenalty,",
    );
    await expect(throughWorker("chat", "c", "Hi", 5)).rejects.toThrow(
      "The options of chat() must be an object",
    );
  });

  test("before anything is done: a stream that nobody reads fails nowhere", async () => {
    engine.reply("c", 1, { tau: 1 } as object);
    await new Promise((resolve) => setTimeout(resolve, 20));
  });

  test("by a new engine", () => {
    const options = { storName: "mine" } as EngineOptions;
    expect(() => new Engine(options)).toThrow(
      "new Engine() has no option storName. Its options are gpu,",
    );
  });
});

test("An option without a value is as good as none, whatever its name", async () => {
  const snapshot = { chatId: undefined, withTexts: undefined };
  await expect(call("memory", snapshot)).resolves.toBeDefined();
  await expect(
    call("createChat", { system: undefined, history: undefined }),
  ).resolves.toEqual(expect.any(String));
});

test("Every option that there is, is taken", async () => {
  const { signal } = new AbortController();
  const onProgress = () => undefined;
  const options = {
    sampler: {
      temperature: 0,
      topK: 1,
      topP: 1,
      minP: 0,
      repetitionPenalty: 1,
      presencePenalty: -2,
      frequencyPenalty: 2,
      logitBias: { 3: -100, 4: 100 },
      seed: 1,
    },
    stop: ["\n\n"],
    responseFormat: "json",
    topLogprobs: 20,
    attention: { mode: "all", tau: 1, kMin: 1, budgetBytes: 1, pinned: [1] },
    fusion: { variant: "a3", ratio: 1 },
    thinks: false,
    maxTokens: 3,
    signal,
    place: { behind: 0, before: undefined },
  };
  // What comes next fails: there is no model.
  await expect(call("chat", "c", "Hi", options)).rejects.not.toThrow("option");
  await expect(
    call(
      "attach",
      "c",
      { name: "a", text: "b", size: 1 },
      { signal, onProgress },
    ),
  ).rejects.not.toThrow("option");
});

describe("an argument that is not what it must be is refused", () => {
  const history = [{ role: "user", content: "Hi" }];
  const WRONG: [CallName, args: unknown[], message: string][] = [
    [
      "chat",
      ["c", undefined],
      "message of chat() must be a string; it is undefined.",
    ],
    ["chat", ["c", null], "it is null."],
    ["chat", ["c", 42], "it is 42."],
    [
      "chat",
      [undefined, "Hi"],
      "chatId of chat() must be a string that is not empty; it is undefined.",
    ],
    ["addMessage", ["c", { text: "Hi" }], "it is an object of text."],
    [
      "chat",
      ["c", "Hi", { stop: ["a", ""] }],
      "stop of chat() must be a list of at most 16 strings that are not empty;",
    ],
    ["chat", ["c", "Hi", { stop: "a" }], 'it is "a".'],
    [
      "chat",
      ["c", "Hi", { responseFormat: { type: "object" } }],
      "responseFormat of chat() must be json, or { schema: object }; it is an object of type.",
    ],
    [
      "chat",
      ["c", "Hi", { topLogprobs: 21 }],
      "topLogprobs of chat() must be an integer from 0 to 20; it is 21.",
    ],
    [
      "chat",
      ["c", "Hi", { sampler: { logitBias: { a: 1 } } }],
      "sampler.logitBias of chat() must be an object of numbers from -100 to 100 by token id; it is an object of a.",
    ],
    ["chat", ["c", "Hi", { sampler: { logitBias: { 1: 101 } } }], "of 1."],
    [
      "createChat",
      [{ history }],
      "history of createChat() must be a list of { message: string, reply: string }, perhaps with calls and results; it is a list that begins with an object of role, content.",
    ],
    ["createChat", [{ system: 5 }], "system of createChat() must be a string"],
    [
      "load",
      [undefined],
      "source of load() must be an address, a name on the hub, a list of Files, or { endpoint, model?, apiKey?, blendSeparator? } of strings; it is undefined.",
    ],
    ["load", [""], 'it is "".'],
    ["load", [[]], "it is an empty list."],
    ["load", [["m.gguf"]], "it is a list that begins with"],
    [
      "load",
      ["m", { memoryBudgetBytes: NaN }],
      "memoryBudgetBytes of load() must be a positive number; it is NaN.",
    ],
    [
      "load",
      ["m", { weightBits: 5 }],
      "weightBits of load() must be 4, 8 or 16; it is 5.",
    ],
    ["load", ["m", { hubUrl: 3 }], "hubUrl of load() must be a string"],
    [
      "planModel",
      ["m", { contextTokens: 1.5 }],
      "contextTokens of planModel() must be a positive integer",
    ],
    ["reply", ["c", "1"], "roundId of reply() must be an integer"],
    [
      "chat",
      ["c", "Hi", { sampler: { temperature: null } }],
      "sampler.temperature of chat() must be a number; it is null.",
    ],
    [
      "chat",
      ["c", "Hi", { thinks: "no" }],
      "thinks of chat() must be true or false",
    ],
    [
      "attach",
      ["c", "text"],
      "document of attach() must be { name: string, text: string }",
    ],
    [
      "addRounds",
      ["c", [{ message: "Hi" }]],
      "rounds of addRounds() must be a list of { message: string, reply: string }",
    ],
    [
      "createChat",
      [{ owner: "" }],
      "owner of createChat() must be a string that is not empty",
    ],
    ["importChat", ["{}"], "file of importChat() must be a Blob"],
    [
      "pinRound",
      ["c", 1],
      "isPinned of pinRound() must be true or false; it is undefined.",
    ],
    [
      "moveRound",
      ["c", 1, undefined],
      "behind of moveRound() must be an integer",
    ],
    [
      "setSystem",
      ["c", null],
      "system of setSystem() must be a string or undefined",
    ],
    ["searchChats", [], "query of searchChats() must be a string"],
  ];

  test.each(WRONG)("by %s(%j)", async (name, args, message) => {
    await expect(call(name, ...args)).rejects.toThrow(TypeError);
    await expect(call(name, ...args)).rejects.toThrow(message);
  });
});

test("closing twice is harmless", async () => {
  const own = new Engine({ openArchive: async () => new NoArchive() });
  await Promise.all([own.close(), own.close()]);
  await own.close();
});
