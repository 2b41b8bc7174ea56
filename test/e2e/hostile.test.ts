// What a hostile model writes, in the built page under its own policy.
import type { Browser } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ATTACKS } from "../ui/markdown/attacks";
import { ChatPage, launch } from "./browser";

let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

test("neither runs nor asks for anything, and what shows it is loaded when it is needed", async () => {
  const requests: string[] = [];
  const chat = await ChatPage.open(browser, {}, async (page) =>
    page.on("request", (request) => requests.push(request.url())),
  );
  const { page } = chat;
  await chat.box.waitFor();
  const isLoaded = (name: string) => requests.some((url) => url.includes(name));
  expect([isLoaded("code-nodes"), isLoaded("math-nodes")]).toEqual([
    false,
    false,
  ]);

  // What shows Markdown comes with the first reply.
  await chat.say("Hello.");
  await page.evaluate((attacks) => {
    Object.assign(window, { pwned: () => document.body.append("pwned") });
    for (const attack of [...attacks, "$x^2$", "```ts\nlet x = 1;\n```"]) {
      const shown = document.createElement("rondo-markdown");
      Object.assign(shown, { text: attack });
      document.body.append(shown);
    }
  }, ATTACKS);
  await page.locator("rondo-markdown math").last().waitFor();
  await page.locator("rondo-markdown .hljs-keyword").last().waitFor();
  expect([isLoaded("code-nodes"), isLoaded("math-nodes")]).toEqual([
    true,
    true,
  ]);

  expect(await page.locator("body").innerText()).not.toMatch(/^pwned$/m);
  expect(requests.filter((url) => /beacon|evil/.test(url))).toEqual([]);
  expect(chat.foreignRequests).toEqual([]);
  // The policy had nothing to refuse; it would have said so.
  expect(chat.complaints).toEqual([]);
  await page.evaluate(() => document.body.setAttribute("style", "color: red"));
  await expect.poll(() => chat.complaints.join()).toContain("style");
  await chat.close();
});
