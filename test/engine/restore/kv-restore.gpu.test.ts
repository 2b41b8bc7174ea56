// Halves of rounds come back to the GPU: restored bit for bit where they are stored, computed again where they are not.
import { afterEach, describe, expect, test, vi } from "vitest";
import type { NetworkOptions } from "../../../src/engine/load/network";
import {
  newReport,
  type SegmentSource,
} from "../../../src/engine/restore/kv-restore";
import { preload } from "../../../src/engine/turn/preload";
import { contextsOf } from "../../../src/engine/chat/context-hash";
import { clearStored } from "../../../src/memory/half-kv";
import type { KvFormat } from "../../../src/memory/kv-cache";
import type { TransferMode } from "../../../src/memory/matrix-group";
import { clearRound, isResident } from "../../../src/memory/round";
import { type Half, HALVES } from "../../../src/util/kv-half";
import { randomModel } from "../../fixtures/random-model";
import {
  parseSafetensors,
  roundOfEachToken,
  rondoTinyFiles,
  type RondoTinyReference,
} from "../../golden/rondo-tiny";
import { testGpu } from "../../support/gpu";
import { conversationOf } from "../../support/conversation";
import { keyOf } from "../../support/memory-store";
import {
  type ChatNetwork,
  exactNetwork,
  randomTokens,
  SETTINGS,
  TestChat,
  type TestChatOptions,
} from "../../support/test-chat";
import { watchSteps } from "../../support/watch-steps";

const gpu = await testGpu();
const chats: TestChat[] = [];

afterEach(() => {
  vi.restoreAllMocks();
  const closed = chats.splice(0);
  for (const chat of closed) chat.close();
  for (const { network } of closed)
    for (const half of HALVES) expect(network.cache[half].usedPages).toBe(0);
});

const networks = new Map<string, Promise<ChatNetwork>>();

/** Built once for each name and these options. */
function networkOf(
  name: "six-layers" | "untied-head" | "rondo-tiny",
  options: NetworkOptions = {},
  key = "",
): Promise<ChatNetwork> {
  const id = JSON.stringify([name, options, key]);
  let network = networks.get(id);
  if (!network) {
    network = modelOf(name).then((model) => exactNetwork(gpu, model, options));
    networks.set(id, network);
  }
  return network;
}

async function modelOf(name: Parameters<typeof networkOf>[0]) {
  return name === "rondo-tiny" ? tiny() : randomModel({ preset: name });
}

let loaded: ReturnType<typeof loadTiny> | undefined;
const tiny = () => (loaded ??= loadTiny());

/** The embedded model, and its golden chat by rounds. */
async function loadTiny() {
  const json = async <T>(url: URL) => (await (await fetch(url)).json()) as T;
  const model = await fetch(rondoTinyFiles.model);
  const golden = await json<RondoTinyReference>(rondoTinyFiles.reference);
  const roundOf = roundOfEachToken(golden);
  return {
    config: await json(rondoTinyFiles.config),
    tensors: parseSafetensors(await model.arrayBuffer()),
    // A few rounds, and the last one: a question about one of them.
    tokens: [0, 1, 2, 6, 9].map((round) =>
      golden.ids.filter((_, at) => roundOf[at] === round),
    ),
  };
}

function openChat(network: ChatNetwork, options: TestChatOptions): TestChat {
  const chat = new TestChat(network, options);
  chats.push(chat);
  return chat;
}

/** A system prompt and four rounds: 84 tokens. */
const LENGTHS = [5, 20, 9, 33, 17];
const ALL = { ...SETTINGS, mode: "all" as const };

async function randomChat(
  lengths: readonly number[] = LENGTHS,
  options: NetworkOptions = {},
): Promise<TestChat> {
  const network = await networkOf("six-layers", options);
  return openChat(network, { tokens: randomTokens(lengths, 512) });
}

/** A chat whose rounds are all computed, and kept in its store. */
async function keptChat(
  lengths?: readonly number[],
  options?: NetworkOptions,
): Promise<TestChat> {
  const chat = await randomChat(lengths, options);
  await chat.ask({ settings: ALL });
  chat.pins.release();
  await chat.keep();
  return chat;
}

/** Has halves leave the GPU, and others take their pages meanwhile. */
async function leave(chat: TestChat, halves: readonly Half[] = HALVES) {
  for (const round of chat.rounds)
    for (const half of halves) chat.residency.drop(round, half);
  // What comes back lies elsewhere.
  for (const half of halves) await chat.residency.give(chat.rounds[2]!, half);
}

/** Restores a half of some rounds; returns what was reported, and the ids that came from the store. */
async function restore(
  { restorer, rounds, store }: TestChat,
  half: Half,
  source: SegmentSource = store,
) {
  const report = newReport();
  const ids: number[] = [];
  for await (const { id } of restorer.restore(rounds, half, source, report))
    ids.push(id);
  return { report, ids };
}

