// KV that was repaired for one system prompt, and the first system prompt is back.
import { expect, test, vi } from "vitest";
import { NoArchive } from "../../../src/engine/archive/archive";
import { Engine } from "../../../src/engine/engine";
import type { LoadedModel } from "../../../src/engine/load/loaded-model";
import type { Round } from "../../../src/memory/round";
import type { ModelFiles } from "../../../src/model/files/model-files";
import { HALVES } from "../../../src/util/kv-half";
import { plainModel } from "../../support/plain-model";
import { exactValues, pageValues } from "../../support/fake-network";
import { say } from "../../support/say";

vi.mock(
  "../../../src/memory/segment-transfer",
  () => import("../../support/fake-transfer"),
);

const SHORT = { maxTokens: 3, attention: { mode: "all" as const } };
const FACTS = ["My cat is called Miso.", "I live in Bergen.", "I like plums."];

/** The rounds that get pages, each once. */
function roundsWithPages({ residency }: LoadedModel): Set<Round> {
  const rounds = new Set<Round>();
  const give = residency.give.bind(residency);
  vi.spyOn(residency, "give").mockImplementation(
    async (round, half, tokens) => {
      rounds.add(round);
      await give(round, half, tokens);
    },
  );
  return rounds;
}

test("is not exact for the turns that follow, until it is computed again", async () => {
  const model = plainModel();
  const engine = new Engine({
    openFiles: () => ({}) as ModelFiles,
    openModel: async () => model,
    openArchive: async () => new NoArchive(),
  });
  const given = roundsWithPages(model);
  await engine.load("fake");
  await engine.setHealing(false);
  const chat = await engine.createChat({ system: "Be kind." });
  for (const fact of FACTS) await say(engine, chat, fact, SHORT);
  const { length } = FACTS;

  await engine.setSystem(chat, "Answer like a pirate.");
  const odd = await say(engine, chat, "Where do I live?", {
    ...SHORT,
    fusion: { ratio: 0.5 },
  });
  expect(odd.receipt.kv.fusion.repairedTokens).toBeGreaterThan(0);
  await engine.deleteRound(chat, odd.receipt.roundId, { isFast: true });
  await engine.setSystem(chat, "Be kind.");

  // A turn that repairs nothing does not make it exact either.
  for (const ratio of [0, 0]) {
    const { receipt } = await say(engine, chat, "What do I like?", {
      ...SHORT,
      fusion: { ratio },
    });
    expect(receipt.kv.fusion.staleRounds).toBeGreaterThan(0);
    expect(receipt.kv.fusion.exactRounds).toBeLessThan(length);
    await engine.deleteRound(chat, receipt.roundId, { isFast: true });
  }

  const healed = new Promise<void>((resolve) => {
    engine.onNotice((notice) => {
      if (notice.type === "healing" && notice.roundsLeft === 0) resolve();
    });
  });
  await engine.setHealing(true);
  await healed;
  const { receipt } = await say(engine, chat, "What is my cat called?", SHORT);
  expect(receipt.kv.fusion).toMatchObject({
    exactRounds: length,
    staleRounds: 0,
  });
  const before: number[] = [];
  const { cache } = model.runner;
  const rounds = [...given].filter(({ owner, id }) => owner && id <= length);
  for (const round of rounds.toSorted((a, b) => a.id - b.id)) {
    const exact = exactValues(cache, before, round.tokens);
    for (const half of HALVES) {
      const { firstLayer, layerCount } = cache[half];
      expect(
        pageValues(cache[half], round[half].pages, round.tokens.length),
      ).toEqual(exact.slice(firstLayer, firstLayer + layerCount));
    }
    before.push(...round.tokens);
  }
  expect(before.length).toBeGreaterThan(0);
  await engine.close();
});
