/**
 * DevTools, opened on a page of the browser under test. Playwright hides its windows, so this talks to them
 * through the browser's own protocol. Its front end is no public interface: `showPanel` may have to change
 * with Chromium.
 */
import type { BrowserContext, CDPSession } from "playwright";

/** Something to evaluate in. */
export interface Frame {
  evaluate(expression: string): Promise<unknown>;
  /** Evaluates until there is something. */
  until(expression: string): Promise<unknown>;
}

type TargetInfo = Awaited<ReturnType<typeof targetsOf>>[number];

export class DevtoolsWindow {
  readonly #cdp: CDPSession;
  readonly #frontEnd: Frame;

  private constructor(cdp: CDPSession, frontEnd: Frame) {
    this.#cdp = cdp;
    this.#frontEnd = frontEnd;
  }

  /** That of the page at an address; the browser opens one for each tab. */
  static async of(
    context: BrowserContext,
    pageUrl: string,
  ): Promise<DevtoolsWindow> {
    const cdp = await context.browser()!.newBrowserCDPSession();
    // Its title says what it inspects.
    const target = await found(
      cdp,
      ({ type, url, title }) =>
        type === "page" &&
        url.startsWith("devtools://") &&
        title.includes(new URL(pageUrl).host),
    );
    return new DevtoolsWindow(cdp, await frameOf(cdp, target));
  }

  /** Brings an extension's panel to the front. */
  async showPanel(origin: string): Promise<Frame> {
    await this.#frontEnd.until(`(async () => {
      const { ViewManager } = await import("devtools://devtools/bundled/ui/legacy/legacy.js");
      const manager = ViewManager.ViewManager.instance();
      const ids = [...manager.views.values()].map((view) => view.viewId());
      const id = ids.find((id) => id.startsWith(${JSON.stringify(origin)}));
      if (id) await manager.showView(id);
      return id;
    })()`);
    const target = await found(
      this.#cdp,
      ({ type, url }) => type === "iframe" && url === `${origin}/panel.html`,
    );
    return frameOf(this.#cdp, target);
  }
}

async function targetsOf(cdp: CDPSession) {
  const { targetInfos } = await cdp.send("Target.getTargets", { filter: [{}] });
  return targetInfos;
}

async function found(
  cdp: CDPSession,
  isWanted: (target: TargetInfo) => boolean,
): Promise<TargetInfo> {
  for (;;) {
    const target = (await targetsOf(cdp)).find(isWanted);
    if (target) return target;
    await pause();
  }
}

/** Playwright has no sessions inside its own, so messages go in envelopes. */
async function frameOf(
  cdp: CDPSession,
  { targetId }: TargetInfo,
): Promise<Frame> {
  const { sessionId } = await cdp.send("Target.attachToTarget", {
    targetId,
    flatten: false,
  });
  const waiting = new Map<number, (answer: Answer) => void>();
  cdp.on("Target.receivedMessageFromTarget", (event) => {
    if (event.sessionId !== sessionId) return;
    const answer = JSON.parse(event.message) as Answer;
    waiting.get(answer.id)?.(answer);
  });
  const evaluate = async (expression: string) => {
    const id = waiting.size + 1;
    const answered = new Promise<Answer>((resolve) => waiting.set(id, resolve));
    const message = JSON.stringify({
      id,
      method: "Runtime.evaluate",
      params: { expression, awaitPromise: true, returnByValue: true },
    });
    await cdp.send("Target.sendMessageToTarget", { sessionId, message });
    const { result, error } = await answered;
    const thrown = error ?? result?.exceptionDetails;
    if (thrown) throw new Error(JSON.stringify(thrown));
    return result!.result.value;
  };
  return {
    evaluate,
    async until(expression) {
      for (;;) {
        const value = await evaluate(expression);
        if (value) return value;
        await pause();
      }
    },
  };
}

interface Answer {
  id: number;
  result?: { result: { value?: unknown }; exceptionDetails?: unknown };
  error?: unknown;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}
