/**
 * Puts a document into a chat: read once right behind the system prompt, and found again by the hash of its
 * tokens in whichever chat it is attached to next.
 */
import { Pins } from "../../memory/residency";
import { isResident } from "../../memory/round";
import { HALVES } from "../../util/kv-half";
import { ContextFullError } from "../../util/errors";
import type { Archive } from "../archive/archive";
import type { BoundChat } from "../chat/bound-chat";
import type { RestoreOptions, RestoreProgress } from "../api/kv-memory";
import type { AttachReport, ChatDocument } from "../api/replies";
import { contextsOf } from "../chat/context-hash";
import type { ChatRound } from "../chat/conversation";
import type { Desk, TurnContext } from "../open/active-chat";
import { DOCUMENT_REPLY, DOCUMENT_ROUND, documentId } from "../chat/document";
import { contentHash } from "../load/fingerprint";
import { frameOf } from "../run/attention-frame";
import { newReport } from "../restore/kv-restore";
import { pendingSpans } from "../run/runner";

/** Of the model's context, what must be left beside a document for a question and its reply. */
const LEFT_SHARE = 0.25;

/**
 * Attaches a document, and keeps it.
 *
 * @throws ContextFullError, OutOfMemoryError, DeviceLostError; the signal's reason
 */
export async function attachDocument(
  desk: Desk,
  document: ChatDocument,
  { onProgress, signal }: RestoreOptions,
): Promise<AttachReport> {
  const { chat, session, archive, keeper, context } = desk;
  const report = { roundId: 0, encodedTokens: 0, reusedTokens: 0 };
  const steps = attach(context, chat, document, archive, report);
  for await (const progress of steps) {
    onProgress?.(progress);
    signal?.throwIfAborted();
  }
  const round = chat.conversation.rounds.at(-1)!;
  if (report.encodedTokens > 0) await keeper.keepDocument(session, chat, round);
  await desk.keepText(round);
  return report;
}

/**
 * Yields how far it is; the round is there from the first of it, and has its KV at the end. Whoever leaves
 * early withdraws it.
 *
 * @param report gets what it took
 * @throws ContextFullError, OutOfMemoryError, DeviceLostError
 */
async function* attach(
  context: TurnContext,
  chat: BoundChat,
  { name, text }: ChatDocument,
  archive: Pick<Archive, "readDocument" | "segmentKeys">,
  report: AttachReport,
): AsyncGenerator<RestoreProgress, ChatRound> {
  const { conversation, contextTokens } = context;
  const isFirst = conversation.rounds.length === 1;
  const said = { user: text, reply: DOCUMENT_REPLY, document: name };
  const { tokens, openTokens } = chat.read(said, isFirst);
  const room =
    (1 - LEFT_SHARE) * contextTokens - conversation.rounds[0]!.tokens.length;
  if (tokens.length > room)
    throw new ContextFullError(
      `${name} has ${tokens.length} tokens; the model's context of ${contextTokens} has room for ${Math.floor(room)}. Attach a part of it.`,
    );

  const id = documentId(await contentHash(tokens));
  const known = await archive.readDocument(id);
  const sizes = (await archive.segmentKeys(id)).get(DOCUMENT_ROUND);
  const round = conversation.add({
    ...said,
    tokens,
    openTokens,
    isFinished: true,
    kvContext: known?.kvContext,
    kvFrom: { conversationId: id, roundId: DOCUMENT_ROUND },
    pageDigest: known?.pageDigest,
  });
  for (const half of HALVES)
    round[half].storedBytes = known ? (sizes?.[half] ?? 0) : 0;
  const pins = new Pins(context.residency);
  let isDone = false;
  try {
    for (const half of HALVES) pins.add(round, half);
    yield { doneTokens: 0, totalTokens: tokens.length };
    yield* restore(context, round);
    const isThere = HALVES.every((half) => isResident(round, half));
    if (!isThere) yield* encode(context, round);
    report.roundId = round.id;
    report.encodedTokens = isThere ? 0 : tokens.length;
    report.reusedTokens = isThere ? tokens.length : 0;
    isDone = true;
    return round;
  } finally {
    pins.release();
    if (!isDone) {
      for (const half of HALVES) context.residency.drop(round, half);
      conversation.withdraw();
    }
  }
}

async function* restore(
  { recall, source }: TurnContext,
  round: ChatRound,
): AsyncGenerator<RestoreProgress, void> {
  if (HALVES.some((half) => round[half].storedBytes === 0)) return;
  const totalTokens = round.tokens.length;
  for (const half of HALVES)
    for await (const _ of recall.restore([round], half, source, newReport()))
      yield { doneTokens: half === "lower" ? 0 : totalTokens, totalTokens };
}

/** Computes all of its KV, with nothing but the system prompt before it. */
async function* encode(
  context: TurnContext,
  round: ChatRound,
): AsyncGenerator<RestoreProgress, void> {
  const { runner, residency, recall, source, contextTokens } = context;
  const history = context.conversation.rounds.slice(0, 1);
  const totalTokens = round.tokens.length;
  const pins = new Pins(residency);
  try {
    for (const half of HALVES) {
      round[half].computedTokens = 0;
      round[half].storedBytes = 0;
      pins.add(history[0]!, half);
      for await (const _ of recall.restore(history, half, source, newReport()))
        yield { doneTokens: 0, totalTokens };
      const request = { history, contextTokens };
      for await (const _ of recall.recompute(history, half, request))
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
    [, round.kvContext] = await contextsOf(history);
    history[0]!.kvContext ??= (await contextsOf([]))[0];
  } finally {
    pins.release();
  }
}