async function recompute(
  { restorer, rounds, contextTokens, store }: TestChat,
  half: Half,
  selected?: ReadonlySet<number>,
) {
  const request = { history: rounds, contextTokens, selected };
  for await (const _ of restorer.recompute(rounds, half, request, store))
    void _;
}

describe("what is stored", () => {
  test.each(["f32", "f16"] as const)(
    "comes back bit for bit, in other pages: %s",
    async (kvFormat) => {
      const chat = await keptChat(LENGTHS, { kvFormat });
      const pagesBefore = chat.rounds.map(({ lower }) => [...lower.pages]);
      await leave(chat);
      for (const half of HALVES) {
        const { report, ids } = await restore(chat, half);
        expect(ids).toEqual([0, 1, 2, 3, 4]);
        expect(report).toEqual({ ...newReport(), restoredTokens: 84 });
        for (const round of chat.rounds) {
          expect(isResident(round, half)).toBe(true);
          const { payload } = chat.store.halves.get(keyOf(round, half))!;
          expect(await chat.bytes(round, half)).toEqual(payload);
        }
      }
      const pages = chat.rounds.map(({ lower }) => lower.pages);
      expect(pages).not.toEqual(pagesBefore);
      chat.residency.check();
    },
  );

  test("is read once, in the order of the chat", async () => {
    const chat = await keptChat();
    await leave(chat, ["upper"]);
    await restore(chat, "upper");
    expect(chat.store.reads).toEqual(
      chat.rounds.map((round) => keyOf(round, "upper")),
    );
  });

  test("is read a few segments ahead of the one that is uploaded, and no more", async () => {
    const chat = await keptChat([5, 3, 3, 3, 3, 3, 3, 3]);
    await leave(chat, ["lower"]);
    const waiting: number[] = [];
    let underWay = 0;
    const slow: SegmentSource = {
      async read(round, half) {
        waiting.push(++underWay);
        await new Promise((resolve) => setTimeout(resolve, 5));
        underWay--;
        return chat.store.read(round, half);
      },
    };
    await restore(chat, "lower", slow);
    expect(waiting).toHaveLength(8);
    expect(Math.max(...waiting)).toBeLessThanOrEqual(4);
    expect(Math.max(...waiting)).toBeGreaterThan(1);
  });
});

describe("a report counts", () => {
  test("what was kept, restored, computed again and dropped", async () => {
    const chat = await keptChat();
    const [, kept, , gone, torn] = chat.rounds;
    for (const round of chat.rounds)
      if (round !== kept) chat.residency.drop(round, "lower");
    chat.store.halves.delete(keyOf(gone!, "lower"));
    chat.store.damaged.add(keyOf(torn!, "lower"));
    const { report, ids } = await restore(chat, "lower");
    expect(ids).toEqual([0, 2]);
    expect(report).toEqual({
      keptTokens: 20,
      restoredTokens: 5 + 9,
      recomputedTokens: 33 + 17,
      droppedSegments: 1,
    });
    for (const round of [gone!, torn!]) {
      // It has pages to be computed in, and is not asked for again.
      expect(round.lower).toMatchObject({
        computedTokens: 0,
        stored: { bytes: 0 },
      });
      expect(round.lower.pages.length).toBe(
        Math.ceil(round.tokens.length / 16),
      );
    }
    expect(chat.store.reads).not.toContain(keyOf(kept!, "lower"));
    chat.residency.check();
  });

  test("of a round that has KV for some of its tokens, the others", async () => {
    const chat = await randomChat();
    await chat.ask({ settings: ALL });
    chat.rounds[3]!.tokens.push(1, 2);
    const { report } = await restore(chat, "lower");
    expect(report).toEqual({
      ...newReport(),
      keptTokens: 84 - 33,
      recomputedTokens: 2,
    });
  });
});

