// Turns of a model without retrieval heads: everything is read while it fits, then shared words choose.
import { afterEach, expect, test } from "vitest";
import type { LoadOptions } from "../../src/engine/api/models";
import { Engine } from "../../src/engine/engine";
import { demoModelWith } from "../support/demo-model";
import { GREEDY, say } from "../support/say";
import { sharedGpu } from "../support/shared-gpu";

const open: Engine[] = [];
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});

async function engineWith(load: LoadOptions = {}): Promise<Engine> {
  const engine = new Engine({ gpu: sharedGpu });
  open.push(engine);
  // Looked for, and none was good enough.
  await engine.load(await demoModelWith({ index: null }), load);
  return engine;
}

/** What is asked for was said first, with much behind it. */
const TALK = [
  { message: "My cat is called Miso.", reply: "I see." },
  ...Array.from({ length: 29 }, () => ({
    message: "Tell me about boats.",
    reply: "I like boats.",
  })),
];
const QUESTION = "What is my cat called?";

test("a chat that fits is read whole", async () => {
  const engine = await engineWith();
  const chat = await engine.createChat({ history: TALK });
  const { receipt } = await say(engine, chat, QUESTION, GREEDY);
  const { attended, isCut } = receipt.kv.attention;
  expect(attended.map(({ reason }) => reason)).toEqual(TALK.map(() => "all"));
  expect(isCut).toBe(false);
  expect((await engine.memory()).model!.choosesBy).toBe("words");
});

test("of one that does not, the rounds with the question's words and the newest are read, and no others computed", async () => {
  const engine = await engineWith({ memoryBudgetBytes: 1_000_000 });
  const chat = await engine.createChat({ history: TALK });
  const { text, receipt } = await say(engine, chat, QUESTION, {
    ...GREEDY,
    maxTokens: 12,
  });
  const { attended, isCut } = receipt.kv.attention;
  expect(attended[0]).toMatchObject({ id: 1, reason: "words" });
  expect(attended.at(-1)).toMatchObject({ id: 30, reason: "last" });
  expect(attended.at(-2)).toMatchObject({ id: 29, reason: "recent" });
  expect(attended.length).toBeLessThan(TALK.length);
  expect(isCut).toBe(true);
  expect(text).toContain("Miso");
  const { rounds } = (await engine.memory({ chatId: chat })).chat!;
  const ids = attended.map(({ id }) => id);
  for (const { id, tokens, lower, upper } of rounds) {
    if (id === 0 || id > TALK.length) continue;
    const both = lower.gpuBytes > 0 && upper.gpuBytes > 0;
    expect([id, both]).toEqual([id, ids.includes(id)]);
    if (!both) expect([id, tokens, lower.gpuBytes]).toEqual([id, tokens, 0]);
  }
});

test("the paper's way is there where it is asked for", async () => {
  const engine = await engineWith({ selection: "paper" });
  expect((await engine.memory()).model!.choosesBy).toBe("mass");
});
