/** docs/openai.md: its examples run, and it names every field that sets something. */
import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";
import { streamText } from "ai";
import OpenAI from "openai";
import { expect, it, vi } from "vitest";
import { rondo } from "../../src/api/ai-sdk";
import { createLanguageModel } from "../../src/api/prompt-api";
import type { MemorySnapshot } from "../../src/engine/api/memory-snapshot";
import { openAIFetch } from "../../src/api/openai";
import { REFUSED, SETTINGS } from "../../src/api/openai/request-fields";
import { CreateMLCEngine, type MLCEngineConfig } from "../../src/api/web-llm";
import { saying, unloadedEngine } from "../support/plain-engine";

vi.mock(
  "../../src/memory/segment-transfer",
  () => import("../support/fake-transfer"),
);

const page = readFileSync("docs/openai.md", "utf8");
const examples = [...page.matchAll(/```js\n([^]*?)```/g)].map(
  ([, code]) => code!,
);

/** Runs an example with what it imports, and gives what it prints. */
async function run(code: string, imports: object): Promise<string[]> {
  const printed: string[] = [];
  const console = { log: (text: string) => printed.push(text) };
  const names = Object.keys({ ...imports, console }).join(", ");
  const imported = [...code.matchAll(/^import .*?(\w+)(?: \})? from/gm)];
  for (const [, name] of imported) expect(Object.keys(imports)).toContain(name);
  const body = code.replaceAll(/^import .*\n/gm, "");
  const example = runInThisContext(`(async ({ ${names} }) => {${body}})`) as (
    names: object,
  ) => Promise<void>;
  await example({ ...imports, console });
  return printed;
}

const REPLY = " My name is Ada.";
const engineOf = () => unloadedEngine({ draw: saying(REPLY) });

it("a client chats as its first example says", async () => {
  const RemoteEngine = function () {
    return engineOf();
  };
  const imports = { OpenAI, RemoteEngine, openAIFetch };
  const printed = await run(examples[0]!, imports);
  expect(printed.join("")).toBe(REPLY);
});

it("an app of WebLLM's chats as the other one says", async () => {
  const create = (modelId: string, config: MLCEngineConfig) =>
    CreateMLCEngine(modelId, { ...config, createEngine: engineOf });
  const printed = await run(examples[1]!, { CreateMLCEngine: create });
  expect(printed.at(-1)).toBe(REPLY);
});

it("the AI SDK chats as its example says", async () => {
  const RemoteEngine = function () {
    return engineOf();
  };
  const printed = await run(examples[2]!, { streamText, RemoteEngine, rondo });
  expect(printed.join("")).toBe(REPLY);
});

it("a session of the Prompt API is as its example says", async () => {
  const RemoteEngine = function () {
    const engine = engineOf();
    let isLoaded = false;
    const load = engine.load.bind(engine);
    vi.spyOn(engine, "load").mockImplementation(async (...args) => {
      const info = await load(...args);
      isLoaded = true;
      return info;
    });
    const model = { name: "fake", contextTokens: 4000 };
    vi.spyOn(engine, "memory").mockImplementation(
      async () => (isLoaded ? { model } : {}) as MemorySnapshot,
    );
    return engine;
  };
  vi.stubGlobal("ProgressEvent", Event);
  const printed = await run(examples[3]!, {
    RemoteEngine,
    createLanguageModel,
  });
  vi.unstubAllGlobals();
  expect(printed.join("")).toBe(REPLY);
  expect(examples).toHaveLength(4);
});

it("it names each field that sets something, and none that is refused among them", () => {
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  const named = rows.flatMap((row) =>
    [...row.split(" | ")[0]!.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );
  expect(named).toEqual(expect.arrayContaining(Object.keys(SETTINGS)));
  for (const name of Object.keys(REFUSED)) expect(named).not.toContain(name);
});
