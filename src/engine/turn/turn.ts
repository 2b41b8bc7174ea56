/**
 * One turn, from the message's tokens to the reply's text: its round is prefilled (prefill-turn.ts), the reply
 * is decoded (reply.ts). However it ends, the round then holds what was said.
 */
import { Pins, type Residency } from "../../memory/residency";
import { isResident, type Round } from "../../memory/round";
import { HALVES } from "../../util/kv-half";
import { thinkingSpan } from "../../model/text/thinking";
import { TextStream } from "../../model/text/text-stream";
import { ContextFullError } from "../../util/errors";
import { Attend } from "./prefill-turn";
import type { AttentionReport, Receipt, RestoreReport } from "../api/receipt";
import type {
  AttentionSettings,
  ReplyEvent,
  SamplerSettings,
} from "../api/replies";
import type { ChatRound, Conversation } from "../chat/conversation";
import type { TurnContext } from "../open/active-chat";
import { type Frame, frameOf } from "../run/attention-frame";
import { PhaseClock } from "./phase-clock";
import { Reply } from "./reply";
import type { RepairMethod } from "../fusion/repair";
import { pendingSpans } from "../run/runner";
import {
  forgetTorn,
  forgetUpper,
  noteContexts,
  stalenessOf,
} from "../chat/staleness";
import { likelyWanted } from "./preload";

export interface TurnRequest {
  message: string;
  /** From the end of the round before to where the reply starts. */
  openTokens: readonly number[];
  /** From the end of the reply to the end of the round. */
  closeTokens: readonly number[];
  stopTokens: ReadonlySet<number>;
  sampler: SamplerSettings;
  attention: AttentionSettings;
  massRows: number;
  massHeads: readonly number[];
  /** Share of the context that is computed again where KV is stale, and how it is chosen. */
  fusion: { ratio: number; method: RepairMethod };
  maxTokens: number;
  signal?: AbortSignal | undefined;
}

/** In a chat beyond the trained range, the share of it that a reply may fill. */
const REPLY_SHARE = 0.25;

/** @throws ContextFullError, OutOfMemoryError, DeviceLostError, ModelOutputError; the chat is then as it was before */
export async function* runTurn(
  context: TurnContext,
  request: TurnRequest,
): AsyncGenerator<ReplyEvent, void> {
  const { conversation, runner, residency } = context;
  const { openTokens, closeTokens, stopTokens, sampler, signal } = request;
  const start = performance.now();
  const clock = new PhaseClock();
  const maxTokens = Math.min(request.maxTokens, roomFor(context, request));
  const history = [...conversation.rounds];
  const likely = likelyWanted(conversation);
  const { contexts, stale, inexact } = await stalenessOf(history);
  forgetTorn(residency, stale);
  const round = conversation.add({
    user: request.message,
    tokens: openTokens,
    kvContext: contexts.at(-1),
    isApproximate: inexact.length > 0,
  });
  const pins = new Pins(residency);
  const made: { reply?: Reply } = {};
  const attend = new Attend(
    {
      ...context,
      pins,
      onRestored: (restored) => ((restored as ChatRound).isRestored = true),
      onLost: (lost) => forgetUpper(residency, lost as ChatRound),
    },
    {
      history,
      own: round,
      ownTokens: openTokens.length + maxTokens + closeTokens.length,
      settings: request.attention,
      massRows: Math.min(request.massRows, openTokens.length),
      massHeads: request.massHeads,
      stale: new Set([...stale].filter((one) => one.kvContext !== undefined)),
      ratio: request.fusion.ratio,
      method: request.fusion.method,
      likely,
      clock,
      digestOf: (one) => (one as ChatRound).pageDigest,
      first: (frame) => {
        const makeRoom = (tokens: number) => giveMore(residency, round, tokens);
        made.reply = new Reply(runner, frame, sampler, context.ring, makeRoom);
        return made.reply.first();
      },
    },
  );
  let hasFailed = false;
  try {
    // The round is there: whoever keeps chats can write down what was said.
    const totalTokens = openTokens.length;
    yield { type: "prefill", doneTokens: 0, totalTokens };
    markSeen(context, sampler);
    for await (const progress of attend.run()) {
      yield { type: "prefill", ...progress };
      if (signal?.aborted) break;
    }

    let firstTokenTime = 0;
    const { reply } = made;
    if (reply !== undefined && attend.frame !== undefined) {
      round.attended = attendedIds(attend.report);
      const text = new TextStream(context.tokenizer);
      const say = (delta: string): ReplyEvent => {
        round.reply += delta;
        return { type: "text", text: delta };
      };
      const limits = { stopTokens, maxTokens, signal };
      for await (const token of reply.decode(limits)) {
        if (firstTokenTime === 0) {
          firstTokenTime = performance.now();
          clock.enter("decodeMs");
        }
        const delta = text.push(token);
        if (delta !== "") yield say(delta);
      }
      const rest = text.end();
      if (rest !== "") yield say(rest);
    }

    const end = performance.now();
    firstTokenTime ||= end;
    conversation.lastAttention = {
      attended: new Map(
        attend.report.attended.map(({ id, reason }) => [id, reason]),
      ),
      mass: attend.mass,
    };
    const replyTokens = reply?.tokens.length ?? 0;
    const prefilledTokens = attend.computedTokens;
    const receipt: Receipt = {
      finishReason: reply?.end ?? "aborted",
      roundId: round.id,
      cachedTokens: conversation.tokenCount - prefilledTokens,
      restoredTokens: takeRestored(conversation, attend),
      prefilledTokens,
      attention: {
        ...attend.report,
        lower: withWarmed(attend.report.lower, conversation),
        ...kvBytes(residency, conversation.rounds, attend.frame),
      },
      fusion: attend.fusion,
      replyTokens,
      timeToFirstTokenMs: firstTokenTime - start,
      decodeTokensPerSecond: rate(replyTokens - 1, end - firstTokenTime),
      phases: clock.read(),
      seed: sampler.seed,
    };
    yield { type: "end", receipt };
  } catch (error) {
    hasFailed = true;
    throw error;
  } finally {
    // Also when the caller leaves early: what was said until then stays.
    pins.release();
    noteComputed(attend, history, contexts, stale);
    if (hasFailed) withdraw(context, round);
    else closeRound(context, round, made.reply, closeTokens);
  }
}

