// A chat of any length in a fixed budget: what does not fit goes to the store, and comes back when it matters.
import { expect, test } from "vitest";
import { Engine } from "../../src/engine/engine";
import { ownName } from "../store/fixtures";
import { say } from "../support/say";
import { sharedGpu } from "../support/shared-gpu";

const MODEL = new URL("/models/rondo-tiny/", location.href).href;
/** 16 tokens through all layers: two matrices of 2 heads, 16 tokens and 32 numbers of 2 bytes a layer. */
const PAGE_BYTES = 8 * 2 * 2 * 16 * 32 * 2;

const TOLD = [
  "My cat is called Miso.",
  "My locker code is 4821.",
  "I live in Oslo.",
  "I play chess.",
  "My sister is called Ada.",
  "I like green tea.",
  "My bike is red.",
  "Hello!",
  "My dog is called Biscuit.",
  "I work in a library.",
  "Thank you.",
  "My brother is called Tom.",
];

test("a chat goes on when its lower halves alone outgrow the budget", async () => {
  // Room for two thirds of its lower halves.
  const memoryBudgetBytes = 15 * PAGE_BYTES;
  const engine = new Engine({ gpu: sharedGpu, storeName: ownName() });
  await engine.load(MODEL, { memoryBudgetBytes });
  const chat = await engine.createChat();
  const kvBytes: number[] = [];
  const note = async () => {
    const { bytes, peakKvBytes } = (await engine.memory()).gpu!;
    kvBytes.push(bytes["lower pages"] + bytes["upper pages"]);
    expect(peakKvBytes).toBeLessThanOrEqual(memoryBudgetBytes);
  };
  for (const message of TOLD) {
    await say(engine, chat, message, {
      sampler: { temperature: 0 },
      maxTokens: 24,
    });
    await note();
  }
  const { text, receipt } = await say(engine, chat, "What is my locker code?");
  await note();
  const { attention } = receipt.kv;
  expect(attention.roundCount).toBe(TOLD.length);
  expect(attention.readCount).toBeLessThan(TOLD.length);
  expect(attention.fullKvBytes).toBeGreaterThan(memoryBudgetBytes);
  expect(attention.kvBytes).toBeLessThanOrEqual(memoryBudgetBytes);
  expect(attention.attended.map(({ id }) => id)).toContain(2);
  expect(text).toContain("4821");
  expect(receipt.kv.prefilledTokens).toBeLessThan(20);
  await engine.close();
});
