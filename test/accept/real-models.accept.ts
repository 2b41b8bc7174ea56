/**
 * Real files in Chromium: what the runtime computes against an exact forward pass (golden/, made by
 * tools/accept/exact.py), and the built page as a person would use it. `npm run accept` runs it.
 */
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Browser, Locator } from "playwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createServer,
  preview,
  type PreviewServer,
  type ViteDevServer,
} from "vite";
import type { VerifyReport } from "../../src/engine/api/kv-memory";
import { openGguf } from "../../src/model/gguf/gguf";
import { openTokenizer } from "../../src/model/text/tokenizer";
import { acceptedModels } from "../../tools/accept/models.mjs";
import { diskFiles } from "../bench/disk-files";
import { ChatPage, launch } from "../e2e/browser";
import { serveFolder } from "./file-server";
import type { GoldenPrompt } from "./logits";

interface Golden {
  prompts: GoldenPrompt[];
  chats: { message: string; reply: { token: number; margin: number }[] }[];
}

/** The most that a golden token's log-probability may be off: KV and scales of weights are f16 here. */
const MOST_OFF = 0.05;
/** Below this margin between the two likeliest tokens, rounding may choose the other. */
const LEAST_MARGIN = 0.1;
/** Tokens of replies that the exact pass must be sure of, for the comparison to say something. */
const LEAST_COMPARED = 8;
/** What the question asked after a reload has at most, with its template. */
const MOST_QUESTION_TOKENS = 40;
/** Share of the KV of a chat of 24 rounds that a question about one fact needs. */
const MOST_KV_SHARE = 0.35;
/** KL from full attention, in nats a token, where everything is attended to: what storing KV in int8 costs. */
const MOST_KL = 1e-3;
/** Planned bytes may differ from those on the GPU by this share. */
const PLAN_SHARE = 0.03;

const folder = process.env.RONDO_ACCEPT_MODELS!;
const keys = process.env.RONDO_ACCEPT_ONLY!.split(",");
const PATIENCE = { timeout: 180_000 };
const table: Record<string, Record<string, string | number>> = {};

let browser: Browser;
let page: PreviewServer;
let sources: ViteDevServer;
let files: Awaited<ReturnType<typeof serveFolder>>;
let address: string;

beforeAll(async () => {
  files = await serveFolder(folder);
  const proxy = {
    "/files": { target: files.url, rewrite: (url: string) => url.slice(6) },
  };
  // The page's policy lets it ask its own server and https alone.
  page = await preview({ preview: { port: 0, host: "127.0.0.1", proxy } });
  const { port } = page.httpServer.address() as AddressInfo;
  address = `http://127.0.0.1:${port}/`;
  sources = await createServer({
    logLevel: "warn",
    cacheDir: "node_modules/.vite/accept",
    optimizeDeps: { entries: ["test/accept/accept.html"] },
    server: { port: 0, host: "127.0.0.1", hmr: false, watch: null, proxy },
  });
  await sources.listen();
  browser = await launch();
});

afterAll(async () => {
  console.table(table);
  await browser.close();
  await page.close();
  await sources.close();
  files.server.close();
});

