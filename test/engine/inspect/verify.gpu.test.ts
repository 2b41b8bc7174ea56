// A turn held against full attention: the numbers are those of prefills that know nothing of it.
import { addRound, conversationOf } from "../../support/conversation";
import { afterAll, expect, test } from "vitest";
import { BoundChat } from "../../../src/engine/chat/bound-chat";
import { contextsOf } from "../../../src/engine/chat/context-hash";
import type { ChatRound } from "../../../src/engine/chat/chat-round";
import type { TurnContext } from "../../../src/engine/open/active-chat";
import { frameOf } from "../../../src/engine/run/attention-frame";
import { divergence, likeliest } from "../../../src/engine/run/logits";
import { massByRound } from "../../../src/engine/rounds/round-mass";
import { pendingSpans } from "../../../src/engine/run/runner";
import { LoadedModel } from "../../../src/engine/load/loaded-model";
import type { Divergence } from "../../../src/engine/api/kv-memory";
import { verifyRound } from "../../../src/engine/inspect/verify";
import { readBuffer } from "../../../src/gpu/readback";
import { newRound, type Round } from "../../../src/memory/round";
import { HALVES } from "../../../src/util/kv-half";
import { fetchedFiles } from "../../../src/model/files/model-files";
import { GREEDY } from "../../support/test-chat";

const MODEL = new URL("/models/rondo-tiny/", location.href).href;
const loaded = await LoadedModel.open(fetchedFiles(MODEL), {
  network: { kvFormat: "f32" },
});
afterAll(() => loaded.destroy());
const { runner, residency, model, gpu } = loaded;
const { contextTokens } = model;

const SAID: [string, string][] = [
  ["My cat is called Miso.", "Good."],
  ["I live in Oslo.", "Good."],
  ["What is my cat called?", "Miso."],
];

/** A chat in which these were said; its last round attended to these. Without KV. */
function chatOf(said: readonly [string, string][], attended: number[] | null) {
  const chat = new BoundChat(conversationOf(), model);
  for (const [i, [user, reply]] of said.entries())
    addRound(chat.conversation, {
      user,
      reply,
      ...chat.read({ user, reply, document: undefined }, i === 0),
      attended: i === said.length - 1 ? attended : null,
    });
  return chat;
}

/** KV of all rounds but the last, each computed with all before it. */
async function prefill(rounds: readonly Round[]): Promise<void> {
  for (const round of rounds)
    for (const half of HALVES) await residency.give(round, half);
  const history = [...rounds];
  const frame = frameOf({ history, own: [], ownTokens: 0, contextTokens });
  const rows = pendingSpans(frame.lower);
  for await (const _ of runner.prefill({ frame, rows })) void _;
}

const verify = (chat: BoundChat, roundId: number, shouldYield = () => false) =>
  verifyRound({ chat, loaded, context: contextOf(chat) }, roundId, {
    shouldYield,
  });

function contextOf({ conversation }: BoundChat): TurnContext {
  return {
    ...loaded,
    tokenizer: model.tokenizer,
    source: { read: () => Promise.resolve("missing") },
    conversation,
    contextTokens,
  };
}

/** Logits behind the last of these tokens, which come behind a history with its KV. */
async function logitsBehind(
  history: readonly Round[],
  tokens: readonly number[],
  selected: ReadonlySet<number> | undefined,
) {
  const own = newRound(99, tokens);
  for (const half of HALVES) await residency.give(own, half);
  const ownTokens = tokens.length;
  const request = { history, own: [own], ownTokens, contextTokens, selected };
  const frame = frameOf(request);
  const rows = pendingSpans(frame.lower.slice(-1));
  const first = { settings: GREEDY, index: 0, copies: [] };
  for await (const _ of runner.prefill({ frame, rows, first })) void _;
  const bytes = await readBuffer(gpu, runner.decoder.workspace.logits);
  for (const half of HALVES) residency.drop(own, half);
  return new Float32Array(bytes).slice(0, model.network.config.vocabSize);
}

