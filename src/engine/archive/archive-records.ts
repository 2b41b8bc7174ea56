/** Chats and rounds between the engine's form and the store's. */
import type { ConversationRecord } from "../../store/conversations";
import type { RoundRecord } from "../../store/rounds";
import type { ArchivedRound, ChatHead, RoundToKeep } from "./archive";
import type { ChatSummary } from "../api/chats";
import type { ChatFile } from "./chat-file";
import { chatTitle } from "../chat/chat-title";
import { contentHash } from "../load/fingerprint";

export function asSummary({
  id,
  title,
  createdMs,
  updatedMs,
  model,
}: ConversationRecord): ChatSummary {
  return { id, title, createdMs, updatedMs, modelName: model.name };
}

export function asConversation(
  { id, system, model, createdMs, title, pinnedIds }: ChatHead,
  rounds: readonly Pick<RoundRecord, "user" | "document">[],
  updatedMs: number,
): ConversationRecord {
  const first = rounds.find(({ user }) => user !== "");
  return {
    id,
    title: title || chatTitle(first?.document ?? first?.user ?? ""),
    system,
    createdMs,
    updatedMs,
    model: { name: model.name, url: model.url },
    ...(pinnedIds && { pinnedIds }),
  };
}

export function asArchivedRound(round: RoundRecord): ArchivedRound {
  const { conversationId: _id, createdMs: _createdMs, ...archived } = round;
  return archived;
}

/** A round whose tokens and lists are its own: those of a running turn grow on. */
export type CopiedRound = Omit<ArchivedRound, "contentHash">;

export function copyOfRound(round: RoundToKeep): CopiedRound {
  const { id, parentId, user, reply, isFinished, openTokens } = round;
  const { textFingerprint, kvContext, isApproximate, document } = round;
  return {
    id,
    parentId,
    user,
    reply,
    isFinished,
    tokens: Uint32Array.from(round.tokens),
    openTokens,
    textFingerprint,
    kvContext,
    isApproximate,
    document,
    kvFrom: round.kvFrom && { ...round.kvFrom },
    attended: round.attended && [...round.attended],
    pageDigest: round.pageDigest?.slice(),
  };
}

export async function asRoundRecord(
  conversationId: string,
  round: CopiedRound,
  createdMs: number,
): Promise<RoundRecord> {
  return {
    ...round,
    conversationId,
    contentHash: await contentHash(round.tokens),
    createdMs,
  };
}

/** @param withKv whether the file gets the chat's segments: digests of keys are of no use without */
export function asChatFile(
  { title, system, model, createdMs, pinnedIds }: ConversationRecord,
  rounds: readonly RoundRecord[],
  withKv: boolean,
): ChatFile {
  return {
    title,
    system,
    modelName: model.name,
    createdMs,
    pinnedIds,
    rounds: rounds.map(
      ({
        conversationId: _id,
        contentHash: _hash,
        pageDigest,
        kvContext,
        isApproximate,
        kvFrom,
        ...round
      }) => ({
        ...round,
        ...(withKv && { pageDigest, kvContext, isApproximate }),
        // Another chat's KV does not go along.
        ...(withKv && kvFrom?.conversationId === undefined && { kvFrom }),
      }),
    ),
  };
}
