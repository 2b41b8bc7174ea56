// What was said is changed on the page: edited with what follows kept, branched, deleted; a document goes from chat to chat.
import type { Browser, Locator } from "playwright";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ChatPage, launch } from "./browser";

let browser: Browser;
let chat: ChatPage;

beforeAll(async () => {
  browser = await launch();
});
afterEach(() => chat.close());
afterAll(() => browser.close());

/** Others may have to finish first. */
const PATIENT = { timeout: 20_000 };
const FACTS = [
  "My cat is called Miso.",
  "My locker code is 4821.",
  "I live in Oslo.",
  "My favorite color is green.",
  "My sister is called Ada.",
  "I like tea.",
  "My dog is called Rex.",
  "I work as a teacher.",
];

/** Eight rounds, healing paused, so that what an edit leaves is stale when the next question comes. */
async function toldChat(): Promise<ChatPage> {
  const page = await ChatPage.open(browser);
  for (const fact of FACTS) await page.say(fact);
  return page;
}

const roundOf = (message: string): Locator =>
  chat.page.locator("rondo-round").filter({ hasText: message }).first();

const messages = async () =>
  (await chat.rounds()).map(({ message }) => message);

async function edit(message: string, to: string, way: string): Promise<void> {
  const round = roundOf(message);
  await round.hover();
  await round.getByRole("button", { name: "Edit" }).click();
  await chat.page.getByRole("textbox", { name: "Edit message" }).fill(to);
  await chat.page.getByRole("button", { name: way }).click();
}

/** Resolves when the edited round's reply is there, and the chat can go on. */
async function settled(message: string): Promise<void> {
  await roundOf(message)
    .getByText(/prefilled/)
    .waitFor();
  await chat.page
    .getByRole("button", { name: "Stop" })
    .waitFor({ state: "hidden" });
}

test("message 2 of 8 is edited: the new fact is in the answer, and less than half of what is stale is computed", async () => {
  chat = await toldChat();
  await edit(FACTS[1]!, "My locker code is 7350.", "Send, keep what follows");
  await settled("7350");
  await expect
    .poll(messages, PATIENT)
    .toEqual(FACTS.toSpliced(1, 1, "My locker code is 7350."));
  const { reply, receipt } = await chat.ask("What is my locker code?");
  expect(reply).toContain("7350");
  // Rounds may have been healed meanwhile; they were not part of the question's wait.
  const { staleTokens, staleRounds } = receipt.kv.fusion;
  expect(staleRounds).toBeLessThanOrEqual(6);
  const staleInAll = 6 * 20;
  expect(receipt.kv.prefilledTokens - 14).toBeLessThan(
    Math.max(staleTokens, staleInAll) / 2,
  );
});

test("a branch is begun and left again; both are there after a reload", async () => {
  chat = await ChatPage.open(browser);
  for (const fact of FACTS.slice(0, 3)) await chat.say(fact);
  await edit(FACTS[1]!, "I have a boat.", "Send as a new branch");
  await settled("I have a boat.");
  await expect.poll(messages, PATIENT).toEqual([FACTS[0], "I have a boat."]);
  await chat.page.getByRole("button", { name: "Earlier version" }).click();
  await expect.poll(messages, PATIENT).toEqual(FACTS.slice(0, 3));
  await chat.page.reload();
  await expect.poll(messages, PATIENT).toEqual(FACTS.slice(0, 3));
  await chat.box.waitFor();
  await chat.page
    .getByRole("button", { name: "Later version", disabled: false })
    .click();
  await expect.poll(messages, PATIENT).toEqual([FACTS[0], "I have a boat."]);
  const { reply } = await chat.ask("What is my cat called?");
  expect(reply).toContain("Miso");
});

test("a message is put between two others, and is remembered", async () => {
  chat = await ChatPage.open(browser);
  await chat.say(FACTS[0]!);
  await chat.say(FACTS[2]!);
  await edit(FACTS[2]!, FACTS[1]!, "Insert above");
  await expect.poll(messages, PATIENT).toEqual(FACTS.slice(0, 3));
  await settled(FACTS[1]!);
  const { reply } = await chat.ask("What is my locker code?");
  expect(reply).toContain("4821");
});

test("a round is deleted and forgotten", async () => {
  chat = await ChatPage.open(browser);
  for (const fact of FACTS.slice(0, 3)) await chat.say(fact);
  const round = roundOf(FACTS[1]!);
  await round.hover();
  await round.getByRole("button", { name: "Options for this round" }).click();
  await chat.page.getByRole("button", { name: "Delete…" }).click();
  await chat.page.getByRole("button", { name: "Delete and forget" }).click();
  await expect.poll(messages, PATIENT).toEqual([FACTS[0], FACTS[2]]);
  const { reply } = await chat.ask("What is my locker code?");
  expect(reply).not.toContain("4821");
});

test("a document of one chat costs the next one nothing", async () => {
  chat = await ChatPage.open(browser);
  await chat.say(FACTS[0]!);
  const attach = async () => {
    await chat.page.getByLabel("Documents to attach").setInputFiles({
      name: "trip.txt",
      mimeType: "text/plain",
      buffer: Buffer.from(
        "The train leaves at ten. The meeting is in room 12.",
      ),
    });
    await chat.page
      .getByRole("article", { name: "Document trip.txt" })
      .waitFor();
  };
  await attach();
  expect((await chat.ask("When does the train leave?")).reply).toContain("ten");

  await chat.page.getByRole("button", { name: "New chat" }).first().click();
  await chat.say("I live in Rome.");
  await attach();
  const { reply, receipt } = await chat.ask("When does the train leave?");
  expect(reply).toContain("ten");
  // The question's rows, and those that were repaired: the document was not read again.
  const { repairedTokens } = receipt.kv.fusion;
  expect(receipt.kv.prefilledTokens - repairedTokens).toBeLessThan(20);
  expect(chat.foreignRequests).toEqual([]);
});
