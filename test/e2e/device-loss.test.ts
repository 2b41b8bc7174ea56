// The GPU process dies: nothing that was said is lost, and the chat goes on.
import type { Browser } from "playwright";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ChatPage, launch } from "./browser";

// A browser comes back from this once, so each test has its own.
let browser: Browser;
let chat: ChatPage;

beforeEach(async () => {
  browser = await launch();
  chat = await ChatPage.open(browser);
  await chat.say("My cat is called Miso.");
});
afterEach(() => browser.close());

async function crashGpu(): Promise<void> {
  const session = await browser.newBrowserCDPSession();
  await session.send("Browser.crashGpuProcess");
}

test("between two turns it goes unnoticed, but for a longer wait", async () => {
  await crashGpu();
  const reply = await chat.say("What is my cat called?");
  expect(reply).toContain("Miso");
  // What was on the GPU is gone: it came from the store, or was computed again.
  expect(reply).not.toContain("reused");
});

test("before the first word of a reply it goes unnoticed too", async () => {
  await chat.send("What is my cat called?");
  await crashGpu();
  const reply = chat.replies.nth(1);
  await reply.getByText(/prefilled/).waitFor();
  expect(await reply.ariaSnapshot()).toContain("Miso");
});

test("in the middle of a reply it is said, and trying again works", async () => {
  await chat.send("Tell me about trains.");
  const reply = chat.replies.nth(1);
  await reply.locator("rondo-markdown").waitFor();
  await crashGpu();
  await reply.getByRole("alert").waitFor();
  await reply.getByRole("button", { name: "Try again" }).click();
  await reply.getByText(/prefilled/).waitFor();
  expect(await reply.ariaSnapshot()).toMatch(/train/i);
});
