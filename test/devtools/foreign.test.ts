// What the panel takes of an inspected page's answers.
import { expect, test } from "vitest";
import { snapshotFrom } from "../../src/devtools/foreign";
import {
  emptySnapshot,
  longSnapshot,
  smallSnapshot,
  unloadedSnapshot,
  withTexts,
} from "../support/memory-snapshots";

/** As it comes out of the page. */
const sent = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test.each([
  ["of a chat", smallSnapshot()],
  ["of a long chat with turns", longSnapshot()],
  ["with texts", withTexts(longSnapshot())],
  ["without a chat", emptySnapshot()],
  ["without a model", unloadedSnapshot()],
])("a snapshot %s is taken as it is", (_, snapshot) => {
  expect(snapshotFrom(sent(snapshot))).toEqual(sent(snapshot));
});

test("a turn that says nothing of KV is none", () => {
  const snapshot = longSnapshot();
  expect(snapshot.turns).not.toEqual([]);
  const { kv: _, ...receipt } = snapshot.turns[0]!.receipt;
  const changed = {
    ...snapshot,
    turns: [{ ...snapshot.turns[0], receipt }, ...snapshot.turns.slice(1)],
  };
  expect(() => snapshotFrom(sent(changed))).toThrow(
    'Its memory, turns.0.receipt.kv: expected "kv", found undefined.',
  );
});
