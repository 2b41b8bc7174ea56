/** What a stopped turn leaves of its message is read while nobody waits, and left to the next turn where somebody does. */
import { expect, onTestFinished, test } from "vitest";
import { repairMethod } from "../../../src/engine/fusion/repair";
import { settleRounds } from "../../../src/engine/turn/settle-round";
import { runTurn } from "../../../src/engine/turn/turn";
import { ReadbackRing } from "../../../src/gpu/readback";
import { clearRound, pendingTokens } from "../../../src/memory/round";
import { HALVES } from "../../../src/util/kv-half";
import { randomModel } from "../../fixtures/random-model";
import { addMessage, conversationOf } from "../../support/conversation";
import { testGpu } from "../../support/gpu";
import { seededInts } from "../../support/random";
import {
  exactNetwork,
  GREEDY,
  SETTINGS,
  TestChat,
} from "../../support/test-chat";

test("reading goes on after each submit only as long as nobody waits", async () => {
  const gpu = await testGpu();
  const network = await exactNetwork(
    gpu,
    randomModel({ preset: "six-layers" }),
  );
  const chat = new TestChat(network);
  const ring = new ReadbackRing(gpu, 3);
  const conversation = conversationOf([...seededInts(6, 512, 1)]);
  onTestFinished(() => {
    conversation.all.forEach(clearRound);
    ring.destroy();
  });
  const context = {
    runner: network.runner,
    residency: chat.residency,
    restorer: chat.restorer,
    ring,
    source: chat.store,
    tokenizer: { isText: () => true, idOf: () => undefined, decode: () => "" },
    conversation,
    contextTokens: 1000,
  };
  const round = addMessage(conversation);
  const stop = new AbortController();
  const events = runTurn(context, round, {
    textFingerprint: "",
    openTokens: [...seededInts(300, 512, 2)],
    closeTokens: [3, 4],
    stopTokens: new Set(),
    stopTexts: [],
    fusion: { ratio: 0, method: repairMethod("lite", 1) },
    sampler: GREEDY,
    attention: SETTINGS,
    massRows: 4,
    massHeads: [0],
    maxTokens: 10,
    signal: stop.signal,
  });
  for await (const event of events)
    if (event.type === "prefill" && event.doneTokens > 0) stop.abort();
  const pending = () => HALVES.map((half) => pendingTokens(round, half));
  const [stopped] = pending();
  expect(stopped).toBeGreaterThan(100);

  await settleRounds(context, () => true);
  const [left] = pending();
  expect(left).toBeLessThan(stopped!);
  expect(left).toBeGreaterThan(0);

  await settleRounds(context, () => false);
  expect(pending()).toEqual([0, 0]);
});
