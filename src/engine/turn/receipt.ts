/** Builds a turn's receipt from what its parts have counted. */
import type { Residency } from "../../memory/residency";
import type { Round } from "../../memory/round";
import { HALVES } from "../../util/kv-half";
import type {
  AttentionReport,
  LocalReceipt,
  RestoreReport,
  TurnPhases,
} from "../api/receipt";
import type { ChatRound } from "../chat/chat-round";
import type { Conversation } from "../chat/conversation";
import type { TurnContext } from "../open/active-chat";
import type { Frame } from "../run/attention-frame";
import type { TurnPrefill } from "./prefill-turn";
import type { Reply } from "../reply/reply";

/** A finished turn; times are those of performance.now(). */
interface FinishedTurn {
  round: ChatRound;
  history: readonly ChatRound[];
  prefill: TurnPrefill;
  /** Undefined if the turn was stopped before it. */
  reply: Reply | undefined;
  seed: number;
  phases: TurnPhases;
  start: number;
  firstTokenTime: number;
  end: number;
}

export function receiptOf(
  { conversation, residency }: TurnContext,
  turn: FinishedTurn,
): LocalReceipt {
  const { round, history, prefill, reply, start, firstTokenTime, end } = turn;
  const rounds = [...history, round];
  const replyTokens = reply?.tokens.length ?? 0;
  const prefilledTokens = prefill.computedTokens;
  return {
    finishReason: reply?.end ?? "aborted",
    roundId: round.id,
    replyTokens,
    timeToFirstTokenMs: firstTokenTime - start,
    decodeTokensPerSecond: rate(replyTokens - 1, end - firstTokenTime),
    seed: turn.seed,
    kv: {
      cachedTokens: tokensOf(rounds) - prefilledTokens,
      restoredTokens: takeRestored(conversation, history, prefill),
      prefilledTokens,
      attention: {
        ...prefill.report,
        lower: withPreloaded(prefill.report.lower, conversation),
        ...kvBytes(residency, rounds, prefill.frame),
      },
      fusion: prefill.fusion,
      phases: turn.phases,
    },
  };
}

/** Adds what was preloaded since the last turn. */
function withPreloaded(
  report: RestoreReport,
  conversation: Conversation,
): RestoreReport {
  const { preloaded } = conversation;
  conversation.preloaded = undefined;
  if (preloaded === undefined) return report;
  const moved = preloaded.restoredTokens + preloaded.recomputedTokens;
  return {
    keptTokens: Math.max(0, report.keptTokens - moved),
    restoredTokens: report.restoredTokens + preloaded.restoredTokens,
    recomputedTokens: report.recomputedTokens + preloaded.recomputedTokens,
    droppedSegments: report.droppedSegments + preloaded.droppedSegments,
  };
}

/** Tokens of rounds restored from the store since the last call, of which nothing was recomputed. */
function takeRestored(
  { restored }: Conversation,
  history: readonly ChatRound[],
  prefill: TurnPrefill,
): number {
  const found = history.filter(
    (round) => restored.has(round) && !prefill.hasComputed(round),
  );
  restored.clear();
  return tokensOf(found);
}

function kvBytes(
  residency: Residency,
  rounds: readonly Round[],
  frame: Frame | undefined,
): Pick<AttentionReport, "kvBytes" | "fullKvBytes"> {
  const used = HALVES.flatMap((half) =>
    (frame?.[half] ?? []).map(({ round, isFar }) => {
      const { pages, localPages } = round[half];
      const read = { pages, localPages: isFar ? [] : localPages };
      return residency.cache[half].bytesOf(read);
    }),
  );
  const all = HALVES.flatMap((half) =>
    rounds.map(({ tokens }) => residency.bytesFor(tokens.length, half)),
  );
  return { kvBytes: sum(used), fullKvBytes: Math.max(sum(all), sum(used)) };
}

function tokensOf(rounds: readonly Round[]): number {
  return sum(rounds.map(({ tokens }) => tokens.length));
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

function rate(count: number, ms: number): number {
  return count > 0 && ms > 0 ? (1000 * count) / ms : 0;
}
