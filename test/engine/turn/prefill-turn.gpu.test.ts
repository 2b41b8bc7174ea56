// The prefill of a turn over rounds of random tokens: what is selected, and that selecting everything changes nothing.
import { afterEach, expect, test } from "vitest";
import {
  TurnPrefill,
  type TurnPrefillRequest,
} from "../../../src/engine/turn/prefill-turn";
import { destroyNetwork } from "../../../src/engine/load/network";
import { repairMethod } from "../../../src/engine/fusion/repair";
import {
  KvRestorer,
  type SegmentSource,
} from "../../../src/engine/restore/kv-restore";
import { Rates } from "../../../src/engine/restore/restore-or-recompute";
import { readBuffer } from "../../../src/gpu/readback";
import { Pins, Residency } from "../../../src/memory/residency";
import { isResident, newRound, type Round } from "../../../src/memory/round";
import { HALVES } from "../../../src/util/kv-half";
import { randomModel } from "../../fixtures/random-model";
import { testGpu } from "../../support/gpu";
import { testNetwork, type TestNetwork } from "../../support/network";
import { seededInts } from "../../support/random";

const gpu = await testGpu();
const networks: TestNetwork[] = [];

afterEach(() => {
  for (const network of networks.splice(0)) {
    network.runner.destroy();
    destroyNetwork(gpu, network);
  }
});

/** A store with nothing in it. */
const nothingStored: SegmentSource = { read: () => Promise.resolve("missing") };

const SETTINGS = {
  mode: "rounds",
  tau: 0.5,
  kMin: 1,
  budgetBytes: Infinity,
  pinned: [],
} as const;

interface ChatOptions {
  preset?: "six-layers" | "untied-head";
  lengths?: readonly number[];
  watershed?: number;
  contextTokens?: number;
  kvBudgetBytes?: number;
}

/** A chat whose last round is the question, and what its turns work with. */
async function chatOf({
  preset = "six-layers",
  lengths = [5, 20, 9, 33, 17, 12],
  watershed = 1,
  contextTokens = 1000,
  ...options
}: ChatOptions = {}) {
  const model = randomModel({ preset });
  const network = await testNetwork(gpu, model.config, model.tensors, {
    watershed,
    ...options,
  });
  networks.push(network);
  const { runner, cache, config } = network;
  const rounds = lengths.map((length, id) =>
    newRound(id, [...seededInts(length, config.vocabSize, 300 + id)]),
  );
  const residency = new Residency(cache);
  const context = {
    runner,
    residency,
    restorer: new KvRestorer(runner, residency, new Rates()),
    source: nothingStored,
    pins: new Pins(residency),
    contextTokens,
    onRestored: () => undefined,
    onLost: () => undefined,
  };
  return { network, rounds, context };
}

type Chat = Awaited<ReturnType<typeof chatOf>>;

/** Runs the prefill of the last round's turn and returns it with the logits behind it. */
async function attend(
  { network, rounds, context }: Chat,
  request: Partial<TurnPrefillRequest> = {},
) {
  const { decoder, config } = network;
  const own = rounds.at(-1)!;
  const prefill = new TurnPrefill(context, {
    history: rounds.slice(0, -1),
    own,
    ownTokens: own.tokens.length,
    settings: SETTINGS,
    massRows: 4,
    massHeads: Array.from({ length: decoder.headCount }, (_, head) => head),
    likely: [],
    stale: new Set(),
    ratio: 0.15,
    method: repairMethod("a3", 1),
    digestOf: () => undefined,
    first: () => ({ settings: GREEDY, index: 0, copies: [] }),
    ...request,
  });
  const progress: number[] = [];
  for await (const { doneTokens, totalTokens } of prefill.run()) {
    expect(doneTokens).toBeLessThanOrEqual(totalTokens);
    progress.push(doneTokens);
  }
  expect(progress).toEqual(progress.toSorted((a, b) => a - b));
  context.residency.check();
  const bytes = await readBuffer(gpu, decoder.workspace.logits);
  const logits = new Float32Array(bytes).slice(0, config.vocabSize);
  return { logits, prefill };
}

const GREEDY = {
  seed: 0,
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
};

