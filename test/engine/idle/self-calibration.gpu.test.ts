// Calibration in the page: a model without rondo.json learns from what it is asked.
import { addRound, conversationOf } from "../../support/conversation";
import { afterAll, expect, test } from "vitest";
import { BoundChat } from "../../../src/engine/chat/bound-chat";
import { frameOf } from "../../../src/engine/run/attention-frame";
import { pendingSpans } from "../../../src/engine/run/runner";
import { SelfCalibration } from "../../../src/engine/idle/self-calibration";
import { LoadedModel } from "../../../src/engine/load/loaded-model";
import { HALVES } from "../../../src/util/kv-half";
import {
  fetchedFiles,
  type ModelFiles,
} from "../../../src/model/files/model-files";
import quick from "../../fixtures/chats/quick.json";

const MODEL = new URL("/models/rondo-tiny/", location.href).href;

/** The model as it would come from elsewhere. */
function uncalibrated(): ModelFiles {
  const files = fetchedFiles(MODEL);
  return {
    name: files.name,
    text: (file, signal) =>
      file === "rondo.json"
        ? Promise.resolve(undefined)
        : files.text(file, signal),
    open: (file, range, signal) => files.open(file, range, signal),
  };
}

const loaded = await LoadedModel.open(uncalibrated(), {});
afterAll(() => loaded.destroy());

/** A chat of the corpus up to a round that asks, its KV on the GPU. */
async function askedChat(): Promise<BoundChat> {
  const { rounds, asks } = quick.chats[1]!;
  const count = asks[0]!.round + 1;
  const conversation = conversationOf();
  for (const { user, reply } of rounds.slice(0, count))
    addRound(conversation, { user, reply });
  const chat = new BoundChat(conversation, loaded.model);
  const { runner, residency, model } = loaded;
  const history = chat.conversation.rounds;
  for (const round of history)
    for (const half of HALVES) await residency.give(round, half);
  const { contextTokens } = model;
  const frame = frameOf({ history, own: [], ownTokens: 0, contextTokens });
  const rows = pendingSpans(frame.lower);
  for await (const _ of runner.prefill({ frame, rows })) void _;
  return chat;
}

test("learns where rounds are told apart, and whom to ask", async () => {
  expect(loaded.model.calibration).toBe("assumed");
  const chat = await askedChat();
  const calibration = new SelfCalibration(1);
  const free = loaded.runner.cache.lower.pool.freePages;
  // Somebody waits: nothing is learned, and nothing left behind.
  expect(await calibration.learn(loaded, chat, () => true)).toBeUndefined();
  loaded.residency.check();

  const again = new SelfCalibration(1);
  const learned = await again.learn(loaded, chat, () => false);
  expect(learned).toMatchObject({ tau: 0.9 });
  expect(learned!.watershed).toBeLessThan(loaded.runner.layerCount - 1);
  expect(["tail", "all"]).toContain(learned!.rows);
  expect(loaded.runner.cache.lower.pool.freePages).toBe(free);
  loaded.residency.check();
  // It has what it needs.
  expect(await again.learn(loaded, chat, () => false)).toBeUndefined();
});
