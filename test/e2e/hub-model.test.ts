// A person chooses a model of 135 million parameters in four bits: fetched from a hub, kept, and run.
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { preview, type PreviewServer } from "vite";
import { SMOLLM2_TEMPLATE } from "../support/chat-templates";
import { fakeHub, type FakeHub } from "../support/fake-hub";
import type { GgufModel } from "../support/gguf-model";
import { ggufVocabulary } from "../support/gguf-vocabulary";
import { shapedGguf, SMOLLM2_135M } from "../support/shaped-model";
import { fixtureJson } from "../support/tokenizers";
import { ChatPage, launch } from "./browser";

const NAME = "someone/SmolLM2-135M-shape-GGUF";
const FILE = "model-Q4_0.gguf";
/** A token takes seconds where a CPU stands in for the GPU. */
const PATIENCE = { timeout: 150_000 };

let browser: Browser;
let hub: FakeHub;
let server: PreviewServer;
let address: string;

beforeAll(async () => {
  const tokenizer = fixtureJson(
    "tokenizers/smollm2-135m-instruct/tokenizer.json",
  );
  const metadata: GgufModel["metadata"] = [
    ...ggufVocabulary(tokenizer, "smollm"),
    ["tokenizer.ggml.eos_token_id", ["u32", 2]],
    ["tokenizer.chat_template", ["string", SMOLLM2_TEMPLATE]],
  ];
  hub = await fakeHub({
    [NAME]: { [FILE]: shapedGguf(SMOLLM2_135M, "Q4_0", metadata) },
  });
  // The page's policy lets it ask its own server and https alone.
  const at = (path: string, target: string) => ({
    [path]: { target, rewrite: (url: string) => url.slice(path.length) },
  });
  server = await preview({
    preview: {
      port: 0,
      host: "127.0.0.1",
      proxy: { ...at("/hub", hub.url), ...at("/cdn", hub.cdnUrl) },
    },
  });
  const { port } = server.httpServer.address() as AddressInfo;
  address = `http://127.0.0.1:${port}/`;
  hub.cdnUrl = `${address}cdn`;
  browser = await launch();
});

afterAll(async () => {
  await browser.close();
  await server.close();
  await hub.close();
});

/** The page, whose element asks this hub. */
async function openPage(
  context: Awaited<ReturnType<Browser["newContext"]>>,
): Promise<ChatPage> {
  const chat = await ChatPage.openIn(context, address);
  await chat.page.locator("rondo-chat").evaluate((element, hubUrl) => {
    element.setAttribute("hub", hubUrl);
  }, `${address}hub`);
  return chat;
}

test("it is chosen by its name, downloaded with a pause, answers, and is there again without the hub", async () => {
  const context = await browser.newContext();
  const chat = await openPage(context);
  const { page } = chat;
  const size = hub.repositories[NAME]![FILE]!.length;
  expect(size).toBeGreaterThan(80e6);

  await page.getByRole("button", { name: /^Model: / }).click();
  const dialog = page.getByRole("dialog", { name: "Choose a model" });
  await dialog.getByLabel("Its name on the hub, or its address").fill(NAME);
  await dialog.getByRole("button", { name: "Look up" }).click();
  await dialog.getByText("LlamaForCausalLM").waitFor();
  await dialog.getByRole("button", { name: "Download and use" }).click();

  const pause = page.getByRole("button", { name: "Pause" });
  await pause.waitFor();
  await expect
    .poll(() => hub.requests.filter(({ from }) => from === "cdn").length)
    .toBeGreaterThan(1);
  await pause.click();
  await page.getByText(/Paused at/).waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page
    .getByRole("button", { name: /^Model: .*SmolLM2-135M-shape/ })
    .waitFor(PATIENCE);

  await chat.send("Hello there");
  const reply = chat.replies.first();
  await reply.locator("rondo-markdown").waitFor(PATIENCE);
  await chat.stopButton.click();
  await reply.getByText(/prefilled/).waitFor(PATIENCE);

  // What was paused was not fetched twice: each byte once, but for what was on its way.
  const sent = hub.requests
    .filter(({ from }) => from === "cdn")
    .reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  expect(sent).toBeGreaterThanOrEqual(size);
  expect(sent).toBeLessThan(1.5 * size);

  hub.requests.length = 0;
  await page.reload();
  await page
    .getByRole("button", { name: /^Model: .*SmolLM2-135M-shape/ })
    .waitFor(PATIENCE);
  await expect.poll(async () => (await chat.rounds()).length).toBe(1);
  expect(hub.requests).toEqual([]);
  expect(chat.complaints).toEqual([]);
  await context.close();
});