/** Forgets the question's KV, so that it can be asked again. */
function unask({ rounds, context }: Chat): void {
  context.pins.release();
  for (const half of HALVES) context.residency.drop(rounds.at(-1)!, half);
}

test.each(["six-layers", "untied-head"] as const)(
  "selecting every round equals full attention: %s",
  async (preset) => {
    const full = await chatOf({ preset });
    const all = await attend(full, { settings: { ...SETTINGS, mode: "all" } });
    unask(full);
    const chosen = await attend(full, { settings: { ...SETTINGS, tau: 1.1 } });
    expect(chosen.prefill.report.attended.map(({ id }) => id)).toEqual([
      1, 2, 3, 4,
    ]);
    expect(chosen.logits).toEqual(all.logits);
  },
);

test("KV that was computed half by half equals KV computed at once", async () => {
  const whole = await chatOf();
  const all = await attend(whole, { settings: { ...SETTINGS, mode: "all" } });
  const halves = await chatOf();
  const chosen = await attend(halves, { settings: { ...SETTINGS, tau: 1.1 } });
  expect(chosen.logits).toBeCloseToArray(all.logits, 1e-5);
  expect(chosen.prefill.computedTokens).toBe(5 + 20 + 9 + 33 + 17 + 12);
});

test("mass over rounds, system prompt and question sums to 1 for each head", async () => {
  const chat = await chatOf();
  await attend(chat);
  const { mass, decoder } = chat.network.runner;
  for (let head = 0; head < decoder.headCount; head++) {
    const sum = mass.pageMass([head]).reduce((a, b) => a + b, 0);
    expect(sum).toBeCloseTo(1, 5);
  }
});

test("upper halves that were not selected are not brought to the GPU", async () => {
  const chat = await chatOf();
  const { prefill } = await attend(chat);
  const { attended, roundCount } = prefill.report;
  expect(attended.length).toBeLessThan(roundCount);
  const ids = attended.map(({ id }) => id);
  for (const round of chat.rounds.slice(1, -1)) {
    expect(isResident(round, "lower")).toBe(true);
    expect(isResident(round, "upper")).toBe(ids.includes(round.id));
    if (!ids.includes(round.id)) expect(round.upper.pages).toEqual([]);
  }
});

test("pinned rounds are attended to whatever their mass", async () => {
  const chat = await chatOf();
  const settings = { ...SETTINGS, tau: 0, kMin: 0, pinned: [1, 2] };
  const { prefill } = await attend(chat, { settings });
  expect(prefill.report.attended.map(({ id, reason }) => [id, reason])).toEqual(
    [
      [1, "pinned"],
      [2, "pinned"],
      [4, "last"],
    ],
  );
});

test("a question of many rows is read in slices, and says the same", async () => {
  const lengths = [5, 20, 9, 150];
  const chat = await chatOf({ lengths });
  const all = await attend(chat, { settings: { ...SETTINGS, mode: "all" } });
  unask(chat);
  const some = { settings: { ...SETTINGS, tau: 1.1 }, massRows: 150 };
  const chosen = await attend(chat, some);
  expect(chosen.logits).toEqual(all.logits);
});

/** Round ids by half that have pages. */
function residentIds(rounds: readonly Round[], half: "lower" | "upper") {
  return rounds.filter((one) => one[half].pages.length > 0).map(({ id }) => id);
}

test("a turn that is over leaves its halves to others, least recently used first", async () => {
  const chat = await chatOf();
  await attend(chat, { settings: { ...SETTINGS, mode: "all" } });
  const { residency, pins } = chat.context;
  const { upper } = chat.network.cache;
  pins.release();
  expect(residentIds(chat.rounds, "upper")).toEqual([0, 1, 2, 3, 4, 5]);
  const free = upper.pool.freePages;
  const beyond = chat.network.cache.limits.upper - upper.usedPages;
  expect(free).toBeLessThanOrEqual(beyond);
  await residency.makeRoom({ lower: 0, upper: beyond + 2 });
  // Two pages more than there were: the system prompt's one, and the first round's two.
  expect(residentIds(chat.rounds, "upper")).toEqual([2, 3, 4, 5]);
  residency.check();
});
