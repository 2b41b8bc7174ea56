// The memory panel of the built page, with the engine that it looks into.
import type { Browser } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { MemorySnapshot } from "../../src/engine/api/memory-snapshot";
import { ChatPage, launch } from "./browser";

const MESSAGES = [
  "My cat is called Miso.",
  "I live in Oslo.",
  "What is my cat called?",
];

let browser: Browser;
let chat: ChatPage;

beforeAll(async () => {
  browser = await launch();
  chat = await ChatPage.open(browser, {
    viewport: { width: 1300, height: 900 },
  });
  await countCalls();
});
afterAll(() => browser.close());

/** Counts what is asked of the page's engine about memory, from now on. */
function countCalls(): Promise<void> {
  return chat.page.locator("rondo-chat").evaluate((element) => {
    const { engine } = element as HTMLElementTagNameMap["rondo-chat"];
    const memory = engine!.memory.bind(engine);
    Object.assign(window, { asked: 0 });
    engine!.memory = (options) => {
      (window as unknown as { asked: number }).asked++;
      return memory(options);
    };
  });
}

const asked = () => chat.page.evaluate<number>("asked");
const button = (name: string) =>
  chat.page.getByRole("button", { name, exact: true });

/** What the panel draws, by way of its own source. */
function snapshot(): Promise<MemorySnapshot> {
  return chat.page.locator("rondo-memory").evaluate((element) => {
    const { chatId, source } = element as HTMLElementTagNameMap["rondo-memory"];
    return source!.memory({ chatId });
  });
}

/** Of the first message's round. */
async function firstRound() {
  const { chat: kept } = await snapshot();
  return kept!.rounds.find(({ id }) => id === 1)!;
}

test("closed, it asks the engine for nothing; open, it shows the turn and verifies it", async () => {
  for (const message of MESSAGES.slice(0, 2)) await chat.say(message);
  expect(await asked()).toBe(0);
  await button("Memory").click();
  await button("Verify this turn").waitFor();
  expect(await asked()).toBeGreaterThan(0);

  await button("Verify this turn").click();
  await chat.page
    .getByText(/of the reply the same word was likeliest/)
    .waitFor();
  const heat = chat.page.locator("rondo-heat-map").getByRole("img");
  expect(await heat.getAttribute("aria-label")).toMatch(/watershed/i);
  expect(chat.complaints).toEqual([]);
});

test("a round is pinned and evicted there, and the next turn brings it back", async () => {
  const map = chat.page.getByRole("grid", { name: "Rounds of the chat" });
  await map.getByRole("row").nth(2).click();
  await button("Pin").click();
  await expect.poll(async () => (await firstRound()).isPinned).toBe(true);
  await button("Evict").click();
  await expect.poll(async () => (await firstRound()).lower.gpuBytes).toBe(0);
  const { lower, upper } = await firstRound();
  expect(lower.storedBytes).toBeGreaterThan(0);
  expect(upper.storedBytes).toBeGreaterThan(0);

  const { reply, receipt } = await chat.ask(MESSAGES[2]!);
  expect(reply).toMatch(/miso/i);
  expect(receipt.kv.restoredTokens).toBeGreaterThan(0);
});

test("KV is wiped, text stays, and the next turn computes it again", async () => {
  await button("Forget KV of this chat…").click();
  await button("Forget").click();
  await expect.poll(async () => (await firstRound()).lower.storedBytes).toBe(0);
  const messages = (await chat.rounds()).map(({ message }) => message);
  expect(messages).toEqual(MESSAGES);
  const { reply, receipt } = await chat.ask("What is my cat called?");
  expect(reply).toMatch(/miso/i);
  expect(receipt.kv.restoredTokens).toBe(0);
  expect(receipt.kv.attention.lower.recomputedTokens).toBeGreaterThan(0);
});

test("closed again, it asks for nothing more", async () => {
  await button("Close the memory panel").click();
  const before = await asked();
  await chat.say("Hello.");
  expect(await asked()).toBe(before);
  expect(chat.complaints).toEqual([]);
});
