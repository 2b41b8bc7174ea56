/** What axe finds wrong with an element, and how a test gives the page what a user prefers. */
import axe from "axe-core";
import { cdp } from "vitest/browser";
import { settle } from "./mount";

interface Session {
  send(method: string, params: object): Promise<void>;
}

/** For example a dark colour scheme; `{}` ends it. */
export async function emulate(features: Record<string, string>): Promise<void> {
  const session = cdp() as unknown as Session;
  await session.send("Emulation.setEmulatedMedia", {
    features: Object.entries(features).map(([name, value]) => ({
      name,
      value,
    })),
  });
}

/** Everything axe finds wrong with the element, one line each. */
export async function violations(chat: HTMLElement): Promise<string[]> {
  // Wait for colours that fade in, also because something else is under the pointer now.
  for (let i = 0; i < 2; i++) {
    await settle();
    await Promise.allSettled(
      document
        .getAnimations()
        .filter(endsSoon)
        .map(({ finished }) => finished),
    );
  }
  const { violations } = await axe.run(chat, {
    runOnly: [
      "wcag2a",
      "wcag2aa",
      "wcag21a",
      "wcag21aa",
      "wcag22aa",
      "best-practice",
    ],
  });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(
      ({ target, failureSummary }) =>
        `${id}: ${target.join(" ")}: ${failureSummary}`,
    ),
  );
}

const endsSoon = (animation: Animation) =>
  Number.isFinite(animation.effect?.getComputedTiming().endTime);
