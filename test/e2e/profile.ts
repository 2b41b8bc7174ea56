/**
 * A browser with a folder that outlives it: what a page keeps is there when the next one opens. Replies
 * take the likeliest token at each step, so that a wrong answer is never chance.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright";
import { chromiumArgs, quickChromiumPath } from "../../tools/chromium.mjs";
import { ChatPage } from "./browser";

export class Profile {
  readonly #folder: string;
  #running: { context: BrowserContext; processId: number } | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(): Promise<Profile> {
    return new Profile(await mkdtemp(join(tmpdir(), "rondo-profile-")));
  }

  /**
   * The page in the browser, which is started where it does not run.
   *
   * @param before prepares the page, before it is opened
   */
  async open(
    address?: string,
    before?: (page: Page) => Promise<unknown>,
  ): Promise<ChatPage> {
    this.#running ??= await launch(this.#folder);
    return ChatPage.openIn(this.#running.context, address, async (page) => {
      await takeLikeliest(page);
      await before?.(page);
    });
  }

  /** Ends the browser as a person would. */
  async quit(): Promise<void> {
    const context = this.#running?.context;
    this.#running = undefined;
    // A page that is closed while it loads needs no answers.
    for (const page of context?.pages() ?? [])
      await page.unrouteAll({ behavior: "ignoreErrors" });
    await context?.close();
  }

  /** Ends all of the browser's processes where they stand. */
  async kill(): Promise<void> {
    const { context, processId } = this.#running!;
    const closed = context.waitForEvent("close");
    // They are a group. Windows has none, and there the others end with the first.
    const isWindows = process.platform === "win32";
    process.kill(isWindows ? processId : -processId, "SIGKILL");
    await closed;
    this.#running = undefined;
  }

  async remove(): Promise<void> {
    await this.quit();
    await rm(this.#folder, { recursive: true, maxRetries: 5 });
  }
}

async function launch(folder: string) {
  const executablePath = quickChromiumPath();
  const context = await chromium.launchPersistentContext(folder, {
    ...(executablePath && { executablePath }),
    args: chromiumArgs,
  });
  const session = await context.browser()!.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const { id } = processInfo.find(({ type }) => type === "browser")!;
  return { context, processId: id };
}

async function takeLikeliest(page: Page): Promise<void> {
  await page.route("**/generation_config.json", async (route) => {
    const response = await route.fetch();
    const config = (await response.json()) as object;
    await route.fulfill({ json: { ...config, do_sample: false } });
  });
}