/** What verification should find, by a prefill for each token of the reply and each side. */
async function expected(
  history: readonly ChatRound[],
  { tokens, openTokens, attended }: ChatRound,
  closing: number,
) {
  const exact = history.map((round) => newRound(round.id, round.tokens));
  await prefill(exact);
  const selected = attended === null ? undefined : new Set(attended);
  const pairs = { whole: [], selection: [], reuse: [] } as Record<
    "whole" | "selection" | "reuse",
    [Float32Array, Float32Array][]
  >;
  for (let end = openTokens; end < tokens.length - closing; end++) {
    const before = tokens.slice(0, end);
    const full = await logitsBehind(exact, before, undefined);
    const some = await logitsBehind(exact, before, selected);
    const turn = await logitsBehind(history, before, selected);
    pairs.whole.push([full, turn]);
    pairs.selection.push([full, some]);
    pairs.reuse.push([some, turn]);
  }
  for (const round of exact)
    for (const half of HALVES) residency.drop(round, half);
  return {
    positions: pairs.whole.length,
    ...apart(pairs.whole),
    selection: apart(pairs.selection),
    reuse: apart(pairs.reuse),
  };
}

function apart(pairs: readonly [Float32Array, Float32Array][]): Divergence {
  const kls = pairs.map(([wanted, said]) => divergence(wanted, said));
  return {
    sameTop1: pairs.filter(([a, b]) => likeliest(a) === likeliest(b)).length,
    meanKl: kls.reduce((a, b) => a + b, 0) / kls.length,
    maxKl: Math.max(...kls),
  };
}

async function expectAgreement(chat: BoundChat) {
  const { rounds } = chat.conversation;
  const [history, last] = [rounds.slice(0, -1), rounds.at(-1)!];
  const wanted = await expected(history, last, chat.tokens.close.length);
  const pages = residency.residentTokens;
  const report = (await verify(chat, last.id))!;
  expect(residency.residentTokens).toBe(pages);
  residency.check();
  expect(report.positions).toBe(wanted.positions);
  expectDivergence(report, wanted);
  expectDivergence(report.selection, wanted.selection);
  expectDivergence(report.reuse, wanted.reuse);
  return report;
}

function expectDivergence(found: Divergence, wanted: Divergence): void {
  expect(found.sameTop1).toBe(wanted.sameTop1);
  // Prefills of other lengths add in another order.
  for (const kl of ["meanKl", "maxKl"] as const)
    if (wanted[kl] < 1e-6) expect(found[kl]).toBeLessThan(1e-6);
    else expect(found[kl] / wanted[kl]).toBeCloseTo(1, 3);
}

function close({ conversation }: BoundChat): void {
  for (const round of conversation.all)
    for (const half of HALVES) residency.drop(round, half);
  residency.check();
}

test("a turn that attended to some rounds: as far from full attention as prefills say", async () => {
  const chat = chatOf(SAID, [2]);
  const { rounds } = chat.conversation;
  await prefill(rounds.slice(0, -1));
  const report = await expectAgreement(chat);
  // Miso was not in view.
  expect(report.maxKl).toBeGreaterThan(0.1);
  expect(report.sameTop1).toBeLessThan(report.positions);
  // Its KV is exact: selection alone made that.
  expect(report.selection.maxKl).toBe(report.maxKl);
  expect(report.reuse.maxKl).toBe(0);

  // The question's attention is what selection would have seen at the watershed.
  const last = rounds.at(-1)!;
  const own = newRound(99, last.tokens.slice(0, last.openTokens));
  for (const half of HALVES) await residency.give(own, half);
  const frame = frameOf({
    history: rounds.slice(0, -1),
    own: [own],
    ownTokens: own.tokens.length,
    contextTokens,
    selected: new Set(),
  });
  const layers = runner.layersOf("lower");
  const reading = runner.prefill({
    frame,
    rows: pendingSpans(frame.lower.slice(-1), "lower"),
    layers,
    massRows:
      model.selection.rows === "tail"
        ? chat.tokens.tailTokens({ isFirst: false })
        : own.tokens.length,
  });
  for await (const _ of reading) void _;
  const heads = Array.from({ length: runner.decoder.headCount }, (_, h) => h);
  const pageMass = runner.mass.pageMass(heads);
  for (const half of HALVES) residency.drop(own, half);
  const mass = massByRound(frame.lower, pageMass, rounds.slice(1, -1));
  expect(report.roundIds).toEqual([...mass.keys()]);
  [...mass.values()].forEach((share, i) =>
    expect(report.mass[layers.to - 1]![i]).toBeCloseTo(share, 4),
  );
  close(chat);
});

