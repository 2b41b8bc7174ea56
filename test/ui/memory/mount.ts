/** A `<rondo-memory>` in the test's page with a fake source behind it, and ways to see and touch it. */
import { onTestFinished } from "vitest";
import { page } from "vitest/browser";
import type { MemorySnapshot } from "../../../src/engine/api/memory-snapshot";
import "../../../src/ui/memory/define-memory";
import type { MemoryElement } from "../../../src/ui/memory/memory-element";
import { FakeMemorySource } from "../../support/fake-memory-source";
import { smallSnapshot } from "../../support/memory-snapshots";
import { find, findAll, settle, shownText } from "../mount";

export interface MountedPanel {
  panel: MemoryElement;
  source: FakeMemorySource;
}

export async function mountPanel(
  snapshot: MemorySnapshot = smallSnapshot(),
  width = 420,
): Promise<MountedPanel> {
  await page.viewport(width, 800);
  const source = new FakeMemorySource(snapshot);
  const panel = document.createElement("rondo-memory");
  panel.source = source;
  document.body.style.margin = "0";
  panel.style.height = "800px";
  document.body.append(panel);
  onTestFinished(() => panel.remove());
  await settle();
  return { panel, source };
}

/** The text of one part of the panel, as one reads it. */
export const shown = (name: string) => shownText(find(name));

/** The line of a round in the map. */
export const line = (roundId: number) => find(`[data-round="${roundId}"]`);

export const cells = (roundId: number) => findAll(".cell", line(roundId));

/** What a screen reader reads in a cell. */
export const cellText = (roundId: number, column: number) =>
  cells(roundId)[column]!.textContent.replace(/\s+/g, " ").trim();

export async function openRound(roundId: number): Promise<void> {
  line(roundId).click();
  await settle();
}
