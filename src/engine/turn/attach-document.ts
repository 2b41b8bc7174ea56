/**
 * Attaches a document to a chat: it is prefilled once right behind the system prompt, and found again by the hash
 * of its tokens in every other chat. Its text is stored before the model reads it.
 */
import { Pins } from "../../memory/residency";
import { isAllResident } from "../../memory/round";
import { isStored, newGeneration } from "../../memory/half-kv";
import { ContextFullError } from "../../util/errors";
import { HALVES } from "../../util/kv-half";
import type { RestoreOptions, RestoreProgress } from "../api/kv-memory";
import type { AttachReport, ChatDocument } from "../api/replies";
import type { Archive } from "../archive/archive";
import { originOfUse } from "../archive/archive-records";
import type { BoundChat } from "../chat/bound-chat";
import { type ChatRound, setTokens } from "../chat/chat-round";
import {
  DOCUMENT_REPLY,
  DOCUMENT_ROUND,
  documentId,
  documentRound,
} from "../chat/document";
import { readyBranch } from "../chat/kv-state";
import { contentHash } from "../load/fingerprint";
import type { ActiveChat, TurnContext } from "../open/active-chat";
import { newReport } from "../restore/kv-restore";
import { frameOf } from "../run/attention-frame";
import { pendingSpans } from "../run/runner";

/** Share of the model's context that must stay free for a question and its reply. */
const LEFT_SHARE = 0.25;

/** How the document's round is added to the chat, and removed again on failure. */
export interface DocumentPlace {
  /** Adds the round to the chat, its text on the disk first. */
  add: (round: ChatRound) => Promise<void>;
  remove: (round: ChatRound) => Promise<void>;
}

/**
 * Attaches a document. If that fails or is stopped, the chat is as before.
 *
 * @throws ContextFullError, OutOfMemoryError, DeviceLostError, StoreError; the signal's reason
 */
export async function attachDocument(
  active: ActiveChat,
  document: ChatDocument,
  place: DocumentPlace,
  { onProgress, signal }: RestoreOptions,
): Promise<AttachReport> {
  const { chat, context, loaded, stores } = active;
  const round = roundOf(chat, document, context.contextTokens);
  await place.add(round);
  let isRead = false;
  try {
    await findKv(round, stores.archive, chat.segmentFingerprint);
    let computedTokens = 0;
    for await (const progress of readDocument(context, round)) {
      computedTokens = progress.computedTokens;
      onProgress?.(progress);
      signal?.throwIfAborted();
    }
    isRead = true;
    // The document is attached; storing its KV may fail without consequence.
    if (computedTokens > 0)
      await stores.kv.storeDocument(loaded, chat, round).catch(() => undefined);
    await active.saveText(round);
    return {
      roundId: round.id,
      encodedTokens: computedTokens,
      reusedTokens: round.tokens.length - computedTokens,
    };
  } finally {
    if (!isRead) await place.remove(round);
  }
}

/** @throws ContextFullError if the document is too long for the model */
function roundOf(
  chat: BoundChat,
  document: ChatDocument,
  contextTokens: number,
): ChatRound {
  const { name, text } = document;
  const { conversation, textFingerprint } = chat;
  const said = { user: text, reply: DOCUMENT_REPLY, document: name };
  const isFirst = conversation.rounds.length === 1;
  const { tokens, openTokens } = chat.read(said, isFirst);
  const room =
    (1 - LEFT_SHARE) * contextTokens - conversation.prefix.tokens.length;
  if (tokens.length > room)
    throw new ContextFullError(
      `${name} has ${tokens.length} tokens; the model's context of ${contextTokens} has room for ${Math.floor(room)}. Attach a part of it.`,
    );
  const round = documentRound(conversation, document);
  setTokens(round, tokens, openTokens, textFingerprint);
  return round;
}

/** Notes what is stored of the document's KV, by this chat or another. */
async function findKv(
  round: ChatRound,
  archive: Pick<Archive, "readDocument" | "storedHalves">,
  model: string,
): Promise<void> {
  const id = documentId(await contentHash(round.tokens));
  const [known, halves] = await Promise.all([
    archive.readDocument(id),
    archive.storedHalves(id),
  ]);
  round.kvFrom = { conversationId: id, roundId: DOCUMENT_ROUND };
  round.pageDigest = known?.pageDigest;
  if (known?.indexKeys?.model === model) round.indexKeys = known.indexKeys;
  for (const half of HALVES) {
    round[half].place = round.kvFrom;
    const use = known && halves.get(DOCUMENT_ROUND)?.[half];
    if (!use) continue;
    const { bytes } = use;
    const [generation, origin] = [newGeneration(), originOfUse(use)];
    round[half].stored = { bytes, generation, origin };
  }
}

/** @yields how far it is; the document has its KV at the end */
async function* readDocument(
  context: TurnContext,
  round: ChatRound,
): AsyncGenerator<RestoreProgress & { computedTokens: number }, void> {
  const { conversation, residency, restorer, source } = context;
  await readyBranch([conversation.prefix, round]);
  const totalTokens = round.tokens.length;
  const pins = new Pins(residency);
  try {
    for (const half of HALVES) pins.add(round, half);
    yield { doneTokens: 0, totalTokens, computedTokens: 0 };
    if (HALVES.every((half) => isStored(round[half])))
      for (const half of HALVES) {
        const restored = restorer.restore([round], half, source, newReport());
        for await (const _ of restored) void _;
      }
    if (isAllResident(round)) {
      yield { doneTokens: totalTokens, totalTokens, computedTokens: 0 };
      return;
    }
    for await (const progress of encode(context, round))
      yield { ...progress, computedTokens: totalTokens };
  } finally {
    pins.release();
  }
}

/** Computes all of its KV, with only the system prompt before it. */
async function* encode(
  context: TurnContext,
  round: ChatRound,
): AsyncGenerator<RestoreProgress, void> {
  const { runner, residency, restorer, source, contextTokens } = context;
  const history = [context.conversation.prefix];
  const totalTokens = round.tokens.length;
  const pins = new Pins(residency);
  try {
    for (const half of HALVES) {
      residency.clear(round, half);
      pins.add(history[0]!, half);
      const restored = restorer.restore(history, half, source, newReport());
      for await (const _ of restored) yield { doneTokens: 0, totalTokens };
      const request = { history, contextTokens };
      for await (const _ of restorer.recompute(history, half, request, source))
        yield { doneTokens: 0, totalTokens };
      await residency.give(round, half);
    }
    const frame = frameOf({
      history,
      own: [round],
      ownTokens: totalTokens,
      contextTokens,
    });
    const rows = pendingSpans(frame.lower.slice(-1));
    for await (const doneTokens of runner.prefill({ frame, rows }))
      yield { doneTokens, totalTokens };
    yield { doneTokens: totalTokens, totalTokens };
  } finally {
    pins.release();
  }
}