describe("what is not there", () => {
  test.each<[string, Half[]]>([
    ["lower halves", ["lower"]],
    ["upper halves", ["upper"]],
    ["both halves", ["lower", "upper"]],
  ])(
    "is computed again, and says the same to the bit: %s of two rounds",
    async (_, halves) => {
      const chat = await keptChat([...LENGTHS, 12]);
      chat.unask();
      const before = await chat.ask({ settings: ALL });
      chat.unask();
      const payloads = new Map(chat.store.halves);
      for (const half of halves) {
        const [missing, torn] = [chat.rounds[2]!, chat.rounds[3]!];
        for (const round of [missing, torn]) chat.residency.drop(round, half);
        chat.store.halves.delete(keyOf(missing, half));
        chat.store.damaged.add(keyOf(torn, half));
      }
      const after = await chat.ask({ settings: ALL });
      expect(after.logits).toEqual(before.logits);
      expect(after.computedTokens).toBe(9 + 33 + 12);
      for (const half of HALVES) {
        const isGone = halves.includes(half);
        expect(after.report[half]).toEqual({
          keptTokens: isGone ? 84 - 9 - 33 : 84,
          restoredTokens: 0,
          recomputedTokens: isGone ? 9 + 33 : 0,
          droppedSegments: isGone ? 1 : 0,
        });
        for (const round of chat.rounds.slice(2, 4)) {
          if (!isGone) continue;
          const { payload } = payloads.get(keyOf(round, half))!;
          expect(await chat.bytes(round, half)).toEqual(payload);
        }
      }
    },
  );

  test("above is computed against what was selected: as the round's own turn computed it", async () => {
    const chat = await keptChat([...LENGTHS, 12]);
    chat.unask();
    const settings = { ...SETTINGS, tau: 0, kMin: 0, pinned: [1] };
    const { attended } = await chat.ask({ settings });
    expect(attended).toEqual([1, 4]);
    chat.pins.release();
    const own = chat.rounds.at(-1)!;
    const before = await chat.bytes(own, "upper");

    const computed = async (selected?: ReadonlySet<number>) => {
      chat.residency.drop(own, "upper");
      await chat.residency.give(own, "upper");
      await recompute(chat, "upper", selected);
      expect(isResident(own, "upper")).toBe(true);
      return chat.bytes(own, "upper");
    };
    expect(await computed(new Set([1, 4, 5]))).toEqual(before);
    // What is not selected has no say, and what is does.
    expect(await computed(new Set([1, 5]))).not.toEqual(before);
    expect(await computed()).not.toEqual(before);
  });

  test("is computed in the order of the chat, below through the lower layers alone", async () => {
    const chat = await randomChat();
    for (const round of chat.rounds) await chat.residency.give(round, "lower");
    await recompute(chat, "lower", new Set());
    for (const round of chat.rounds) {
      expect(isResident(round, "lower")).toBe(true);
      expect(round.upper).toMatchObject({ pages: [], computedTokens: 0 });
    }
    const halves = await Promise.all(
      chat.rounds.map((round) => chat.bytes(round, "lower")),
    );
    const whole = await randomChat();
    await whole.ask({ settings: ALL });
    for (const [i, round] of whole.rounds.entries())
      expect(halves[i]).toEqual(await whole.bytes(round, "lower"));
  });
});

describe("the scheduler", () => {
  test("has computed again what is clearly quicker to compute, and leaves it stored", async () => {
    const chat = await keptChat();
    await leave(chat, ["lower"]);
    chat.rates.prefillTokensPerMs = 1e9;
    const storedBytes = chat.rounds.map(({ lower }) => lower.stored.bytes);
    const { report, ids } = await restore(chat, "lower");
    expect(ids).toEqual([]);
    expect(chat.store.reads).toEqual([]);
    expect(report).toEqual({ ...newReport(), recomputedTokens: 84 });
    await recompute(chat, "lower", new Set());
    for (const round of chat.rounds) {
      const { payload } = chat.store.halves.get(keyOf(round, "lower"))!;
      expect(await chat.bytes(round, "lower")).toEqual(payload);
    }
    expect(chat.rounds.map(({ lower }) => lower.stored.bytes)).toEqual(
      storedBytes,
    );
  });

  test("has the rest restored, round by round", async () => {
    const chat = await keptChat();
    await leave(chat, ["lower"]);
    // A byte a millisecond against a token a millisecond, through two of six layers; one round is small.
    chat.rates.restoreBytesPerMs = 1;
    chat.rates.prefillTokensPerMs = 1;
    chat.rounds[3]!.lower.stored.bytes = 1;
    const { report, ids } = await restore(chat, "lower");
    expect(ids).toEqual([3]);
    expect(report).toMatchObject({ restoredTokens: 33, recomputedTokens: 51 });
  });
});