test.each([
  { attended: null, what: "all rounds" },
  { attended: [2], what: "some rounds" },
])(
  "a turn over KV of $what that is not exact, which stays as it is",
  async ({ attended }) => {
    const chat = chatOf(SAID, attended);
    const { rounds } = chat.conversation;
    // The first round's is of other words, the second's was computed behind those.
    const there = rounds
      .slice(0, -1)
      .map(({ id, tokens }) =>
        newRound(id, id === 1 ? tokens.toReversed() : tokens),
      );
    await prefill(there);
    const [, , otherContext] = await contextsOf(there);
    for (const [i, from] of there.entries())
      for (const half of HALVES) residency.replace(rounds[i]!, half, from);
    for (const round of rounds.slice(1, -1)) round.kvContext = otherContext;
    const pages = rounds.map(({ upper }) => [...upper.pages]);
    const report = await expectAgreement(chat);
    expect(report.maxKl).toBeGreaterThan(0.01);
    expect(report.reuse.maxKl).toBeGreaterThan(0.001);
    if (attended === null) {
      const { positions } = report;
      const nothing = { sameTop1: positions, meanKl: 0, maxKl: 0 };
      expect(report.selection).toEqual(nothing);
    } else expect(report.selection.maxKl).toBeGreaterThan(0.1);
    expect(rounds.map(({ upper }) => upper.pages)).toEqual(pages);
    expect(rounds[1]!.kvContext).toBe(otherContext);
    close(chat);
  },
);

test("with KV that was computed at once, both sides are the same to the last bit", async () => {
  const chat = chatOf(SAID, null);
  await prefill(chat.conversation.rounds.slice(0, -1));
  expect(await verify(chat, 3)).toMatchObject({ meanKl: 0, maxKl: 0 });
  // A turn in the middle has its own rounds before it.
  expect(await verify(chat, 2)).toMatchObject({ roundIds: [1] });
  close(chat);
});

test("whoever waits comes first, and what was begun is given back", async () => {
  const chat = chatOf(SAID, null);
  expect(await verify(chat, 3, () => true)).toBeUndefined();
  for (const { lower, upper } of chat.conversation.rounds.slice(-1))
    expect([...lower.pages, ...upper.pages]).toEqual([]);
  residency.check();
  close(chat);
});

test("a chat that is too long for full attention, or for two of it, is refused", async () => {
  const chat = chatOf(SAID, null);
  const narrow = { ...contextOf(chat), contextTokens: 40 };
  await expect(
    verifyRound({ chat, loaded, context: narrow }, 3, {
      shouldYield: () => false,
    }),
  ).rejects.toMatchObject({ name: "ContextFullError" });
  const { limits } = runner.cache;
  const { upper } = limits;
  limits.upper = 6;
  try {
    await expect(verify(chat, 3)).rejects.toMatchObject({
      name: "OutOfMemoryError",
      message: expect.stringMatching(/two copies.*Raise/) as string,
    });
  } finally {
    limits.upper = upper;
  }
  residency.check();
  close(chat);
});
