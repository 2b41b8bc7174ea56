/**
 * One turn, from the message's tokens to the reply's text: its round is prefilled (prefill-turn.ts), the reply is
 * decoded (reply.ts). However it ends, the round then holds the text so far; if it fails, the message stays,
 * without a reply.
 */
import { noteComputed } from "../../memory/half-kv";
import { Pins, type Residency } from "../../memory/residency";
import { isResident, type Round } from "../../memory/round";
import { thinkingSpan } from "../../model/text/thinking";
import { ContextFullError } from "../../util/errors";
import { HALVES } from "../../util/kv-half";
import { lazyPart } from "../../util/lazy-part";
import type { LocalReceipt, AttentionReport } from "../api/receipt";
import type { AttentionSettings, ReplyEvent, TextEvent } from "../api/replies";
import { type ChatRound, forgetKv, setTokens } from "../chat/chat-round";
import { contextBehind, readyBranch } from "../chat/kv-state";
import type { RepairMethod } from "../fusion/repair";
import { saidIn } from "../../store/rounds";
import type { TurnContext } from "../open/active-chat";
import type { LogprobReader } from "../run/logprob-reader";
import type { Runner } from "../run/runner";
import type { HeadSearch } from "./choose-by-heads";
import { prepareDraws, type TurnSampler } from "../reply/draw-rules";
import { callUnits } from "../rounds/call-units";
import { PhaseClock } from "./phase-clock";
import { TurnPrefill } from "./prefill-turn";
import { likelyWanted } from "./preload";
import { Reply, type TokenConstraint } from "../reply/reply";
import {
  markedDecoder,
  ReplyCalls,
  type SaidEvent,
  type ToolReply,
} from "../reply/reply-calls";
import { ReplyText } from "../reply/reply-text";

const receiptOf = lazyPart(async () => (await import("./receipt")).receiptOf);

export interface TurnRequest {
  /** From the end of the round before to where the reply starts. */
  openTokens: readonly number[];
  /** From the end of the reply to the end of the round. */
  closeTokens: readonly number[];
  /** Fingerprint of the tokenizer and template that made these. */
  textFingerprint: string;
  stopTokens: ReadonlySet<number>;
  /** Texts that end the reply, where no token does. */
  stopTexts: readonly string[];
  sampler: TurnSampler;
  attention: AttentionSettings;
  massRows: number;
  massHeads: readonly number[];
  /** How retrieval heads are asked, in a model that has some. */
  search?: Pick<HeadSearch, "settings" | "question" | "blank"> | undefined;
  /** Whether shared words choose rounds where not all fit, in a model without retrieval heads. */
  choosesByWords?: boolean | undefined;
  /** Share of the context that is repaired if KV is stale, and how its tokens are chosen. */
  fusion: { ratio: number; method: RepairMethod };
  maxTokens: number;
  /** How many of the likeliest tokens are told of beside each; undefined for no log-probabilities at all. */
  topLogprobs?: number | undefined;
  /** What the reply may call. */
  tools?: ToolReply | undefined;
  /** What the reply must be. */
  constraint?: TokenConstraint | undefined;
  signal?: AbortSignal | undefined;
}

const createLogprobReader = lazyPart(async () => {
  const { LogprobReader } = await import("../run/logprob-reader");
  return (...args: Parameters<typeof LogprobReader.create>) =>
    LogprobReader.create(...args);
});

const wordScores = lazyPart(
  async () => (await import("../rounds/word-scores")).wordScores,
);

/** In a chat beyond the trained range, the share of it that a reply may fill. */
const REPLY_SHARE = 0.25;

/**
 * Answers a message that has no reply yet.
 *
 * @param round of the shown branch; later rounds are not read
 * @throws ContextFullError, OutOfMemoryError, DeviceLostError; ModelOutputError if the model computes no numbers;
 *   the round is then as before
 */
