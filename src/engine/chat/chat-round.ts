/** A round of a chat in memory: what was said in it, its tokens, and its KV. */
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

/** What of a round lasts: the same fields as its record's, but for what the archive adds by itself. */
export type RoundFields = Omit<
  RoundRecord,
  "conversationId" | "contentHash" | "createdMs" | "tokens"
> & {
  tokens: ArrayLike<number>;
};

export interface ChatRound
  extends Round, Omit<RoundFields, "id" | "tokens" | "isFromFile"> {
  /** Empty for the system prompt's round, and for one that the model has not read yet. */
  readonly tokens: number[];
  /** Whether its reply is asked for and has not ended: what is said next is said behind it. */
  isAwaited: boolean;
  /**
   * What the archive has of it: `text`, where its tokens are others there; `damaged`, where it is not to be
   * written over.
   */
  saved: "nothing" | "text" | "all" | "damaged";
  /** Whether its tokens come from a file, and were not compared with its text yet. */
  isFromFile: boolean;
}

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
    kvFrom,
    document,
    isFromFile = false,
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
    kvFrom,
    document,
    isFromFile,
    isAwaited: false,
    saved,
  };
  for (const half of HALVES) round[half].place = kvFrom;
  return round;
}

/** Whether it is a message that nothing was said in reply to: the model has not read it. */
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

/** Gives a round other tokens. Its KV is of the old ones, and goes. */
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

/** Has a round's KV computed again when it is needed; what is stored of it is not looked for any more. */
export function forgetKv(round: ChatRound): void {
  clearRound(round);
  for (const half of HALVES) forgetStored(round[half]);
  round.kvFrom = undefined;
  round.pageDigest = undefined;
}

/** The same, where what is stored is deleted, too: also for the copies that share it. */
export function forgetDeletedKv(round: ChatRound): void {
  for (const half of HALVES) clearStored(round[half].stored);
  forgetKv(round);
}
