// The Prompt API over the engine itself, as its explainer and the platform's tests use it.
import { expect, onTestFinished, test, vi } from "vitest";
import {
  createLanguageModel,
  installLanguageModel,
} from "../../../src/api/prompt-api";
import type {
  MemorySnapshot,
  ModelMemory,
} from "../../../src/engine/api/memory-snapshot";
import type { Engine } from "../../../src/engine/engine";
import { FakeEngine } from "../../support/fake-engine";
import {
  plainEngine,
  saying,
  unloadedEngine,
} from "../../support/plain-engine";

vi.mock(
  "../../../src/memory/segment-transfer",
  () => import("../../support/fake-transfer"),
);

async function texts(stream: ReadableStream<string>): Promise<string[]> {
  const found: string[] = [];
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return found;
    found.push(value);
  }
}

/** What the engine says that it has loaded; a fake GPU has no more to tell. */
function tellModel(
  engine: Pick<Engine, "memory">,
  isLoaded = () => true,
): void {
  const model = { name: "fake", contextTokens: 4000 } as ModelMemory;
  vi.spyOn(engine, "memory").mockImplementation(
    async () => (isLoaded() ? { model } : {}) as MemorySnapshot,
  );
}

async function session(replies: string[], options = {}) {
  const engine = await plainEngine({ draw: saying(...replies) });
  tellModel(engine);
  const model = createLanguageModel(engine);
  return { engine, model, session: await model.create(options) };
}

test("a prompt is answered, whole and as texts that follow each other", async () => {
  const { session: one } = await session([" I am Ada.", " Yes, it is."]);
  expect(await one.prompt("Who are you?")).toBe(" I am Ada.");
  const parts = await texts(one.promptStreaming("Really?"));
  expect(parts.length).toBeGreaterThan(1);
  expect(parts.join("")).toBe(" Yes, it is.");
});

test("a session remembers, and reads only what is new", async () => {
  const { engine, session: one } = await session([" One.", " Two."], {
    initialPrompts: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Hello." },
    ],
  });
  const chat = vi.spyOn(engine, "chat");
  await one.prompt("Count.");
  const used = one.contextUsage;
  expect(used).toBeGreaterThan(0);
  await one.append("This is not asked.");
  await one.prompt([
    { role: "user", content: [{ type: "text", value: "Go on." }] },
  ]);
  expect(chat.mock.calls.map(([, message]) => message)).toEqual([
    "Count.",
    "This is not asked.\n\nGo on.",
  ]);
  expect(one.contextUsage).toBeGreaterThan(used);
  expect(one.contextUsage).toBeLessThan(one.contextWindow);
  const [id] = chat.mock.lastCall!;
  const { system, rounds } = await engine.openChat(id);
  expect(system).toBe("Be brief.");
  expect(rounds.map(({ message }) => message)).toEqual([
    "Hi",
    "Count.",
    "This is not asked.\n\nGo on.",
  ]);
  expect(await engine.listChats()).toEqual([]);
});

test("a clone goes on by itself, over the same KV", async () => {
  const { engine, session: one } = await session([" One.", " Two.", " Other."]);
  await one.prompt("Count.");
  const other = await one.clone();
  expect(other.contextUsage).toBe(one.contextUsage);
  await one.prompt("Go on.");
  const chat = vi.spyOn(engine, "chat");
  expect(await other.prompt("Something else.")).toBe(" Other.");
  const [id] = chat.mock.lastCall!;
  const { rounds } = await engine.openChat(id);
  // A branch of the same chat.
  expect(rounds.map(({ message }) => message)).toEqual([
    "Count.",
    "Something else.",
  ]);
  expect(rounds[1]!.versions).toHaveLength(2);
});

test("an aborted prompt rejects with its reason, is forgotten, and the session goes on", async () => {
  const { engine, session: one } = await session([
    " One two three four five six seven eight nine.",
    " Fine.",
  ]);
  const controller = new AbortController();
  const stream = one.promptStreaming("Count.", { signal: controller.signal });
  const reader = stream.getReader();
  await reader.read();
  controller.abort(new Error("enough"));
  await expect(
    (async () => {
      for (;;) if ((await reader.read()).done) return;
    })(),
  ).rejects.toThrow("enough");
  const chat = vi.spyOn(engine, "chat");
  await one.prompt("How are you?");
  expect(chat.mock.lastCall![1]).toBe("How are you?");
  const { rounds } = await engine.openChat(chat.mock.lastCall![0]);
  expect(rounds.map(({ message }) => message)).toEqual(["How are you?"]);
});

test("a destroyed session ends its reply and takes no more", async () => {
  const { session: one } = await session([" One two three four five six."]);
  const running = one.prompt("Count.");
  one.destroy();
  await expect(running).rejects.toMatchObject({
    name: expect.stringMatching(/AbortError|InvalidStateError/) as string,
  });
  const gone = { name: "InvalidStateError" };
  await expect(one.prompt("Hi")).rejects.toMatchObject(gone);
  await expect(one.append("Hi")).rejects.toMatchObject(gone);
  await expect(one.clone()).rejects.toMatchObject(gone);
  await expect(one.measureContextUsage("Hi")).rejects.toMatchObject(gone);
});

test("a prompt is measured without being asked", async () => {
  const { engine, session: one } = await session([]);
  expect(await one.measureContextUsage("How are you?")).toBe(
    await engine.countTokens("How are you?"),
  );
});