/**
 * Computes the KV of a round's last tokens, against what the rest of it was computed against. Does
 * nothing where that is not on the GPU any more: the next turn that needs the round computes it.
 *
 * @throws OutOfMemoryError, DeviceLostError
 */
export async function settleRound(
  { runner, residency, conversation, contextTokens }: TurnContext,
  round: ChatRound,
): Promise<void> {
  const isBegun = HALVES.every((half) => round[half].computedTokens > 0);
  const isDone = HALVES.every((half) => isResident(round, half));
  if (!isBegun || isDone) return;
  const frame = frameOf({
    history: conversation.rounds.slice(0, conversation.rounds.indexOf(round)),
    own: [round],
    ownTokens: round.tokens.length,
    contextTokens,
    selected: round.attended === null ? undefined : new Set(round.attended),
  });
  const pins = new Pins(residency);
  try {
    for (const half of HALVES) {
      const others = frame[half].slice(0, -1);
      if (!others.every((other) => isResident(other.round, half))) return;
      for (const one of frame[half]) pins.add(one.round, half);
    }
    for (const half of HALVES) await residency.give(round, half);
    const rows = pendingSpans(frame.lower.slice(-1));
    for await (const _ of runner.prefill({ frame, rows })) void _;
  } finally {
    pins.release();
  }
}

/**
 * Tokens that a reply may have. A chat may be longer than the context; the system prompt, any one of its
 * rounds and a turn together may not.
 */
function roomFor(
  { conversation, contextTokens }: TurnContext,
  { openTokens, closeTokens }: TurnRequest,
): number {
  const [system, ...rounds] = conversation.rounds.map(
    ({ tokens }) => tokens.length,
  );
  const free = contextTokens - openTokens.length - closeTokens.length;
  const left = free - conversation.tokenCount;
  const longest = Math.max(0, ...rounds);
  const beside = free - system! - longest;
  const share = Math.floor(REPLY_SHARE * contextTokens);
  const room = Math.max(left, Math.min(share, beside));
  if (room >= 1) return room;
  throw new ContextFullError(
    `The message has ${openTokens.length} tokens, the system prompt ${system} and the longest message with its reply ${longest}; the model's context holds ${contextTokens}. Shorten the message, or start a new chat.`,
  );
}

async function giveMore(
  residency: Residency,
  round: Round,
  tokens: number,
): Promise<void> {
  for (const half of HALVES) await residency.give(round, half, tokens);
}

function attendedIds({ attended }: AttentionReport): number[] | null {
  const isAll = attended.every(({ reason }) => reason === "all");
  return isAll ? null : attended.map(({ id }) => id);
}

