// A chat comes back to the GPU, also while what it has there is being packed for the store.
import { expect, test } from "vitest";
import { readyBranch, stateOf } from "../../../src/engine/chat/kv-state";
import { newReport } from "../../../src/engine/restore/kv-restore";
import { preload } from "../../../src/engine/turn/preload";
import { noteComputed } from "../../../src/memory/half-kv";
import { Pins } from "../../../src/memory/residency";
import { isResident } from "../../../src/memory/round";
import { HALVES } from "../../../src/util/kv-half";
import { conversationOf } from "../../support/conversation";
import { plainModel } from "../../support/plain-model";
import {
  exactValues,
  pageValues,
  spoilPages,
} from "../../support/fake-network";

test("half a round that is of no use is computed again, though it is being packed", async () => {
  const { residency, runner, restorer } = plainModel();
  const { lower } = runner.cache;
  const conversation = conversationOf([1, 2], [3, 4, 5]);
  const round = conversation.rounds[1]!;
  // Stale, and its upper half is nowhere.
  await residency.give(round, "lower");
  spoilPages(lower, round.lower.pages);
  const elsewhere = { hash: "elsewhere", isExact: true };
  for (const token of round.tokens.keys())
    noteComputed(round.lower, token, elsewhere);
  const packing = new Pins(residency);
  packing.add(round, "lower");
  const { generation } = round.lower;

  const report = newReport();
  const work = preload(
    {
      residency,
      restorer,
      conversation,
      contextTokens: 100,
      source: { read: async () => "missing" },
    },
    report,
  );
  for await (const _ of work) void _;
  // What was packed is of other content, and is not taken for this.
  expect(round.lower.generation).not.toBe(generation);
  packing.release();

  expect(report.recomputedTokens).toBe(5);
  expect(isResident(round, "lower")).toBe(true);
  expect(pageValues(lower, round.lower.pages, 3)).toEqual(
    exactValues(runner.cache, [1, 2], round.tokens).slice(0, lower.layerCount),
  );
  await readyBranch(conversation.rounds);
  expect((await stateOf(conversation.rounds)).inexact).toEqual([]);
  expect(residency.faults()).toEqual([]);
  for (const one of conversation.rounds)
    for (const half of HALVES) residency.drop(one, half);
});
