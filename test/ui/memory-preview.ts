/**
 * The memory panel over made-up snapshots, to look at while one works on it: `npx vite`, then
 * /test/ui/memory-preview.html?scene=… with a name from below, and `verified` to see a report. Not part of
 * the build.
 */
import "../../src/ui/memory/define-memory";
import { FakeMemorySource } from "../support/fake-memory-source";
import {
  emptySnapshot,
  longSnapshot,
  makeReport,
  smallSnapshot,
  unloadedSnapshot,
} from "../support/memory-snapshots";

const scenes = {
  small: smallSnapshot,
  long: longSnapshot,
  huge: () => longSnapshot(200),
  empty: emptySnapshot,
  unloaded: unloadedSnapshot,
  failing: smallSnapshot,
};

const parameters = new URLSearchParams(location.search);
const scene = (parameters.get("scene") ?? "long") as keyof typeof scenes;
const source = new FakeMemorySource(scenes[scene]());
if (scene === "failing") source.error = new Error("The worker has ended.");
source.onVerify = (verification) => {
  const { options, roundId } = verification;
  options.onProgress?.({ doneTokens: 12, totalTokens: 41 });
  if (parameters.has("verified"))
    verification.finish(makeReport(source.snapshot, { roundId }));
};
const panel = document.querySelector("rondo-memory");
if (panel) panel.source = source;
