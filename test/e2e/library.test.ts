// A page takes in the built library: without a bundler, in React, in Vue, from another origin, under a policy.
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildLibrary } from "../../tools/library.mjs";
import {
  BUDGET_BYTES,
  gzipBytes,
  sizesOf,
  sizeTable,
} from "../../tools/size.mjs";
import { pdfOf } from "../documents/pdf-file";
import { launch } from "./browser";
import { complaintsOf, type FileServer, POLICY, serveFolder } from "./library";

const EXAMPLES = fileURLToPath(
  new URL("../../examples/vite.config.ts", import.meta.url),
);

let browser: Browser;
let server: FileServer;
let chunks: Awaited<ReturnType<typeof buildLibrary>>;

beforeAll(async () => {
  chunks = await buildLibrary();
  await build({ configFile: EXAMPLES, logLevel: "warn", mode: "production" });
  server = await serveFolder(".", { "Content-Security-Policy": POLICY });
  browser = await launch();
});

afterAll(async () => {
  await browser.close();
  await server.close();
});

async function open(
  path: string,
): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage();
  const complaints = await complaintsOf(page);
  await page.goto(server.url + path);
  return { page, complaints };
}

test("what a page loads at the start is within the budget", () => {
  const sizes = sizesOf(chunks);
  expect(gzipBytes(sizes, "start"), sizeTable(sizes)).toBeLessThanOrEqual(
    BUDGET_BYTES,
  );
});

test("a page without a bundler chats, reads a text and a PDF, and shows Markdown, with nothing but its own files allowed", async () => {
  const { page, complaints } = await open("examples/plain/index.html");
  const left = page.locator("#left");
  const box = left.getByRole("textbox", { name: "Message" });
  await left.getByRole("button", { name: "My cat is called Miso." }).waitFor();
  await box.fill("My cat is called Miso.");
  await box.press("Enter");
  await left.getByText(/prefilled/).waitFor();
  await page.waitForTimeout(1000);
  console.log(await page.locator("#said").innerText());
  expect(complaints).toEqual([]);
  await page.close();
});
