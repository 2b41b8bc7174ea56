/** A round of a chat in memory: its text, its tokens and its KV. */
import { clearStored, forgetStored } from "../../memory/half-kv";
import {
  clearRound,
  newRound,
  type Round,
  SYSTEM_ROUND,
} from "../../memory/round";
import type { RoundRecord } from "../../store/rounds";
import { HALVES } from "../../util/kv-half";
import { forgetHash } from "./context-hash";

/** The fields of a round that last: those of its record, except what the archive adds by itself. */
export type RoundFields<Tokens = ArrayLike<number>> = Omit<
  RoundRecord,
  "conversationId" | "contentHash" | "contexts" | "createdMs" | "tokens"
> & { tokens: Tokens };

export interface ChatRound
  extends Round, Omit<RoundFields, "id" | "tokens" | "isFromFile"> {
  /** Empty for the system prompt's round, and for a round that no model has read yet. */
  readonly tokens: number[];
  /** Whether its reply is running or queued; the next message then follows it. */
  isAwaited: boolean;
  /** How the archive's record differs: `text`, if its tokens differ; `damaged`, if it must not be overwritten. */
  saved: "nothing" | "text" | "all" | "damaged";
  /** Whether its tokens come from a file and were not compared with its text yet. */
  isFromFile: boolean;
}

type SaidText = Pick<
  RoundFields,
  "user" | "reply" | "document" | "calls" | "results"
>;

export function newChatRound(
  {
    id,
    parentId,
    user = "",
    reply = "",
    isFinished = false,
    tokens = [],
    openTokens = tokens.length,
    textFingerprint = "",
    attended = null,
    pageDigest,
    indexKeys,
    kvFrom,
    document,
    calls,
    results,
    isFromFile = false,
    modelName,
  }: Partial<RoundFields> & Pick<RoundFields, "id" | "parentId">,
  saved: ChatRound["saved"] = "nothing",
): ChatRound {
  const round: ChatRound = {
    ...newRound(id, Array.from(tokens)),
    parentId,
    user,
    reply,
    isFinished,
    openTokens,
    textFingerprint,
    attended,
    pageDigest,
    indexKeys,
    kvFrom,
    document,
    calls,
    results,
    isFromFile,
    modelName,
    isAwaited: false,
    saved,
  };
  for (const half of HALVES) round[half].place = kvFrom;
  return round;
}

/** Whether it is a message without a reply, which no model has read. */
export function isUnanswered({
  id,
  reply,
  isFinished,
  document,
}: Pick<RoundFields, "id" | "reply" | "isFinished" | "document">): boolean {
  return (
    id !== SYSTEM_ROUND && !isFinished && reply === "" && document === undefined
  );
}

/** Whether the same was said in both. */
export function isSameText(a: SaidText, b: SaidText): boolean {
  const fields = ({ user, reply, document, calls, results }: SaidText) =>
    JSON.stringify([user, reply, document, calls, results]);
  return fields(a) === fields(b);
}

/** Sets a round's tokens, and drops its KV, which belongs to the old ones. */
export function setTokens(
  round: ChatRound,
  tokens: readonly number[],
  openTokens: number,
  textFingerprint: string,
): void {
  forgetKv(round);
  round.tokens.splice(0, Infinity, ...tokens);
  round.openTokens = openTokens;
  round.textFingerprint = textFingerprint;
  round.isFromFile = false;
  if (round.saved === "all") round.saved = "text";
  forgetHash(round);
}

/** Drops a round's KV, so that it is computed again when needed, and ignores what is stored of it. */
export function forgetKv(round: ChatRound): void {
  clearRound(round);
  for (const half of HALVES) forgetStored(round[half]);
  round.kvFrom = undefined;
  round.pageDigest = undefined;
  round.indexKeys = undefined;
}

/** The same after its stored KV was deleted, which also affects copies that share it. */
export function forgetDeletedKv(round: ChatRound): void {
  for (const half of HALVES) clearStored(round[half].stored);
  forgetKv(round);
}
