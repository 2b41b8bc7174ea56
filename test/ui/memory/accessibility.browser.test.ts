import { afterEach, describe, expect, test } from "vitest";
import { page } from "vitest/browser";
import type { MemorySnapshot } from "../../../src/engine/api/memory-snapshot";
import {
  emptySnapshot,
  longSnapshot,
  makeReport,
  smallSnapshot,
  unloadedSnapshot,
} from "../../support/memory-snapshots";
import { emulate, violations } from "../axe";
import { button, findAll, settle } from "../mount";
import { mountPanel, openRound, type MountedPanel } from "./mount";

afterEach(() => emulate({}));

interface Scene {
  snapshot: () => MemorySnapshot;
  prepare?: (panel: MountedPanel) => Promise<void>;
}

const openAll = () =>
  findAll("details").forEach((details) =>
    Object.assign(details, { open: true }),
  );

const SCENES: Record<string, Scene> = {
  "a long chat with a report, everything open": {
    snapshot() {
      const snapshot = longSnapshot(8);
      const { rounds } = snapshot.chat!;
      rounds[3]!.quality = "stale";
      rounds[4]!.quality = "repaired";
      rounds[5]!.quality = "approximate";
      return snapshot;
    },
    async prepare({ source }) {
      source.onVerify = (verification) =>
        verification.finish(makeReport(source.snapshot));
      await page.getByRole("checkbox").click();
      await button("Verify this turn").click();
      await openRound(5);
      openAll();
    },
  },
  "a verification, and a question": {
    snapshot: smallSnapshot,
    async prepare() {
      await button("Verify this turn").click();
      await openRound(2);
      await button("Delete…").click();
      await button("Forget all KV…").click();
    },
  },
  "things that failed": {
    snapshot: smallSnapshot,
    async prepare({ source }) {
      await openRound(2);
      source.error = new Error("It has ended.");
      await button("Evict").click();
      await expect.poll(() => findAll(".warning")).toHaveLength(2);
    },
  },
  "an engine without a chat": { snapshot: emptySnapshot },
  "an engine without a model": { snapshot: unloadedSnapshot },
};

describe("In light and dark colours, axe finds nothing in", () => {
  for (const width of [360, 1200])
    test.for(Object.keys(SCENES))(`%s, ${width} px wide`, async (name) => {
      const { snapshot, prepare } = SCENES[name]!;
      const mounted = await mountPanel(snapshot(), width);
      await prepare?.(mounted);
      await settle();
      expect(await violations(mounted.panel)).toEqual([]);
    });
});

test("On a page that turns dark, what is drawn turns with it", async () => {
  await emulate({ "prefers-color-scheme": "light" });
  await mountPanel();
  const [canvas] = findAll("canvas") as HTMLCanvasElement[];
  const before = canvas!.toDataURL();
  await emulate({ "prefers-color-scheme": "dark" });
  await expect.poll(() => canvas!.toDataURL()).not.toBe(before);
});
