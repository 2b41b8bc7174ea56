/** Converts chats and rounds between the engine's form and the store's. */
import type { KvOrigin } from "../../memory/half-kv";
import type { ConversationRecord } from "../../store/conversations";
import type { RoundRecord } from "../../store/rounds";
import type { SegmentOrigin } from "../../store/segment-uses";
import { isUnanswered, type RoundFields } from "../chat/chat-round";
import { contextsById, contextsToKeep } from "../chat/context-hash";
import type { ChatHead } from "./archive";
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
  {
    id,
    system,
    tools,
    owner,
    model,
    createdMs,
    title,
    pinnedIds,
    nextId,
  }: ChatHead,
  rounds: readonly Pick<RoundRecord, "user" | "document">[],
  updatedMs: number,
): ConversationRecord {
  const first = rounds.find(({ user }) => user !== "");
  return {
    id,
    title: title || chatTitle(first?.document ?? first?.user ?? ""),
    system,
    ...(tools && { tools }),
    createdMs,
    updatedMs,
    model: { name: model.name, url: model.url },
    ...(owner !== undefined && { owner }),
    ...(pinnedIds && { pinnedIds }),
    ...(nextId !== undefined && { nextId }),
  };
}

/** What is written of a round: its record, but for what the archive adds. */
export type RoundCopy = RoundFields<Uint32Array> &
  Pick<RoundRecord, "contexts">;

/** A copy of the round with its own tokens and lists: those of a running turn keep growing. */
export function copyOfRound(round: RoundFields): RoundCopy {
  const { id, parentId, user, reply, isFinished, openTokens } = round;
  const { textFingerprint, document, isFromFile, modelName } = round;
  const { calls, results } = round;
  return {
    id,
    parentId,
    user,
    reply,
    isFinished,
    tokens: Uint32Array.from(round.tokens),
    contexts: contextsToKeep(round),
    openTokens,
    textFingerprint,
    document,
    ...(calls && { calls: [...calls] }),
    ...(results && { results }),
    ...(isFromFile && { isFromFile }),
    ...(modelName !== undefined && { modelName }),
    kvFrom: round.kvFrom && { ...round.kvFrom },
    attended: round.attended && [...round.attended],
    pageDigest: round.pageDigest?.slice(),
    indexKeys: round.indexKeys && { ...round.indexKeys },
  };
}

export async function asRoundRecord(
  conversationId: string,
  round: RoundCopy,
  createdMs: number,
): Promise<RoundRecord> {
  return {
    ...round,
    conversationId,
    contentHash: await contentHash(round.tokens),
    createdMs,
  };
}

/** Puts into the records of a whole chat what no model need hash again. */
export async function noteContexts(
  records: readonly RoundRecord[],
): Promise<void> {
  const read = records.filter((round) => !isUnanswered(round));
  await contextsById(read);
  for (const round of read) round.contexts = contextsToKeep(round);
}

/** What the KV of a segment was computed behind; undefined if nothing says so. */
export function originOfUse({
  kvContext,
  isExact = true,
}: SegmentOrigin): KvOrigin | undefined {
  if (kvContext === undefined) return undefined;
  return { context: kvContext, isExact, isMixed: false };
}

/** @param withKv whether the file gets the chat's segments: digests of keys are of no use without */
export function asChatFile(
  { title, system, tools, model, createdMs, pinnedIds }: ConversationRecord,
  rounds: readonly RoundRecord[],
  withKv: boolean,
): ChatFile {
  return {
    title,
    system,
    tools,
    modelName: model.name,
    createdMs,
    pinnedIds,
    rounds: rounds.map(
      ({
        conversationId: _id,
        contentHash: _hash,
        contexts: _contexts,
        pageDigest,
        indexKeys: _keys,
        kvContext: _context,
        isApproximate: _isApproximate,
        isFromFile: _isFromFile,
        kvFrom,
        ...round
      }) => ({
        ...round,
        ...(withKv && { pageDigest }),
        // Another chat's KV does not go along.
        ...(withKv && kvFrom?.conversationId === undefined && { kvFrom }),
      }),
    ),
  };
}