test("what is not text is not supported, and what is nonsense is a TypeError", async () => {
  const { model, session: one } = await session([]);
  const image = [
    { role: "user", content: [{ type: "image", value: null }] },
  ] as never;
  const unsupported = { name: "NotSupportedError" };
  await expect(one.prompt(image)).rejects.toMatchObject(unsupported);
  await expect(
    model.create({ expectedInputs: [{ type: "audio" }] }),
  ).rejects.toMatchObject(unsupported);
  expect(
    await model.availability({ expectedInputs: [{ type: "image" }] }),
  ).toBe("unavailable");
  await expect(
    one.prompt([{ role: "user", content: "{", prefix: true }]),
  ).rejects.toMatchObject(unsupported);
  const system = { role: "system", content: "Be brief." } as const;
  await expect(one.prompt([system])).rejects.toThrow(TypeError);
  await expect(
    model.create({ initialPrompts: [{ role: "user", content: "Hi" }, system] }),
  ).rejects.toThrow(TypeError);
  await expect(one.prompt(5 as never)).rejects.toThrow(TypeError);
  await expect(
    one.prompt([{ role: "assistant", content: "Hello." }]),
  ).rejects.toThrow(
    new TypeError(
      "The session's messages must end with one of the user or of a tool: it is the one that is answered.",
    ),
  );
  await expect(
    one.prompt([{ role: "tool", content: "" }] as never),
  ).rejects.toThrow("The role of message 1 must be one of");
});

test("create loads the model once, tells how far it is, and an abort leaves it to others", async () => {
  vi.stubGlobal(
    "ProgressEvent",
    class extends Event {
      readonly loaded: number;
      constructor(type: string, { loaded }: { loaded: number }) {
        super(type);
        this.loaded = loaded;
      }
    },
  );
  onTestFinished(() => {
    vi.unstubAllGlobals();
  });
  const engine = unloadedEngine({ draw: saying(" Hi.", " Ho.") });
  const plainLoad = engine.load.bind(engine);
  let isLoaded = false;
  tellModel(engine, () => isLoaded);
  const load = vi.spyOn(engine, "load");
  load.mockImplementation(async (...args) => {
    const info = await plainLoad(...args);
    isLoaded = true;
    return info;
  });
  const model = createLanguageModel(engine, { model: "one" });
  expect(await model.availability()).toBe("downloadable");
  const controller = new AbortController();
  const given = model.create({ signal: controller.signal });
  const told: number[] = [];
  const waited = model.create({
    monitor: (target) =>
      target.addEventListener("downloadprogress", (event) =>
        told.push((event as ProgressEvent).loaded),
      ),
  });
  controller.abort(new Error("enough"));
  await expect(given).rejects.toThrow("enough");
  expect(await (await waited).prompt("Hi")).toBe(" Hi.");
  expect(load.mock.calls.map(([source]) => source)).toEqual(["one"]);
  expect(told[0]).toBe(0);
  expect(told.at(-1)).toBe(1);
  expect(await model.availability()).toBe("available");
  const none = unloadedEngine();
  tellModel(none, () => false);
  await expect(createLanguageModel(none).create()).rejects.toMatchObject({
    name: "NotSupportedError",
  });
});

test("the global is set where there is none, or where it is to be replaced", async () => {
  const engine = await plainEngine();
  onTestFinished(() => {
    Reflect.deleteProperty(globalThis, "LanguageModel");
  });
  expect(installLanguageModel(engine)).toBe(true);
  const first = Reflect.get(globalThis, "LanguageModel") as unknown;
  expect(installLanguageModel(engine)).toBe(false);
  expect(Reflect.get(globalThis, "LanguageModel")).toBe(first);
  expect(installLanguageModel(engine, { replaces: true })).toBe(true);
  expect(Reflect.get(globalThis, "LanguageModel")).not.toBe(first);
});

test("tools are run while a prompt is answered, and what one throws is told to the model", async () => {
  const engine = new FakeEngine({
    reply: (reply) => {
      const { results } = reply.kept;
      if (results) reply.text(results.map(({ content }) => content).join(" "));
      else
        for (const [i, city] of ["Oslo", "Rome"].entries())
          reply.call({
            id: `00000100${i}`,
            name: "weather",
            arguments: { city },
          });
      reply.end();
    },
  });
  const weather = {
    name: "weather",
    description: "Tells the weather",
    inputSchema: { type: "object", properties: { city: { type: "string" } } },
    execute: async ({ city }: { city?: unknown }) => {
      if (city === "Rome") throw new Error("Nobody is there.");
      return { sky: `rain in ${city as string}` };
    },
  };
  tellModel(engine);
  const model = createLanguageModel(engine);
  const one = await model.create({ tools: [weather] });
  expect(await one.prompt("How is it?")).toBe(
    '{"sky":"rain in Oslo"} Error: Nobody is there.',
  );
  expect(engine.kept[0]!.tools).toMatchObject([{ name: "weather" }]);
  expect(engine.kept[0]!.rounds).toHaveLength(2);
  // The next prompt goes on behind both.
  await one.prompt("And now?");
  expect(engine.kept).toHaveLength(1);
  await expect(
    model.create({ tools: [{ ...weather, name: "a b" }] }),
  ).rejects.toThrow("Tool 1 must have a name");
});

test("a model that only ever calls has to answer in the end", async () => {
  const engine = new FakeEngine({
    reply: (reply) => {
      if (reply.options.toolChoice === "none") reply.text("Enough.");
      else
        reply.call({
          id: String(engine.replies.length).padStart(9, "0"),
          name: "now",
          arguments: {},
        });
      reply.end();
    },
  });
  const now = {
    name: "now",
    description: "Tells the time",
    inputSchema: {},
    execute: async () => 9,
  };
  tellModel(engine);
  const one = await createLanguageModel(engine).create({ tools: [now] });
  expect(await one.prompt("When?")).toBe("Enough.");
  expect(engine.replies).toHaveLength(9);
});