/** With what was done before the turn, since the last one. */
function withWarmed(
  {
    keptTokens,
    restoredTokens,
    recomputedTokens,
    droppedSegments,
  }: RestoreReport,
  conversation: Conversation,
): RestoreReport {
  const { warmed } = conversation;
  conversation.warmed = undefined;
  const moved = warmed ? warmed.restoredTokens + warmed.recomputedTokens : 0;
  return {
    keptTokens: Math.max(0, keptTokens - moved),
    restoredTokens: restoredTokens + (warmed?.restoredTokens ?? 0),
    recomputedTokens: recomputedTokens + (warmed?.recomputedTokens ?? 0),
    droppedSegments: droppedSegments + (warmed?.droppedSegments ?? 0),
  };
}

/** Tokens of rounds that came from the store since this was asked last, and of which nothing was computed again. */
function takeRestored({ rounds }: Conversation, attend: Attend): number {
  let tokens = 0;
  for (const round of rounds) {
    const isRestored = round.isRestored && !attend.hasComputed(round);
    if (isRestored) tokens += round.tokens.length;
    round.isRestored = false;
  }
  return tokens;
}

function kvBytes(
  residency: Residency,
  rounds: readonly Round[],
  frame: Frame | undefined,
): Pick<AttentionReport, "kvBytes" | "fullKvBytes"> {
  const used = HALVES.map((half) =>
    residency.bytesOf(frame?.[half].map(({ round }) => round) ?? [], half),
  );
  const all = HALVES.flatMap((half) =>
    rounds.map(({ tokens }) => residency.bytesFor(tokens.length, half)),
  );
  return { kvBytes: sum(used), fullKvBytes: Math.max(sum(all), sum(used)) };
}

/** Tells the sampler which tokens the repetition penalty applies to: all of the chat's. */
function markSeen(
  { runner: { gpu, llama }, conversation }: TurnContext,
  { repetitionPenalty }: SamplerSettings,
): void {
  if (repetitionPenalty === 1) return;
  const words = new Uint32Array(llama.workspace.seen.size / 4);
  for (const { tokens } of conversation.rounds) {
    for (const token of tokens) words[token >> 5]! |= 1 << (token & 31);
  }
  gpu.write(llama.workspace.seen, 0, words);
}

/**
 * Puts what was said into the round, without what was only thought. Its last tokens may still lack KV, those
 * behind the thinking always do: settleRound makes it.
 */
function closeRound(
  { residency, tokenizer }: TurnContext,
  round: ChatRound,
  reply: Reply | undefined,
  closeTokens: readonly number[],
): void {
  const said = reply?.tokens ?? [];
  const thought = thinkingSpan(said, (tokens) => tokenizer.decode(tokens));
  const fed = reply ? keptTokens(reply, closeTokens) : 0;
  const kept = thought ? Math.min(fed, thought.from) : fed;
  for (const half of HALVES) {
    if (isResident(round, half)) round[half].computedTokens += kept;
  }
  const read = thought
    ? said.toSpliced(thought.from, thought.to - thought.from)
    : said;
  round.tokens.push(...read, ...closeTokens);
  round.isFinished = true;
  for (const half of HALVES) residency.trim(round, half);
}

/**
 * How many tokens behind the question both stay in the round and have their KV. What ran ahead of the
 * reply's end has KV too, and does not stay; but the token that ended it is usually the first that
 * closes the round.
 */
export function keptTokens(
  reply: Pick<Reply, "tokens" | "stopToken" | "fedTokens">,
  closeTokens: readonly number[],
): number {
  const { tokens, stopToken, fedTokens } = reply;
  const closes = stopToken !== undefined && stopToken === closeTokens[0];
  return Math.min(fedTokens, tokens.length + Number(closes));
}

function withdraw(
  { conversation, residency }: TurnContext,
  round: Round,
): void {
  for (const half of HALVES) residency.drop(round, half);
  conversation.withdraw();
}

/** What became of the KV of earlier rounds. */
function noteComputed(
  attend: Attend,
  history: readonly ChatRound[],
  contexts: readonly string[],
  stale: ReadonlySet<ChatRound>,
): void {
  for (const round of stale) {
    if (attend.hasComputed(round)) {
      round.kvContext = undefined;
      round.kvFrom = undefined;
      for (const half of HALVES) round[half].storedBytes = 0;
    }
    round.isRepaired =
      !attend.hasComputed(round) && attend.fusion.repairedTokens > 0;
  }
  noteContexts(history, contexts);
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

function rate(count: number, ms: number): number {
  return count > 0 && ms > 0 ? (1000 * count) / ms : 0;
}
