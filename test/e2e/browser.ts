/** Chromium on the built page, as a person would use it. */
import {
  type Browser,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from "playwright";
import { inject } from "vitest";
import { chromiumArgs, chromiumPath } from "../../tools/chromium.mjs";

const pageUrl = inject("pageUrl");

export function launch(args: string[] = chromiumArgs): Promise<Browser> {
  const executablePath = chromiumPath();
  return chromium.launch({ ...(executablePath && { executablePath }), args });
}

/** The page in a context of its own, and all that went wrong or went out while it was open. */
export class ChatPage {
  readonly page: Page;
  /** Errors and warnings of the console, and what was thrown. */
  readonly complaints: string[] = [];
  /** Requests to anywhere but the page's own server. */
  readonly foreignRequests: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) {
        this.complaints.push(message.text());
      }
    });
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("request", (request) => {
      const isOwn = request.url().startsWith(pageUrl);
      const isInPage = /^(data|blob):/.test(request.url());
      if (!isOwn && !isInPage) this.foreignRequests.push(request.url());
    });
  }

  /** @param before prepares the page, before it is opened */
  static async open(
    browser: Browser,
    options: BrowserContextOptions = {},
    before?: (page: Page) => Promise<unknown>,
  ): Promise<ChatPage> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const chat = new ChatPage(page);
    await before?.(page);
    await page.goto(pageUrl);
    return chat;
  }

  get box(): Locator {
    return this.page.getByRole("textbox", { name: "Message" });
  }

  /** The replies so far, the last one possibly still streaming. */
  get replies(): Locator {
    return this.page.getByRole("article", { name: "Rondo" });
  }

  get stopButton(): Locator {
    return this.page.getByRole("button", { name: "Stop" });
  }

  /** Sends a message without waiting for the reply. */
  async send(message: string): Promise<void> {
    await this.box.fill(message);
    await this.box.press("Enter");
  }

  /** Sends a message and returns the finished reply as assistive technology reads it, receipt included. */
  async say(message: string): Promise<string> {
    await this.box.waitFor();
    const before = await this.replies.count();
    await this.send(message);
    const reply = this.replies.nth(before);
    await reply.getByText(/prefilled/).waitFor();
    return reply.ariaSnapshot();
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
