/**
 * One turn, from the message's tokens to the reply's text: its round gets pages, what lacks KV is
 * prefilled, the reply is decoded. However it ends, the round then holds what was said.
 */
import type { ReadbackRing } from "../gpu/readback";
import {
  dropPages,
  fitPages,
  missingPages,
  pendingTokens,
  type Round,
} from "../memory/round";
import { TextStream } from "../model/text-stream";
import type { Tokenizer } from "../model/tokenizer";
import { ContextFullError } from "../util/errors";
import type { Receipt, ReplyEvent, SamplerSettings } from "./chat-engine";
import type { Conversation } from "./conversation";
import { Reply } from "./reply";
import type { Runner } from "./runner";

/** What a turn works with. */
export interface TurnContext {
  runner: Runner;
  /** Slots for the drawn tokens. */
  ring: ReadbackRing;
  tokenizer: Pick<Tokenizer, "decode" | "isText">;
  conversation: Conversation;
  contextTokens: number;
  /**
   * Makes sure that so many pages of both halves are free, taking them from other chats if need be.
   *
   * @throws OutOfMemoryError
   */
  makeRoom: (pages: number) => Promise<void>;
}

export interface TurnRequest {
  /** From the end of the round before to where the reply starts. */
  openTokens: readonly number[];
  /** From the end of the reply to the end of the round. */
  closeTokens: readonly number[];
  stopTokens: ReadonlySet<number>;
  sampler: SamplerSettings;
  maxTokens: number;
  signal?: AbortSignal | undefined;
}

/** @throws ContextFullError, OutOfMemoryError, DeviceLostError; the chat is then as it was before */
export async function* runTurn(
  context: TurnContext,
  request: TurnRequest,
): AsyncGenerator<ReplyEvent, void> {
  const { conversation, runner } = context;
  const { openTokens, closeTokens, stopTokens, sampler, signal } = request;
  const start = performance.now();
  const maxTokens = Math.min(request.maxTokens, roomFor(context, request));
  const round = conversation.add(openTokens);
  const placed = conversation.placed();
  const reply = new Reply(
    runner,
    placed,
    sampler,
    context.ring,
    context.makeRoom,
  );
  let hasFailed = false;
  try {
    await givePages(context);
    const totalTokens = conversation.pendingTokens;
    const cachedTokens = conversation.tokenCount - totalTokens;
    markSeen(context, sampler);
    for await (const doneTokens of reply.prefill()) {
      yield { type: "prefill", doneTokens, totalTokens };
      if (signal?.aborted) break;
    }

    let firstTokenTime = 0;
    if (pendingTokens(round) === 0) {
      const text = new TextStream(context.tokenizer);
      for await (const token of reply.decode({
        stopTokens,
        maxTokens,
        signal,
      })) {
        firstTokenTime ||= performance.now();
        const delta = text.push(token);
        if (delta !== "") yield { type: "text", text: delta };
      }
      const rest = text.end();
      if (rest !== "") yield { type: "text", text: rest };
    }

    const end = performance.now();
    firstTokenTime ||= end;
    const receipt: Receipt = {
      finishReason: reply.end ?? "aborted",
      cachedTokens,
      prefilledTokens: totalTokens - conversation.pendingTokens,
      replyTokens: reply.tokens.length,
      timeToFirstTokenMs: firstTokenTime - start,
      decodeTokensPerSecond: rate(
        reply.tokens.length - 1,
        end - firstTokenTime,
      ),
      seed: sampler.seed,
    };
    yield { type: "end", receipt };
  } catch (error) {
    hasFailed = true;
    throw error;
  } finally {
    // Also when the caller leaves early: what was said until then stays.
    if (hasFailed) withdraw(context, round);
    else closeRound(context, round, reply, closeTokens);
  }
}

/** Gives every round of the chat pages for all its tokens. */
export async function givePages({
  conversation,
  runner,
  makeRoom,
}: TurnContext): Promise<void> {
  const missing = conversation.rounds.reduce(
    (sum, round) => sum + missingPages(round, round.tokens.length),
    0,
  );
  await makeRoom(missing);
  for (const round of conversation.rounds) {
    fitPages(round, round.tokens.length, runner.cache);
  }
}

/** Tokens that a reply may have. */
function roomFor(
  { conversation, contextTokens }: TurnContext,
  { openTokens, closeTokens }: TurnRequest,
): number {
  const said = conversation.tokenCount;
  const room = contextTokens - said - openTokens.length - closeTokens.length;
  if (room >= 1) return room;
  throw new ContextFullError(
    `The chat has ${said} tokens and the message ${openTokens.length}; the model's context holds ${contextTokens}. Shorten the message, or start a new chat.`,
  );
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

/** Puts what was said into the round. Its last tokens may still lack KV: the next prefill makes it. */
function closeRound(
  { runner: { cache } }: TurnContext,
  round: Round,
  reply: Reply,
  closeTokens: readonly number[],
): void {
  round.computedTokens += keptTokens(reply, closeTokens);
  round.tokens.push(...reply.tokens, ...closeTokens);
  fitPages(round, round.computedTokens, cache);
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

function withdraw({ conversation, runner }: TurnContext, round: Round): void {
  dropPages(round, runner.cache);
  conversation.rounds.pop();
}

function rate(count: number, ms: number): number {
  return count > 0 && ms > 0 ? (1000 * count) / ms : 0;
}
