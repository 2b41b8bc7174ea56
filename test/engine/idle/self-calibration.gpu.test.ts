// Calibration in the page: the heads of a model without rondo.json are looked for in idle time.
import { afterAll, expect, test } from "vitest";
import type { CalibrationProgress } from "../../../src/engine/api/notice";
import { SelfCalibration } from "../../../src/engine/idle/self-calibration";
import type { CalibrationChat } from "../../../src/engine/rounds/calibration-chats";
import { LoadedModel } from "../../../src/engine/load/loaded-model";
import { readRondoConfig } from "../../../src/model/config/calibration-config";
import { rondoJson } from "../../../src/model/config/rondo-json";
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

/** Chats of the model's own corpus, with the questions that they end with. */
function chatsOf(count: number): CalibrationChat[] {
  return quick.chats.slice(0, count).map(({ rounds, asks }) => {
    const { round, source } = asks[0]!;
    const text = rounds[round]!.user;
    return {
      system: "",
      rounds: rounds
        .slice(0, round)
        .map(({ user, reply }) => ({ user, reply })),
      questions: [
        { text, kind: "same", source },
        { text: "Hello!", kind: "none" },
      ],
    };
  });
}

const learn = (
  calibration: SelfCalibration,
  shouldYield: () => boolean,
  onProgress?: (progress: CalibrationProgress) => void,
) => calibration.learn(loaded, 7, shouldYield, onProgress);

test("finds heads on chats with known answers, and goes on where it was interrupted", async () => {
  expect(loaded.model).toMatchObject({
    calibration: "assumed",
    needsHeads: true,
    index: undefined,
  });
  const chats = chatsOf(2);
  const calibration = new SelfCalibration(() => Promise.resolve(chats));
  const { pool } = loaded.runner.cache.lower;
  const used = () => pool.pageCount - pool.freePages;
  // Too short a chat to choose from.
  expect(await calibration.learn(loaded, 6, () => false)).toBeUndefined();
  const progress: number[] = [];
  const note = ({ done, total }: CalibrationProgress) => {
    expect(total).toBe(2);
    progress.push(done);
  };
  // Somebody comes in the midst of the second chat: nothing is learned yet, and nothing left behind.
  let asked = 0;
  const comes = () => progress.includes(1) && ++asked > 3;
  expect(await learn(calibration, comes, note)).toBeUndefined();
  expect(progress).toEqual([0, 1]);
  expect(used()).toBe(0);
  loaded.residency.check();

  const learned = await learn(calibration, () => false, note);
  expect(progress).toEqual([0, 1, 1, 2]);
  expect(used()).toBe(0);
  expect(learned).toMatchObject({ tau: 0.9, rows: "tail", heads: "all" });
  expect(learned!.watershed).toBe(loaded.runner.cache.lower.shape.watershed);
  const { index } = learned!;
  expect(index).not.toBeUndefined();
  const { layers, heads } = { layers: 8, heads: 6 };
  const read = readRondoConfig(rondoJson(learned!), { layers, heads });
  expect(read).toEqual({ ...learned, contextTokens: undefined });
  // It has what it needs.
  expect(await learn(calibration, () => false)).toBeUndefined();
});

test("a model whose context is too small for the chats is left as it is", async () => {
  const long = chatsOf(1).map((chat) => ({
    ...chat,
    rounds: Array.from({ length: 12 }, () => chat.rounds).flat(),
  }));
  const calibration = new SelfCalibration(() => Promise.resolve(long));
  const learned = await learn(calibration, () => false);
  expect(learned?.index).toBeNull();
});
