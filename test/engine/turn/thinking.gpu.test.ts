// A model that thinks before it answers: later turns do not read its thoughts, and the KV behind them is right.
import { expect, onTestFinished, test } from "vitest";
import { repairMethod } from "../../../src/engine/fusion/repair";
import { settleRounds } from "../../../src/engine/turn/settle-round";
import { runTurn } from "../../../src/engine/turn/turn";
import { ReadbackRing } from "../../../src/gpu/readback";
import { clearRound, isResident } from "../../../src/memory/round";
import { HALVES } from "../../../src/util/kv-half";
import { randomModel } from "../../fixtures/random-model";
import { testGpu } from "../../support/gpu";
import { seededInts } from "../../support/random";
import {
  exactNetwork,
  GREEDY,
  SETTINGS,
  TestChat,
} from "../../support/test-chat";
import { addMessage, conversationOf } from "../../support/conversation";
import "../../support/matchers";

const gpu = await testGpu();
const network = await exactNetwork(gpu, randomModel({ preset: "six-layers" }));
const system = [...seededInts(6, 512, 1)];
const question = [...seededInts(12, 512, 2)];
const closing = [3, 4];

/** One turn of ten tokens, in which these tokens read as marks. */
async function turn(marks: ReadonlyMap<number, string>) {
  const chat = new TestChat(network);
  const ring = new ReadbackRing(gpu, 3);
  const conversation = conversationOf(system);
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
    tokenizer: {
      isText: () => true,
      idOf: () => undefined,
      decode: (ids: Iterable<number>) =>
        Array.from(ids, (id) => marks.get(id) ?? `[${id}]`).join(""),
    },
    conversation,
    contextTokens: 1000,
  };
  const round = addMessage(conversation);
  const events = runTurn(context, round, {
    textFingerprint: "",
    openTokens: question,
    closeTokens: closing,
    stopTokens: new Set(),
    stopTexts: [],
    fusion: { ratio: 0, method: repairMethod("lite", 1) },
    sampler: { ...GREEDY, temperature: 2, seed: 5 },
    attention: SETTINGS,
    massRows: 4,
    massHeads: [0],
    maxTokens: 10,
  });
  for await (const _ of events) void _;
  const pending = HALVES.map((half) => !isResident(round, half));
  await settleRounds(context, () => false);
  return { chat, round, pending, reply: round.reply };
}

test("thoughts are shown and not kept; what was said behind them is computed as if they had never been", async () => {
  const plain = await turn(new Map());
  const said = plain.round.tokens.slice(12, 22);
  expect(new Set(said).size).toBe(10);
  const [open, , , close] = said as [number, number, number, number];
  const marks = new Map([
    [open, "<think>"],
    [close, "</think>"],
  ]);
  const { chat, round, reply, pending } = await turn(marks);
  expect(reply).toContain("<think>");
  const read = said.slice(4);
  expect(round.tokens).toEqual([...question, ...read, ...closing]);
  expect(pending).toEqual([true, true]);

  const fresh = new TestChat(network, {
    tokens: [system, [...question, ...read, ...closing]],
  });
  onTestFinished(() => fresh.close());
  await fresh.ask({ settings: { ...SETTINGS, mode: "all" } });
  for (const half of HALVES) {
    expect(isResident(round, half)).toBe(true);
    const floats = async (one: TestChat, of: typeof round) =>
      new Float32Array((await one.bytes(of, half)).slice().buffer);
    const expected = await floats(fresh, fresh.rounds[1] as typeof round);
    expect(await floats(chat, round)).toBeCloseToArray(expected, 1e-4);
  }
});
