/** What axe finds wrong with an element, and how a test gives the page what a user prefers. */
import axe, { type RunOnly } from "axe-core";
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

const ALL_RULES: RunOnly = {
  type: "tag",
  values: [
    "wcag2a",
    "wcag2aa",
    "wcag21a",
    "wcag21aa",
    "wcag22aa",
    "best-practice",
  ],
};
const COLOUR_RULES: RunOnly = {
  type: "rule",
  values: ["color-contrast", "link-in-text-block"],
};

/**
 * All that axe finds wrong with the element, one line each. Wide pages are light ones, and then dark ones,
 * where nothing but the colours differs; narrow ones are dark.
 */
export async function violations(element: HTMLElement): Promise<string[]> {
  if (innerWidth < 500) return found(element, "dark", ALL_RULES);
  const inLight = await found(element, "light", ALL_RULES);
  const inDark = await found(element, "dark", COLOUR_RULES);
  return [...inLight, ...inDark];
}

async function found(
  element: HTMLElement,
  scheme: "light" | "dark",
  runOnly: RunOnly,
): Promise<string[]> {
  // Nothing fades while axe looks: what is under the pointer may change late, and half a fade is no contrast.
  await emulate({
    "prefers-color-scheme": scheme,
    "prefers-reduced-motion": "reduce",
  });
  await settle();
  const { violations } = await axe.run(element, {
    runOnly,
    resultTypes: ["violations"],
    preload: false,
  });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(
      ({ target, failureSummary }) =>
        `${scheme}: ${id}: ${target.join(" ")}: ${failureSummary}`,
    ),
  );
}