describe.each(keys)("%s", (key) => {
  const { file } = acceptedModels[key]!;
  const golden = JSON.parse(
    readFileSync(`test/accept/golden/${key}.json`, "utf8"),
  ) as Golden;
  const row = (table[file] = {} as Record<string, string | number>);

  test("gives the distributions of an exact forward pass", async () => {
    const tab = await browser.newPage();
    const { port } = sources.httpServer!.address() as AddressInfo;
    const origin = `http://127.0.0.1:${port}`;
    await tab.goto(`${origin}/test/accept/accept.html`);
    await tab.waitForFunction(() => globalThis.compareWith !== undefined);
    const { prompts, weightBytes, plannedBytes } = await tab.evaluate(
      ({ url, prompts }) => globalThis.compareWith!(url, prompts),
      { url: `${origin}/files/${file}`, prompts: golden.prompts },
    );
    await tab.close();
    row["weights, MB"] = Math.round(weightBytes / 1e6);
    const offPlan = Math.abs(plannedBytes / weightBytes - 1);
    expect(offPlan).toBeLessThan(PLAN_SHARE);
    row["top 20: most off"] = rounded(
      Math.max(...prompts.map(({ largest }) => largest)),
    );
    row["top 1"] =
      `${prompts.filter(({ isSameFirst }) => isSameFirst).length} of ${prompts.length}`;
    for (const prompt of prompts) {
      expect(prompt.isSameFirst).toBe(true);
      expect(prompt.largest).toBeLessThan(MOST_OFF);
    }
  });

  test("finds the round with the answer among 24, also when the engine is opened again", async () => {
    const tab = await browser.newPage();
    const { port } = sources.httpServer!.address() as AddressInfo;
    const origin = `http://127.0.0.1:${port}`;
    await tab.goto(`${origin}/test/accept/accept.html`);
    await tab.waitForFunction(() => globalThis.askNeedles !== undefined);
    const found = await tab.evaluate(
      (url) => globalThis.askNeedles!(url),
      `${origin}/files/${file}`,
    );
    await tab.close();
    row["facts: read, said"] =
      `${found.filter(({ isRead }) => isRead).length}, ${found.filter(({ reply, answer }) => reply.includes(answer)).length} of ${found.length}`;
    row["facts: KV needed"] = rounded(
      Math.max(...found.map(({ kvShare }) => kvShare)),
    );
    for (const { isRead, kvShare } of found) {
      expect(isRead).toBe(true);
      expect(kvShare).toBeLessThan(MOST_KV_SHARE);
    }
    // The first one reads the chat, the second its own question, and in layers above the heads what no question has
    // asked for before.
    const { prefilledTokens, newTokens } = found[1]!;
    expect(prefilledTokens - newTokens).toBeLessThan(MOST_QUESTION_TOKENS);
  });

  test("chats, is there after a reload, and takes edits, documents and branches", async () => {
    const context = await browser.newContext();
    const chat = await ChatPage.openIn(context, address, prepare);
    const { page: tab } = chat;
    tab.setDefaultTimeout(PATIENCE.timeout);
    const load = Date.now();
    await tab.getByRole("button", { name: /^Model: / }).click();
    const dialog = tab.getByRole("dialog", { name: "Choose a model" });
    await dialog
      .getByLabel("Its name on the hub, or its address")
      .fill(`${address}files/${file}`);
    await dialog.getByRole("button", { name: "Look up" }).click();
    await dialog.getByRole("button", { name: /use/ }).click();
    await tab
      .getByRole("button", { name: new RegExp(`^Model: .*${stem(file)}`) })
      .waitFor();
    row["load, s"] = rounded((Date.now() - load) / 1000);

    // What an exact pass says, as far as it is sure.
    const spoken = await spokenOf(golden, join(folder, file));
    let compared = 0;
    const decoded: { tokens: number; ms: number }[] = [];
    for (const { message, sure, sureTokens } of spoken) {
      // An empty chat is new already.
      if (decoded.length > 0)
        await tab.getByRole("button", { name: "New chat" }).first().click();
      const { reply, receipt } = await chat.ask(message);
      expect(reply.startsWith(sure.trim()), `${reply} / ${sure}`).toBe(true);
      compared += sureTokens;
      const { decodeMs } = receipt.kv.phases;
      decoded.push({ tokens: receipt.replyTokens, ms: decodeMs });
    }
    const sum = (of: "tokens" | "ms") =>
      decoded.reduce((total, one) => total + one[of], 0);
    row["decode, tok/s"] = rounded((1000 * sum("tokens")) / sum("ms"));
    row["greedy tokens as the exact pass"] = compared;
    // Otherwise nothing was compared.
    expect(compared).toBeGreaterThanOrEqual(LEAST_COMPARED);

    const before = await chat.rounds();
    await chat.ask("And what is the capital of Italy?");
    await expect
      .poll(() => isStored(tab.locator("rondo-chat")), PATIENCE)
      .toBe(true);
    await tab.reload();
    await expect
      .poll(async () => (await chat.rounds()).length, PATIENCE)
      .toBe(before.length + 1);
    const again = await chat.ask("Thank you. One more: what is two plus two?");
    const { cachedTokens, prefilledTokens } = again.receipt.kv;
    expect(cachedTokens).toBeGreaterThan(0);
    // The question alone.
    expect(prefilledTokens).toBeLessThan(MOST_QUESTION_TOKENS);
    row["after a reload: prefilled"] = prefilledTokens;

    const report = await verified(tab.locator("rondo-chat"));
    row["verify: KL"] = rounded(report.meanKl);
    expect(report.meanKl).toBeLessThan(MOST_KL);
    expect(report.selection.meanKl).toBe(0);

    const first = tab.locator("rondo-round").first();
    await first.hover();
    await first.getByRole("button", { name: "Edit" }).click();
    const edited = "Say the days of the week.";
    await tab.getByRole("textbox", { name: "Edit message" }).fill(edited);
    await tab.getByRole("button", { name: "Send, keep what follows" }).click();
    await tab.locator("rondo-round").first().getByText(edited).waitFor();
    await chat.stopButton.waitFor({ state: "hidden" });
    await tab.getByLabel("Documents to attach").setInputFiles({
      name: "trip.txt",
      mimeType: "text/plain",
      buffer: Buffer.from("The train to Lyon leaves at ten from platform 4."),
    });
    await tab.getByRole("article", { name: "Document trip.txt" }).waitFor();
    const asked = await chat.ask("When does the train to Lyon leave?");
    row["on a document"] = asked.reply.slice(0, 40);

    const last = tab.locator("rondo-round").last();
    await last.hover();
    await last.getByRole("button", { name: "Edit" }).click();
    await tab.getByRole("textbox", { name: "Edit message" }).fill("Goodbye.");
    await last.getByRole("button", { name: "Send", exact: true }).click();
    await expect
      .poll(async () => (await chat.rounds()).at(-1)?.message, PATIENCE)
      .toBe("Goodbye.");
    expect(await chat.versionsOfLast()).toBe(2);
    await chat.stopButton.waitFor({ state: "hidden" });

    expect(chat.complaints).toEqual([]);
    expect(chat.foreignRequests).toEqual([]);
    await context.close();
  });

  test("opens when it is dropped on the page", async () => {
    const context = await browser.newContext();
    const chat = await ChatPage.openIn(context, address, prepare);
    const { page: tab } = chat;
    tab.setDefaultTimeout(PATIENCE.timeout);
    await tab.getByRole("button", { name: /^Model: / }).waitFor();
    await drop(tab, join(folder, file));
    await tab
      .getByRole("button", { name: new RegExp(`^Model: .*${stem(file)}`) })
      .waitFor();
    const { reply } = await chat.ask(golden.chats[0]!.message);
    expect(reply.length).toBeGreaterThan(0);
    expect(chat.complaints).toEqual([]);
    await context.close();
  });
});

