// The extension in Chromium: its panel's page against the built page, and once all of it inside DevTools.
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe, { type AxeResults } from "axe-core";
import { type BrowserContext, chromium, type Page } from "playwright";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { EvalFailure } from "../../src/devtools/evaluate";
import type { MemorySnapshot } from "../../src/engine/api/memory-snapshot";
import { chromiumArgs, quickChromiumPath } from "../../tools/chromium.mjs";
import { DevtoolsWindow } from "./devtools-window";

/** What the manifest's `key` makes of it. */
const ORIGIN = "chrome-extension://onefccpibejimedigicmhniihgacnlon";
const FOLDER = join(process.cwd(), "dist", "extension");
const pageUrl = inject("pageUrl");

let profile: string;
let context: BrowserContext;
/** The page that is inspected. */
let page: Page;

beforeAll(async () => {
  execFileSync(process.execPath, ["tools/build-extension.mjs", "--quiet"], {
    env: { ...process.env, NODE_ENV: "production" },
  });
  profile = await mkdtemp(join(tmpdir(), "rondo-extension-"));
  const executablePath = quickChromiumPath();
  context = await chromium.launchPersistentContext(profile, {
    ...(executablePath && { executablePath }),
    args: [
      ...chromiumArgs,
      "--auto-open-devtools-for-tabs",
      `--disable-extensions-except=${FOLDER}`,
      `--load-extension=${FOLDER}`,
    ],
  });
  page = context.pages()[0]!;
  await page.goto(pageUrl);
  await page.locator("rondo-chat[state=ready]").waitFor();
});
afterAll(async () => {
  await context.close();
  await rm(profile, { recursive: true, maxRetries: 5 });
});

/** The panel's page in a tab, where nothing of chrome.devtools is but what it needs, done by the test. */
async function openPanel(complaints: string[]): Promise<Page> {
  const panel = await context.newPage();
  panel.on("console", (message) => {
    if (["error", "warning"].includes(message.type()))
      complaints.push(message.text());
  });
  panel.on("pageerror", (error) => complaints.push(error.message));
  await panel.exposeFunction("evaluateInPage", (expression: string) =>
    page.evaluate(expression),
  );
  await panel.addInitScript(() => {
    const { evaluateInPage } = window as unknown as {
      evaluateInPage: (expression: string) => Promise<unknown>;
    };
    const listeners: (() => void)[] = [];
    Object.assign(window, { tellNavigated: () => listeners.map((f) => f()) });
    Object.assign(chrome, {
      devtools: {
        inspectedWindow: {
          eval: (
            expression: string,
            callback: (result: unknown, failure?: EvalFailure) => void,
          ) =>
            void evaluateInPage(expression).then(callback, (error: unknown) =>
              callback(undefined, {
                isError: true,
                description: String(error),
              }),
            ),
        },
        network: {
          onNavigated: {
            addListener: (listener: () => void) => listeners.push(listener),
          },
        },
      },
    });
  });
  await panel.goto(`${ORIGIN}/panel.html`);
  return panel;
}

/** What the shown `<rondo-memory>` can ask for, and what the engine itself says. */
async function bothSnapshots(panel: Page): Promise<MemorySnapshot[]> {
  const shown = panel.locator("rondo-memory").evaluate((element) => {
    const { source } = element as HTMLElementTagNameMap["rondo-memory"];
    return source!.memory();
  });
  const own = page.locator("rondo-chat").evaluate((element) => {
    const { engine } = element as HTMLElementTagNameMap["rondo-chat"];
    return engine!.memory();
  });
  return Promise.all([shown, own]);
}

test("the panel shows the page's memory, and what fails there fails here", async () => {
  const complaints: string[] = [];
  const panel = await openPanel(complaints);
  const [shown, own] = await bothSnapshots(panel);
  expect(shown!.gpu!.bytes.weights).toBeGreaterThan(1_000_000);
  expect(shown!.gpu).toEqual(own!.gpu);
  expect(shown!.model).toEqual(own!.model);
  const weights = panel.getByText("6.9 MB").filter({ visible: true });
  await weights.first().waitFor();

  const error = await panel.locator("rondo-memory").evaluate((element) => {
    const { source } = element as HTMLElementTagNameMap["rondo-memory"];
    return source!.deleteRound("no such chat", 1).then(
      () => "",
      (error: unknown) => (error as Error).name,
    );
  });
  expect(error).toBe("RangeError");

  await panel.evaluate(axe.source);
  const { violations } = await panel.evaluate<AxeResults>("axe.run()");
  expect(violations.map(({ id, help }) => `${id}: ${help}`)).toEqual([]);
  expect(complaints).toEqual([]);
  await panel.close();
});

test("a page that leaves Rondo is seen to, and so is one that has it again", async () => {
  const complaints: string[] = [];
  const panel = await openPanel(complaints);
  await panel.locator("rondo-memory").waitFor();
  await page.goto("about:blank");
  await panel.evaluate("tellNavigated()");
  await panel.getByRole("heading", { name: "No Rondo on this page" }).waitFor();
  await page.goto(pageUrl);
  // Nobody has told the panel.
  await panel.locator("rondo-memory").waitFor();
  expect(complaints).toEqual([]);
  await panel.close();
});

test("the extension wants nothing, and its pages reach nobody", async () => {
  const panel = await openPanel([]);
  const manifest = await panel.evaluate(() => chrome.runtime.getManifest());
  expect(Object.keys(manifest).sort()).toEqual([
    "content_security_policy",
    "description",
    "devtools_page",
    "icons",
    "key",
    "manifest_version",
    "minimum_chrome_version",
    "name",
    "version",
  ]);
  const reached = await panel.evaluate(
    (url) =>
      fetch(url, { mode: "no-cors" }).then(
        () => true,
        () => false,
      ),
    pageUrl,
  );
  expect(reached).toBe(false);
  await panel.close();
});

test("inside DevTools, the panel shows the memory of the page beside it", async () => {
  const devtools = await DevtoolsWindow.of(context, pageUrl);
  const panel = await devtools.showPanel(ORIGIN);
  const weights = await panel.until(`(async () => {
    const memory = document.querySelector("rondo-devtools-panel")
      ?.shadowRoot?.querySelector("rondo-memory");
    const snapshot = await memory?.source.memory();
    return snapshot?.gpu?.bytes.weights;
  })()`);
  expect(weights).toBeGreaterThan(1_000_000);
});
