// A model from files of one's own: kept on the device or not, over reloads.
import type { Browser } from "playwright";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { ChatPage, launch } from "./browser";
import { allStored, keptRound } from "./kept";

/** The files of rondo-tiny, as someone may have them in a folder. */
const FILES = [
  "config.json",
  "generation_config.json",
  "model.safetensors",
  "rondo.json",
  "tokenizer.json",
  "tokenizer_config.json",
];

/** What the page calls them: they come without the folder. */
const NAME = /model\.safetensors, 6\.9 MB/;

let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

async function open(): Promise<ChatPage> {
  const chat = await ChatPage.open(browser);
  onTestFinished(() => chat.close());
  return chat;
}

/** Drops the files on the page; their bytes come from its server. */
async function dropFiles({ page }: ChatPage): Promise<void> {
  await page.locator("rondo-chat[state]").waitFor();
  await page.evaluate(async (names) => {
    const dataTransfer = new DataTransfer();
    for (const name of names) {
      const response = await fetch(`models/rondo-tiny/${name}`);
      const lastModified = 1_700_000_000_000;
      dataTransfer.items.add(
        new File([await response.blob()], name, { lastModified }),
      );
    }
    const options = { dataTransfer, bubbles: true, cancelable: true };
    document
      .querySelector("rondo-chat")!
      .dispatchEvent(new DragEvent("drop", options));
  }, FILES);
}

const isReady = ({ page }: ChatPage) =>
  page.locator("rondo-chat[state=ready]").waitFor();

test("kept files are there after a reload: the chat goes on with its KV, and nothing is asked", async () => {
  const chat = await open();
  const { page } = chat;
  await dropFiles(chat);
  await page.getByText(/Keep .* on this device\? It takes/).waitFor();
  await page.getByRole("button", { name: "Keep", exact: true }).click();
  await page.locator("rondo-kept-file").waitFor({ state: "detached" });
  await chat.say("My cat is called Miso.");
  await allStored(chat);
  const told = await keptRound(chat, 1);
  expect(told!.modelName).toMatch(NAME);

  const fetched: string[] = [];
  page.on("request", (request) => fetched.push(request.url()));
  await page.reload();
  await isReady(chat);
  const { reply, receipt } = await chat.ask("What is my cat called?");
  expect(reply).toContain("Miso");
  const asked = await keptRound(chat, receipt.roundId);
  expect(receipt.kv.prefilledTokens).toBe(asked!.openTokens);
  expect(receipt.kv.attention.lower.recomputedTokens).toBe(0);
  expect(fetched.filter((url) => url.includes("safetensors"))).toEqual([]);
  expect(await page.getByText("From here on").count()).toBe(0);

  // The list has it like a download, and deletes it.
  await page.getByRole("button", { name: /^Model: / }).click();
  await page
    .getByRole("button", { name: /^Delete model\.safetensors/ })
    .click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page
    .getByRole("button", { name: /^Delete model\.safetensors/ })
    .waitFor({ state: "detached" });
  await page.reload();
  await page.getByText(/This chat was with/).waitFor();
  expect(chat.complaints).toEqual([]);
});

test("files that are not kept are asked for by name; another model that goes on is named in the chat", async () => {
  const chat = await open();
  const { page } = chat;
  await dropFiles(chat);
  await page.getByRole("button", { name: "Don’t keep" }).click();
  await chat.say("My cat is called Miso.");
  await page.reload();
  const notice = page.getByText(/This chat was with/);
  await notice.waitFor();
  expect(await notice.innerText()).toMatch(NAME);
  expect((await chat.rounds()).map(({ message }) => message)).toEqual([
    "My cat is called Miso.",
  ]);
  // What is typed waits for the files, and they are asked about no more.
  await chat.box.fill("What is my cat called?");
  await dropFiles(chat);
  await isReady(chat);
  await page.getByText("is used until this page is closed.").waitFor();
  await chat.box.press("Enter");
  await chat.replies
    .nth(1)
    .getByText(/prefilled/)
    .waitFor();
  expect(await chat.replies.nth(1).ariaSnapshot()).toContain("Miso");
  expect(await page.getByText("From here on").count()).toBe(0);

  await page.reload();
  await page.getByRole("button", { name: "Go on with rondo-tiny" }).click();
  await isReady(chat);
  await chat.say("Hello!");
  await page.getByText("From here on: rondo-tiny").waitFor();
  await page.reload();
  await isReady(chat);
  await page.getByText("From here on: rondo-tiny").waitFor();
  expect(chat.complaints).toEqual([]);
});