describe("a chat that is opened again", () => {
  /** Asks every round of a chat in turn, keeps it, and asks the last one again where nothing is there but the store. */
  async function reopened(
    name: "rondo-tiny" | "untied-head",
    mode: TransferMode,
    kvFormat: KvFormat,
  ) {
    const lengths = [5, 20, 9, 33, 17, 12];
    const tokens =
      name === "rondo-tiny"
        ? (await tiny()).tokens
        : randomTokens(lengths, 512);
    const watershed = name === "rondo-tiny" ? 1 : 0;
    const open = async (key: string, options: TestChatOptions) => {
      const network = await networkOf(name, { kvFormat, watershed }, key);
      return openChat(network, options);
    };
    const first = await open("first", { tokens: tokens.slice(0, 1) });
    for (const one of tokens.slice(1, -1)) await first.say(one);
    await first.keep(mode);
    const { store } = first;
    const before = await first.say(tokens.at(-1)!);
    const again = await open("again", { tokens, store });
    return { before, again, after: await again.ask(), store };
  }

  test.each([
    ["rondo-tiny", "f16"],
    ["untied-head", "f32"],
  ] as const)(
    "has its stored pages bit for bit, and computes nothing but the question: %s in %s",
    async (name, kvFormat) => {
      const { before, after, again, store } = await reopened(
        name,
        "raw",
        kvFormat,
      );
      const history = again.rounds.slice(0, -1);
      const tokens = history.reduce((sum, one) => sum + one.tokens.length, 0);
      expect(after.computedTokens).toBe(again.rounds.at(-1)!.tokens.length);
      expect(after.report.lower).toEqual({
        ...newReport(),
        restoredTokens: tokens,
      });
      expect(after.report.upper).toMatchObject({
        keptTokens: 0,
        recomputedTokens: 0,
        droppedSegments: 0,
      });
      const seen = new Set([0, ...after.attended]);
      expect(seen.size).toBeLessThan(history.length);
      for (const round of history) {
        for (const half of HALVES) {
          const isSeen = half === "lower" || seen.has(round.id);
          expect(isResident(round, half)).toBe(isSeen);
          if (!isSeen) continue;
          const { payload } = store.halves.get(keyOf(round, half))!;
          expect(await again.bytes(round, half)).toEqual(payload);
        }
      }
      expect(after.logits).toEqual(before.logits);
      expect(after.report.attended).toEqual(before.report.attended);
    },
  );

  test("computes nothing but the question from int8 either, and brings the very same bytes to the store", async () => {
    const { after, again, store } = await reopened("rondo-tiny", "int8", "f16");
    expect(after.computedTokens).toBe(again.rounds.at(-1)!.tokens.length);
    const packed = new Map(store.halves);
    for (const { lower } of again.rounds) clearStored(lower.stored);
    store.halves.clear();
    await again.keep("int8");
    for (const round of again.rounds.slice(0, -1)) {
      const key = keyOf(round, "lower");
      expect(store.halves.get(key)).toEqual(packed.get(key));
    }
  });
});

describe("a chat that is brought back ahead of its next turn", () => {
  /** The chat's rounds as a conversation, preloaded in pages for so many tokens. */
  async function preloaded(chat: TestChat) {
    const { residency, restorer, store, contextTokens } = chat;
    const [system, ...said] = chat.rounds.map(({ tokens }) => tokens);
    const conversation = conversationOf(system, ...said);
    const { rounds } = conversation;
    const contexts = await contextsOf(rounds);
    for (const [i, round] of rounds.entries())
      for (const half of HALVES) {
        const { bytes } = chat.rounds[i]![half].stored;
        const origin = { context: contexts[i]!, isExact: true, isMixed: false };
        Object.assign(round[half].stored, { bytes, origin });
      }
    // These have the pages from now on.
    chat.rounds.forEach(clearRound);
    chat.rounds.splice(0, Infinity, ...rounds);
    const watched = watchSteps(gpu, chat.network, chat.rounds);
    const report = newReport();
    const context = {
      residency,
      restorer,
      source: store,
      conversation,
      contextTokens,
    };
    const progress: number[] = [];
    for await (const { doneTokens } of preload(context, report))
      progress.push(doneTokens);
    residency.check();
    return { conversation, watched, report, progress };
  }

  test("has all lower halves, and the upper ones that the last turn attended to", async () => {
    const chat = await keptChat();
    const { conversation, report, progress } = await preloaded(chat);
    expect(report).toEqual({ ...newReport(), restoredTokens: 84 });
    expect(progress.at(-1)).toBe(84);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    for (const round of conversation.rounds)
      for (const half of HALVES) expect(isResident(round, half)).toBe(true);
  });

  test("computes what is missing against rounds that are there, where not all of them fit", async () => {
    // Room for 12 lower pages, of which nine are filled ahead; the chat has eleven.
    const pageBytes = { lower: 2 * 2 * 2048, upper: 4 * 2 * 2048 };
    const kvBudgetBytes = 12 * (pageBytes.lower + pageBytes.upper / 3 + 2048);
    const chat = await randomChat([5, 30, 30, 30, 30, 30], { kvBudgetBytes });
    const { conversation, watched } = await preloaded(chat);
    const there = conversation.rounds.filter((one) => isResident(one, "lower"));
    expect(there.length).toBeGreaterThan(1);
    expect(there.length).toBeLessThan(conversation.rounds.length);
    expect(watched.positions.length).toBeGreaterThan(0);
    expect(watched.keys.filter(({ isRounds }) => !isRounds)).toEqual([]);
  });
});
