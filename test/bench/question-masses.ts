/** How the questions of chats with known answers spread their attention, for calibration. */
import type { QuestionMass } from "../../src/engine/rounds/calibration";
import { questionMass } from "../../src/engine/rounds/question-mass";
import { type BenchChat, inTokens } from "./chats";
import type { History } from "./history";

export async function questionMasses(
  history: History,
  {
    chats,
    onProgress,
  }: { chats: readonly BenchChat[]; onProgress?: (doing: string) => void },
): Promise<QuestionMass[]> {
  const questions: QuestionMass[] = [];
  for (const [at, chat] of chats.entries()) {
    onProgress?.(
      `chat ${at + 1} of ${chats.length}, ${chat.rounds.length} rounds`,
    );
    const tokens = inTokens(history.model, chat);
    await history.fill(tokens);
    for (const { round, source } of chat.asks) {
      const mass = await questionMass(history.runner, history.residency, {
        history: history.rounds.slice(0, round + 1),
        question: tokens.rounds[round]!.open,
        tailTokens: tokens.tailTokens,
        contextTokens: history.model.contextTokens,
      });
      if (mass) questions.push({ ...mass, source });
    }
  }
  return questions;
}