/** Greedy replies of a few tokens, over everything. */
async function prepare(tab: ChatPage["page"]) {
  await tab.addInitScript(() => {
    addEventListener("DOMContentLoaded", () => {
      const chat = document.querySelector("rondo-chat")!;
      chat.setAttribute("temperature", "0");
      chat.setAttribute("repetition-penalty", "1");
      chat.setAttribute("max-tokens", "24");
      chat.setAttribute("attention", "all");
    });
  });
}

/** Drops a file of the disk on the chat. */
async function drop(tab: ChatPage["page"], path: string) {
  // A file that is chosen comes without its bytes going through the test.
  const handle = await tab.evaluateHandle(() => {
    const input = document.createElement("input");
    input.type = "file";
    return input;
  });
  await handle.asElement().setInputFiles(path);
  await handle.evaluate((input) => {
    const dataTransfer = new DataTransfer();
    for (const file of input.files!) dataTransfer.items.add(file);
    const options = {
      dataTransfer,
      bubbles: true,
      composed: true,
      cancelable: true,
    };
    const chat = document.querySelector("rondo-chat")!;
    for (const type of ["dragenter", "dragover", "drop"])
      chat.dispatchEvent(new DragEvent(type, options));
  });
}

const rounded = (value: number) => Number(value.toPrecision(3));

const stem = (file: string) => file.split(/[.-]/)[0]!;

/** The replies of the exact pass up to the first token that it is not sure of, as text. */
async function spokenOf({ chats }: Golden, path: string) {
  const { files } = await openGguf(diskFiles(path), path.split("/").at(-1)!);
  const tokenizer = await openTokenizer(files);
  return chats.map(({ message, reply }) => {
    const unsure = reply.findIndex(({ margin }) => margin < LEAST_MARGIN);
    const sure = unsure < 0 ? reply : reply.slice(0, unsure);
    return {
      message,
      sure: tokenizer.decode(sure.map(({ token }) => token)),
      sureTokens: sure.length,
    };
  });
}

/** Whether all KV of the shown rounds is on the disk. */
function isStored(element: Locator): Promise<boolean> {
  return element.evaluate(async (found) => {
    const chat = found as HTMLElementTagNameMap["rondo-chat"];
    const snapshot = await chat.memorySource.memory({ chatId: chat.chatId! });
    const { rounds, shownIds } = snapshot.chat!;
    return rounds
      .filter(({ id, tokens }) => shownIds.includes(id) && tokens > 0)
      .every(
        ({ lower, upper }) => lower.storedBytes > 0 && upper.storedBytes > 0,
      );
  });
}

/** The last reply against full attention over exact KV. */
function verified(element: Locator): Promise<VerifyReport> {
  return element.evaluate(async (found) => {
    const chat = found as HTMLElementTagNameMap["rondo-chat"];
    const chatId = chat.chatId!;
    const snapshot = await chat.memorySource.memory({ chatId });
    const last = snapshot.chat!.shownIds.at(-1)!;
    return chat.memorySource.verify(chatId, last);
  });
}
