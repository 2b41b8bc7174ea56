// `npm run demo`: chats with the built page in headless Chromium, reloads it and goes on, prints the
// transcript with its timings, and writes screenshots of the page, the memory panel and the extension to
// out/demo. With `--docs`, the three of them that the README shows are written anew.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromiumArgs, chromiumPath } from "./chromium.mjs";
import { ensureChromium } from "./ensure-chromium.mjs";
import { root, run, setUp } from "./setup.mjs";

const MESSAGES = [
  "My cat is called Miso.",
  "My locker code is 4821.",
  "Tell me about the moon.",
  "I live in Oslo.",
  "What is my cat called?",
];
const AFTER_RELOAD = ["What is my locker code?", "Where do I live?"];

/** Screenshots that the README shows, by their names in docs. */
const IN_DOCS = ["chat", "narrow", "memory"];

setUp();
ensureChromium();

const { build, preview } = await import("vite");
const { chromium } = await import("playwright");

const folder = join(root, "out", "demo");
mkdirSync(folder, { recursive: true });
await build({ root, logLevel: "warn" });
run(process.execPath, ["tools/build-extension.mjs", "--quiet"]);
const server = await preview({ root, logLevel: "warn", preview: { port: 0 } });
const [url] = server.resolvedUrls?.local ?? [];
if (url === undefined) throw new Error("The server has no local address.");
const extension = join(root, "dist", "extension");
const profile = mkdtempSync(join(tmpdir(), "rondo-demo-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: chromiumPath(),
  args: [
    ...chromiumArgs,
    `--disable-extensions-except=${extension}`,
    `--load-extension=${extension}`,
  ],
  viewport: { width: 1100, height: 800 },
  deviceScaleFactor: process.argv.includes("--docs") ? 1 : 2,
});

try {
  const page = context.pages()[0] ?? (await context.newPage());
  page.on("console", (message) => {
    if (message.type() === "error") console.log(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => console.log(`page: ${error.message}`));

  const start = performance.now();
  await page.goto(url);
  const ready = page.locator("rondo-chat[state=ready]");
  await ready.waitFor();
  console.log(`Loaded in ${seconds(performance.now() - start)}.\n`);
  await shoot(page, "empty");
  await page.getByRole("button", { name: "Settings…" }).click();
  await shoot(page, "settings");
  await page.keyboard.press("Escape");

  await chat(page, MESSAGES, 0);
  const reloaded = performance.now();
  await page.reload();
  const replies = page.getByRole("article", { name: "Rondo" });
  await replies.nth(MESSAGES.length - 1).waitFor();
  console.log(
    `The page is reloaded; the chat is there after ${seconds(performance.now() - reloaded)}.`,
  );
  await ready.waitFor();
  console.log(
    `The model is loaded again after ${seconds(performance.now() - reloaded)}.\n`,
  );
  await chat(page, AFTER_RELOAD, MESSAGES.length);
  await shoot(page, "chat");

  const attended = page.getByRole("button", { name: /^attended to/ }).last();
  if ((await attended.count()) > 0) {
    await attended.click();
    await shoot(page, "attended");
    await attended.click();
  }
  await page.emulateMedia({ colorScheme: "dark" });
  await shoot(page, "dark");
  await page.setViewportSize({ width: 360, height: 740 });
  await shoot(page, "narrow");
  await page.emulateMedia({ colorScheme: "light" });

  await page.setViewportSize({ width: 1300, height: 900 });
  const memory = page.getByRole("button", { name: "Memory", exact: true });
  await memory.click();
  await page.getByRole("button", { name: "Verify this turn" }).click();
  const verdict = page.getByText(/the same word was likeliest/);
  await verdict.waitFor();
  console.log(`Verified: ${await verdict.innerText()}\n`);
  await shoot(page, "memory");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.locator("rondo-heat-map").scrollIntoViewIfNeeded();
  await shoot(page, "memory-dark");

  const panel = await openExtension(page);
  await panel.locator("rondo-round-map").waitFor();
  await shoot(panel, "extension");
  await panel.emulateMedia({ colorScheme: "dark" });
  await shoot(panel, "extension-dark");
  console.log(`Screenshots are in ${folder}.`);
} finally {
  await context.close();
  await server.close();
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}

/**
 * @param {import("playwright").Page} page
 * @param {readonly string[]} messages
 * @param {number} before replies that are there already
 */
async function chat(page, messages, before) {
  const box = page.getByRole("textbox", { name: "Message" });
  const replies = page.getByRole("article", { name: "Rondo" });
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
}

/**
 * The extension's panel in a tab of its own, looking at `page`: headless Chromium has no DevTools window to
 * take a picture of.
 *
 * @param {import("playwright").Page} page
 */
async function openExtension(page) {
  const panel = await context.newPage();
  await panel.setViewportSize({ width: 1300, height: 900 });
  await panel.exposeFunction(
    "evaluateInPage",
    (/** @type {string} */ expression) => page.evaluate(expression),
  );
  await panel.addInitScript(`
    chrome.devtools = {
      inspectedWindow: {
        eval: (expression, callback) => void evaluateInPage(expression).then(callback),
      },
      network: { onNavigated: { addListener() {} } },
    };
  `);
  await panel.goto(
    "chrome-extension://onefccpibejimedigicmhniihgacnlon/panel.html",
  );
  return panel;
}

/**
 * @param {import("playwright").Page} page
 * @param {string} name
 */
async function shoot(page, name) {
  await page.waitForTimeout(500); // what slides or fades does so
  await page.screenshot({ path: join(folder, `${name}.png`) });
  if (process.argv.includes("--docs") && IN_DOCS.includes(name))
    await page.screenshot({ path: join(root, "docs", `${name}.png`) });
}

/**
 * What assistive technology reads of a reply, line by line: its words, then its receipt.
 *
 * @param {import("playwright").Locator} reply
 */
async function spokenText(reply) {
  const snapshot = await reply.ariaSnapshot();
  const spoken = /- (?:paragraph: |text: |button (?="attended))(.*)/g;
  const lines = [...snapshot.matchAll(spoken)].map(([, text = ""]) =>
    text.replace(/^"(.*)"$/, "$1"),
  );
  // Its receipt is one line, also where a part of it is a button.
  return lines
    .join("\n")
    .replaceAll("·\n", "· ")
    .replaceAll("\n·", " ·")
    .split("\n");
}

/** @param {number} ms */
function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
