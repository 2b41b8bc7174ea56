// A document is attached once its text is in the store; what becomes of its KV is another matter.
import { expect, test, vi } from "vitest";
import { NoArchive } from "../../../src/engine/archive/archive";
import type { RoundFields } from "../../../src/engine/chat/chat-round";
import { Engine } from "../../../src/engine/engine";
import type { ModelFiles } from "../../../src/model/files/model-files";
import { OutOfMemoryError } from "../../../src/util/errors";
import { plainModel } from "../../support/plain-model";
import { say } from "../../support/say";

const packing = vi.hoisted(() => ({ fails: false }));

vi.mock("../../../src/memory/segment-transfer", async () => {
  const fake = await import("../../support/fake-transfer");
  return {
    ...fake,
    packHalf: (...args: Parameters<typeof fake.packHalf>) => {
      if (packing.fails)
        return Promise.reject(new OutOfMemoryError("The GPU is full."));
      return fake.packHalf(...args);
    },
  };
});

test("a document whose KV can't be packed is attached, and kept before what follows it", async () => {
  const written: Pick<RoundFields, "id" | "parentId" | "document">[] = [];
  const archive = Object.assign(new NoArchive(), {
    saveRounds: async (_: unknown, rounds: readonly RoundFields[]) => {
      for (const { id, parentId, document } of rounds)
        if (id > 0) written.push({ id, parentId, document });
      return true;
    },
  });
  const engine = new Engine({
    openFiles: () => ({}) as ModelFiles,
    openModel: async () => plainModel(),
    openArchive: async () => archive,
  });
  await engine.load("fake");
  const chat = await engine.createChat();
  packing.fails = true;
  const onProgress = vi.fn(() => {
    // Its text is on the disk before the model reads a word of it.
    expect(written).toEqual([{ id: 1, parentId: 0, document: "trip.txt" }]);
  });
  const text = "The train leaves at ten. The meeting is in room 12.";
  const { roundId, encodedTokens } = await engine.attach(
    chat,
    { name: "trip.txt", text },
    { onProgress },
  );
  expect(onProgress).toHaveBeenCalled();
  expect(roundId).toBe(1);
  expect(encodedTokens).toBeGreaterThan(10);
  await say(engine, chat, "When does it leave?", { maxTokens: 3 });
  const { rounds } = await engine.showVersion(chat, 2);
  expect(rounds.map(({ id, document }) => [id, document])).toEqual([
    [1, "trip.txt"],
    [2, undefined],
  ]);
  expect(written).toContainEqual({ id: 2, parentId: 1, document: undefined });
  await engine.close();
});
