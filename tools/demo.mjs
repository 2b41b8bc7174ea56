// `npm run demo`: chats with the built page in headless Chromium, reloads it and goes on, prints the
// transcript with its timings, and writes screenshots to out/demo.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromiumArgs, chromiumPath } from "./chromium.mjs";
import { ensureChromium } from "./ensure-chromium.mjs";
import { root, setUp } from "./setup.mjs";

const MESSAGES = [
  "My cat is called Miso.",
  "My locker code is 4821.",
  "Tell me about the moon.",
  "I live in Oslo.",
  "What is my cat called?",
];
const AFTER_RELOAD = ["What is my locker code?", "Where do I live?"];

setUp();
ensureChromium();

const { build, preview } = await import("vite");
const { chromium } = await import("playwright");

const folder = join(root, "out", "demo");
mkdirSync(folder, { recursive: true });
await build({ root, logLevel: "warn" });
const server = await preview({ root, logLevel: "warn", preview: { port: 0 } });
const [url] = server.resolvedUrls?.local ?? [];
if (url === undefined) throw new Error("The server has no local address.");
const browser = await chromium.launch({
  executablePath: chromiumPath(),
  args: chromiumArgs,
});

try {
  const page = await browser.newPage({
    viewport: { width: 1100, height: 800 },
    deviceScaleFactor: 2,
  });
  page.on("console", (message) => {
    if (message.type() === "error") console.log(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => console.log(`page: ${error.message}`));

  const start = performance.now();
  await page.goto(url);
  const box = page.getByRole("textbox", { name: "Message" });
  const ready = page.getByText(/parameters/);
  await ready.first().waitFor();
  console.log(`Loaded in ${seconds(performance.now() - start)}.\n`);
  await page.screenshot({ path: join(folder, "empty.png") });

  const replies = page.getByRole("article", { name: "Rondo" });
  /** @param {readonly string[]} messages @param {number} before replies that are there already */
  const chat = async (messages, before) => {
    for (const [i, message] of messages.entries()) {
      const asked = performance.now();
      const reply = replies.nth(before + i);
      await box.fill(message);
      await box.press("Enter");
      await reply.getByText(/prefilled/).waitFor();
      const took = seconds(performance.now() - asked);
      console.log(`You    ${message}`);
      for (const line of await spokenText(reply)) console.log(`Rondo  ${line}`);
      console.log(`       ${took} in all\n`);
    }
  };
  await chat(MESSAGES, 0);

  const reloaded = performance.now();
  await page.reload();
  await replies.nth(MESSAGES.length - 1).waitFor();
  console.log(
    `The page is reloaded; the chat is there after ${seconds(performance.now() - reloaded)}.`,
  );
  await ready.first().waitFor();
  console.log(
    `The model is loaded again after ${seconds(performance.now() - reloaded)}.\n`,
  );
  await chat(AFTER_RELOAD, MESSAGES.length);
  await page.screenshot({ path: join(folder, "light.png") });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot({ path: join(folder, "dark.png") });
  await page.setViewportSize({ width: 360, height: 740 });
  await page.waitForTimeout(500); // the side panel slides away
  await page.screenshot({ path: join(folder, "narrow.png") });
  console.log(`Screenshots are in ${folder}.`);
} finally {
  await browser.close();
  await server.close();
}

/**
 * What assistive technology reads of a reply, line by line: its words, then its receipt.
 *
 * @param {import("playwright").Locator} reply
 */
async function spokenText(reply) {
  const snapshot = await reply.ariaSnapshot();
  return [...snapshot.matchAll(/- (?:paragraph|text): (.*)/g)].map(
    ([, text = ""]) => text.replace(/^"(.*)"$/, "$1"),
  );
}

/** @param {number} ms */
function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