export async function* runTurn(
  context: TurnContext,
  round: ChatRound,
  request: TurnRequest,
): AsyncGenerator<ReplyEvent<LocalReceipt>, void> {
  const { conversation, runner, residency } = context;
  const { openTokens, closeTokens, stopTokens, sampler, signal } = request;
  const start = performance.now();
  const clock = new PhaseClock();
  const history = conversation.historyOf(round);
  const room = roomFor(history, context.contextTokens, request);
  const maxTokens = Math.min(request.maxTokens, room);
  const state = await readyBranch(history);
  const logprobs = await logprobReader(runner, request.topLogprobs);
  setTokens(round, openTokens, openTokens.length, request.textFingerprint);
  round.context = contextBehind(state);
  const units = callUnits([...history.slice(1), round]);
  const draw = prepareDraws(runner, [...history, round], sampler);
  const pins = new Pins(residency);
  const made: { reply?: Reply } = {};
  const prefill = new TurnPrefill(
    {
      ...context,
      pins,
      onRestored: (restored) =>
        conversation.restored.add(restored as ChatRound),
      onLost: (lost) => forgetKv(lost as ChatRound),
    },
    {
      history,
      own: round,
      ownTokens: openTokens.length + maxTokens + closeTokens.length,
      settings: request.attention,
      unitOf: ({ id }) => units.get(id),
      massRows: Math.min(request.massRows, openTokens.length),
      massHeads: request.massHeads,
      stale: state.stale,
      ratio: request.fusion.ratio,
      method: request.fusion.method,
      likely: likelyWanted(history),
      search: context.index &&
        request.search && {
          ...request.search,
          index: context.index,
          keysOf: (one) => (one as ChatRound).indexKeys,
        },
      ...(request.choosesByWords && {
        words: () => wordScores(history.slice(1).map(saidIn), round.user),
      }),
      clock,
      digestOf: (one) => (one as ChatRound).pageDigest,
      first: (frame) => {
        const makeRoom = (tokens: number) => giveMore(residency, round, tokens);
        const { ring } = context;
        const { constraint } = request;
        const settings = { ...draw, hasMask: constraint !== undefined };
        const parts = { settings, ring, makeRoom, logprobs, constraint };
        made.reply = new Reply(runner, frame, parts);
        return made.reply.first();
      },
    },
  );
  let hasFailed = false;
  try {
    const totalTokens = openTokens.length;
    yield { type: "prefill", doneTokens: 0, totalTokens };
    for await (const progress of prefill.run()) {
      yield { type: "prefill", ...progress };
      if (signal?.aborted) break;
    }

    let firstTokenTime = 0;
    const { reply } = made;
    if (reply !== undefined && prefill.frame !== undefined) {
      round.attended = attendedIds(prefill.report);
      const { tools } = request;
      const { tokenizer } = context;
      const calls = tools && new ReplyCalls(tools, round.id);
      const decoder = tools
        ? markedDecoder(tokenizer, tools.format)
        : tokenizer;
      const text = new ReplyText(decoder, request.stopTexts);
      const say = (event: TextEvent) =>
        noteSaid(round, calls ? calls.push(event) : [event]);
      const limits = { stopTokens, maxTokens, signal };
      for await (const drawn of reply.decode(limits)) {
        if (firstTokenTime === 0) {
          firstTokenTime = performance.now();
          clock.enter("decodeMs");
        }
        const added = text.push(drawn);
        if (added) yield* say(added);
        if (text.keptTokens === undefined) continue;
        reply.stopAfter(text.keptTokens);
        break;
      }
      const rest = text.end();
      if (rest) yield* say(rest);
      if (calls) yield* noteSaid(round, calls.end());
    }

    const end = performance.now();
    conversation.lastAttention = {
      attended: new Map(
        prefill.report.attended.map(({ id, reason }) => [id, reason]),
      ),
      mass: prefill.mass,
    };
    const receipt = await receiptOf(context, {
      round,
      history,
      prefill,
      reply,
      seed: sampler.seed,
      phases: clock.read(),
      start,
      firstTokenTime: firstTokenTime || end,
      end,
    });
    yield { type: "end", receipt };
  } catch (error) {
    hasFailed = true;
    throw error;
  } finally {
    // Also when the caller leaves early: the text so far stays.
    pins.release();
    logprobs?.destroy();
    if (hasFailed) unanswer(round);
    else closeRound(context, round, made.reply, closeTokens);
  }
}

/**
 * Tokens that a reply may have. A chat may be longer than the context; the system prompt, any one of its rounds
 * and a turn together may not.
 */
function roomFor(
  history: readonly Round[],
  contextTokens: number,
  { openTokens, closeTokens }: TurnRequest,
): number {
  const [system, ...rounds] = history.map(({ tokens }) => tokens.length);
  const free = contextTokens - openTokens.length - closeTokens.length;
  const left = free - sum([system!, ...rounds]);
  const longest = Math.max(0, ...rounds);
  const beside = free - system! - longest;
  const share = Math.floor(REPLY_SHARE * contextTokens);
  const room = Math.max(left, Math.min(share, beside));
  if (room >= 1) return room;
  throw new ContextFullError(
    `The message has ${openTokens.length} tokens, the system prompt ${system} and the longest message with its reply ${longest}; the model's context holds ${contextTokens}. Shorten the message, or start a new chat.`,
  );
}

async function logprobReader(
  { gpu, decoder }: Runner,
  topLogprobs: number | undefined,
): Promise<LogprobReader | undefined> {
  return topLogprobs === undefined
    ? undefined
    : createLogprobReader(gpu, decoder, topLogprobs);
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

/**
 * Puts the reply into the round, without the thinking. Its last tokens may still lack KV, and those after a
 * thinking block always do: settleRound computes it.
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
  const { length } = round.tokens;
  for (const half of HALVES) {
    if (!isResident(round, half)) continue;
    for (let token = length; token < length + kept; token++)
      noteComputed(round[half], token, round.context);
  }
  const read = thought
    ? said.toSpliced(thought.from, thought.to - thought.from)
    : said;
  round.tokens.push(...read, ...closeTokens);
  round.isFinished = true;
  round.isAwaited = false;
  if (round.saved === "all") round.saved = "text";
  for (const half of HALVES) residency.trim(round, half);
}

/**
 * How many tokens behind the question both stay in the round and have KV. Steps that ran past the reply's end
 * made KV, too, that does not stay; but the token that ended it is usually the first of those that close the
 * round.
 */
export function keptTokens(
  reply: Pick<Reply, "tokens" | "stopToken" | "fedTokens">,
  closeTokens: readonly number[],
): number {
  const { tokens, stopToken, fedTokens } = reply;
  const closes = stopToken !== undefined && stopToken === closeTokens[0];
  return Math.min(fedTokens, tokens.length + Number(closes));
}

/** Puts what was said into the round. */
function* noteSaid(
  round: ChatRound,
  said: readonly SaidEvent[],
): Generator<SaidEvent> {
  for (const event of said) {
    if (event.type === "text") round.reply += event.text;
    else round.calls = [...(round.calls ?? []), event.call];
    yield event;
  }
}

/** Resets the message to unanswered; it stays in the chat. */
function unanswer(round: ChatRound): void {
  round.reply = "";
  round.calls = undefined;
  round.attended = null;
  round.isAwaited = false;
  setTokens(round, [], 0, "");
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
