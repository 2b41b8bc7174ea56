/** Asks a real model, in the built-in chats for calibration drawn anew, for facts that were told among small talk. */
import { Engine } from "../../src/engine/engine";
import type { ModelSource } from "../../src/engine/api/models";
import type { LocalReceipt } from "../../src/engine/api/receipt";
import { localReceipt } from "../support/say";
import { calibrationChats } from "../../src/engine/rounds/calibration-chats";

/** Not the one that known heads were chosen with. */
const SEED = 11;

export interface FoundNeedle {
  question: string;
  answer: string;
  reply: string;
  /** Whether the turn read the round with the answer, of how many rounds, and how many it read. */
  isRead: boolean;
  rounds: number;
  readRounds: number;
  /** Share of the chat's KV that it needed. */
  kvShare: number;
  prefilledTokens: number;
  /** Tokens of rounds that it read and whose upper layers were neither on the GPU nor stored before it. */
  newTokens: number;
  timeToFirstTokenMs: number;
}

/**
 * Asks two questions about a chat of 24 rounds: one when the model reads the chat for the first time, one after the
 * engine was closed and opened again.
 */
export async function findNeedles(
  model: ModelSource,
  gpu?: GPU,
): Promise<FoundNeedle[]> {
  const storeName = `needles ${crypto.randomUUID()}`;
  const { system, rounds, questions } = calibrationChats(SEED)[0]!;
  const asked = questions.filter(({ kind }) => kind === "same").slice(0, 2);
  const found: FoundNeedle[] = [];
  let chatId: string | undefined;
  for (const { text, source, answer } of asked) {
    const engine = new Engine({ storeName, ...(gpu && { gpu }) });
    await engine.load(model);
    if (chatId === undefined)
      chatId = await engine.createChat({
        system,
        history: rounds.map(({ user, reply }) => ({ message: user, reply })),
      });
    else await engine.openChat(chatId);
    await engine.restoreChat(chatId);
    const { chat } = await engine.memory({ chatId });
    let reply = "";
    let receipt: LocalReceipt | undefined;
    for await (const event of engine.chat(chatId, text, {
      sampler: { temperature: 0 },
      maxTokens: 24,
    })) {
      if (event.type === "text") reply += event.text;
      if (event.type === "end") receipt = localReceipt(event.receipt);
    }
    const { attention, prefilledTokens } = receipt!.kv;
    const readIds = new Set(attention.attended.map(({ id }) => id));
    const readNew = chat!.rounds.filter(
      ({ id, upper }) =>
        readIds.has(id) && upper.residentTokens + upper.storedBytes === 0,
    );
    found.push({
      question: text,
      answer: answer!,
      reply,
      // The system prompt is round 0.
      isRead: attention.attended.some(({ id }) => id === source! + 1),
      rounds: attention.roundCount,
      readRounds: attention.attended.length,
      kvShare: attention.kvBytes / attention.fullKvBytes,
      prefilledTokens,
      newTokens: readNew.reduce((sum, { tokens }) => sum + tokens, 0),
      timeToFirstTokenMs: receipt!.timeToFirstTokenMs,
    });
    await engine.close();
  }
  return found;
}
