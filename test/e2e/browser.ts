/** Chromium on the built page, as a person would use it. */
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from "playwright";
import { inject } from "vitest";
import { localReceipt } from "../support/say";
import type { LocalReceipt, Receipt } from "../../src/engine/api/receipt";
import { chromiumArgs, quickChromiumPath } from "../../tools/chromium.mjs";

const pageUrl = inject("pageUrl");

export function launch(args: string[] = chromiumArgs): Promise<Browser> {
  const executablePath = quickChromiumPath();
  return chromium.launch({ ...(executablePath && { executablePath }), args });
}

/** A round as the page shows it. */
export interface ShownRound {
  message: string;
  reply: string;
  isCutOff: boolean;
}

/** A reply that has ended. */
export interface Answer {
  reply: string;
  receipt: LocalReceipt;
}

/** The page in a context of its own, and all that went wrong or went out while it was open. */
export class ChatPage {
  readonly page: Page;
  /** Errors and warnings of the console, and what was thrown. */
  readonly complaints: string[] = [];
  /** Requests to anywhere but the page's own server. */
  readonly foreignRequests: string[] = [];

  private constructor(page: Page, address: string) {
    this.page = page;
    const { origin } = new URL(address);
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) {
        this.complaints.push(message.text());
      }
    });
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("request", (request) => {
      const isOwn = request.url().startsWith(`${origin}/`);
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
    return ChatPage.openIn(await browser.newContext(options), pageUrl, before);
  }

  /**
   * @param address of the page, or of a chat in it
   * @param isKept whether a service worker keeps the page; what it answers, no route of a test can
   */
  static async openIn(
    context: BrowserContext,
    address = pageUrl,
    before?: (page: Page) => Promise<unknown>,
    isKept = false,
  ): Promise<ChatPage> {
    const page = await context.newPage();
    // On a busy machine the software adapter takes a minute for what else takes seconds.
    page.setDefaultTimeout(120_000);
    const chat = new ChatPage(page, address);
    if (!isKept) await page.addInitScript(forgoServiceWorkers);
    await before?.(page);
    await page.goto(address);
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

  /** Sends a message and returns what came of it, as `<rondo-chat>` tells its page. */
  async ask(message: string): Promise<Answer> {
    await this.box.waitFor();
    const ended = this.page.evaluate(
      () =>
        new Promise<{ reply: string; receipt: Receipt }>((resolve, reject) => {
          const chat = document.querySelector("rondo-chat")!;
          chat.addEventListener("rondo-round", ({ round }) =>
            resolve({ reply: round.reply, receipt: round.receipt! }),
          );
          chat.addEventListener("rondo-error", ({ error }) => reject(error));
        }),
    );
    await this.send(message);
    const { reply, receipt } = await ended;
    return { reply, receipt: localReceipt(receipt) };
  }

  /** The engine's name for the chat that is shown. */
  async chatId(): Promise<string> {
    const chat = this.page.locator("rondo-chat");
    return chat.evaluate(
      (element) => (element as HTMLElementTagNameMap["rondo-chat"]).chatId!,
    );
  }

  /** The rounds that are shown. */
  rounds(): Promise<ShownRound[]> {
    return this.page.locator("rondo-round").evaluateAll((elements) =>
      (elements as HTMLElementTagNameMap["rondo-round"][]).map(({ round }) => ({
        message: round.message,
        reply: round.reply,
        isCutOff: round.ending === "cut off",
      })),
    );
  }

  /** How many versions the last message has, its own included. */
  async versionsOfLast(): Promise<number> {
    const known = await this.page
      .locator("rondo-round")
      .last()
      .evaluate(
        (element) =>
          (element as HTMLElementTagNameMap["rondo-round"]).round.versions
            .length,
      );
    // The page asks for them where there is another.
    return Math.max(1, known);
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}

/** As in a browser that has none. */
function forgoServiceWorkers() {
  Reflect.deleteProperty(Navigator.prototype, "serviceWorker");
}
