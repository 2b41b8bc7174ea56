// A person opens the built page and chats.
import axe, { type AxeResults } from "axe-core";
import type { Browser } from "playwright";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { chromiumArgs } from "../../tools/chromium.mjs";
import { ChatPage, launch } from "./browser";

let browser: Browser;
let chat: ChatPage;

beforeAll(async () => {
  browser = await launch();
});
afterEach(() => chat.close());
afterAll(() => browser.close());

/** Nothing to complain about, and nobody else was asked. */
function expectQuiet({ complaints, foreignRequests }: ChatPage) {
  expect(complaints).toEqual([]);
  expect(foreignRequests).toEqual([]);
}

test("it loads, remembers the cat, and only reads what is new", async () => {
  chat = await ChatPage.open(browser);
  await chat.say("My cat is called Miso.");
  const reply = await chat.say("What is my cat called?");
  expect(reply).toContain("Miso");
  const [, prefilled, reused] =
    /prefilled (\d+) · reused (\d+) tokens/.exec(reply) ?? [];
  expect(Number(prefilled)).toBeLessThan(20);
  expect(Number(reused)).toBeGreaterThan(40);
  expectQuiet(chat);
});

test("Escape stops a reply midway, and the chat goes on", async () => {
  chat = await ChatPage.open(browser);
  // One of its longer replies, stopped at the first words. They are quick: a few tries may be needed.
  let receipt = "";
  for (let i = 0; i < 4 && !receipt.includes("stopped"); i++) {
    await chat.box.waitFor();
    await chat.send("Tell me about the moon.");
    const reply = chat.replies.nth(i);
    await reply.locator("rondo-markdown").waitFor();
    await chat.page.keyboard.press("Escape");
    const ended = { hasText: /stopped|tok\/s/ };
    receipt = await reply.locator("[part=receipt]", ended).innerText();
  }
  expect(receipt).toContain("stopped");
  await chat.say("My cat is called Miso.");
  expect(await chat.say("What is my cat called?")).toContain("Miso");
  expectQuiet(chat);
});

test("the stop button stops the reading of a long message too", async () => {
  chat = await ChatPage.open(browser);
  await chat.send(`My cat is called Miso. ${"I like the sea. ".repeat(80)}`);
  await chat.replies
    .first()
    .getByText(/Reading… \d+ of \d+ tokens/)
    .waitFor();
  await chat.stopButton.click();
  await chat.replies.first().getByText("stopped").waitFor();
  // What was not read yet is read with the next message.
  await chat.say("Hello!");
  expectQuiet(chat);
});

test("two chats do not mix", async () => {
  chat = await ChatPage.open(browser);
  const { page } = chat;
  await chat.say("My cat is called Miso.");
  await page.getByRole("button", { name: "New chat" }).first().click();
  expect(await chat.replies.count()).toBe(0);
  await chat.say("My cat is called Biscuit.");
  const second = await chat.say("What is my cat called?");
  expect(second).toContain("Biscuit");
  expect(second).not.toContain("Miso");
  await page
    .getByRole("button", { name: "My cat is called Miso." })
    .first()
    .click();
  const first = await chat.say("What is my cat called?");
  expect(first).toContain("Miso");
  expect(first).not.toContain("Biscuit");
  expectQuiet(chat);
});

test("Shift+Enter breaks a line, Enter sends, and the keyboard alone will do", async () => {
  chat = await ChatPage.open(browser);
  const { page, box } = chat;
  await box.waitFor();
  await box.focus();
  await page.keyboard.type("Hello!");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("My cat is called Miso.");
  expect(await box.inputValue()).toBe("Hello!\nMy cat is called Miso.");
  await page.keyboard.press("Enter");
  // It leaves the box once it is on the disk.
  await expect.poll(() => box.inputValue()).toBe("");
  await chat.replies
    .first()
    .getByText(/prefilled/)
    .waitFor();
  expectQuiet(chat);
});

test.each([
  { name: "light", colorScheme: "light", width: 1100 },
  { name: "dark and narrow", colorScheme: "dark", width: 360 },
] as const)(
  "axe finds nothing, and nothing sticks out: $name",
  async ({ colorScheme, width }) => {
    const viewport = { width, height: 740 };
    chat = await ChatPage.open(browser, { colorScheme, viewport });
    const { page } = chat;
    await chat.say("My cat is called Miso.");
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate<AxeResults>("axe.run()");
    expect(violations.map(({ id, help }) => `${id}: ${help}`)).toEqual([]);
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - innerWidth,
    );
    expect(overflow).toBeLessThanOrEqual(0);
    expectQuiet(chat);
  },
);

test("a file that ends early is named, and trying again works", async () => {
  let isBroken = true;
  chat = await ChatPage.open(browser, {}, (page) =>
    page.route("**/model.safetensors", async (route) => {
      if (!isBroken) return route.continue();
      const response = await route.fetch({ headers: {} });
      const body = (await response.body()).subarray(0, 1_000_000);
      const length = String(body.length);
      await route.fulfill({
        status: 200,
        body,
        headers: { "content-length": length },
      });
    }),
  );
  const alert = chat.page.getByRole("alert");
  await alert.getByText(/model\.safetensors/).waitFor();
  isBroken = false;
  await chat.page.getByRole("button", { name: "Load again" }).click();
  expect(await chat.say("My cat is called Miso.")).toContain("Miso");
});

test("without an adapter the page says what to do", async () => {
  const without = await launch(
    chromiumArgs.filter((arg) => arg !== "--enable-unsafe-webgpu"),
  );
  chat = await ChatPage.open(without);
  const alert = chat.page.getByRole("alert");
  await alert.waitFor();
  expect(await alert.innerText()).toMatch(/WebGPU/);
  await chat.page.getByText("Chrome, Edge", { exact: true }).waitFor();
  await without.close();
});

test("without WebGPU at all the page says what to do", async () => {
  chat = await ChatPage.open(browser, {}, async (page) => {
    // The engine asks in its worker, so that is where it has to be gone.
    await page.route("**/worker-*.js", async (route) => {
      const response = await route.fetch();
      const code = await response.text();
      const hide =
        "Object.defineProperty(navigator, 'gpu', { value: undefined });\n";
      await route.fulfill({ response, body: hide + code });
    });
  });
  const alert = chat.page.getByRole("alert");
  await alert.waitFor();
  expect(await alert.innerText()).toMatch(/WebGPU/);
});
