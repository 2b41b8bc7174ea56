/**
 * Calibration in the page, for a model that came without rondo.json: from the chats at hand, a question at
 * a time when there is nothing else to do. Nobody knows the right answers there, so the attention of the
 * later layers must tell (calibration.ts).
 */
import { isResident, type Round } from "../../memory/round";
import type { RondoConfig } from "../../model/config/calibration-config";
import type { BoundChat } from "../chat/bound-chat";
import { calibrate, type QuestionMass, type Rows } from "../rounds/calibration";
import { questionMass } from "../rounds/question-mass";
import type { LoadedModel } from "../load/loaded-model";

/** With fewer rounds before it a question has too little to choose from. */
const FEWEST_ROUNDS = 6;
/** Questions that a calibration is made of. */
const QUESTIONS = 12;
/** What suits most models is given up only for so much more gain. */
const CLEARLY_BETTER = 0.05;

export class SelfCalibration {
  readonly #questions: QuestionMass[] = [];
  readonly #seen = new Set<Round>();
  readonly #needed: number;
  #isDone = false;

  constructor(needed = QUESTIONS) {
    this.#needed = needed;
  }

  /**
   * Learns from the last question of a chat, if it is one to learn from.
   *
   * @param isWanted whether somebody waits for the GPU: then it is left at that
   * @returns what was found out, once there are questions enough; rows and heads hold from now on, the
   *   watershed from the next loading
   * @throws OutOfMemoryError, DeviceLostError
   */
  async learn(
    { model, runner, residency }: LoadedModel,
    { conversation, tokens }: BoundChat,
    isWanted: () => boolean,
  ): Promise<RondoConfig | undefined> {
    const { rounds } = conversation;
    const asking = rounds.at(-1)!;
    const history = rounds.slice(0, -1);
    if (this.#isDone || this.#seen.has(asking)) return undefined;
    const isKnown = model.calibration !== "assumed";
    if (history.length <= FEWEST_ROUNDS || isKnown) return undefined;
    const isThere = history.every(
      (round) => isResident(round, "lower") && isResident(round, "upper"),
    );
    if (!isThere || conversation.tokenCount > model.contextTokens)
      return undefined;
    this.#seen.add(asking);
    const mass = await questionMass(runner, residency, {
      history,
      question: asking.tokens.slice(0, asking.openTokens),
      tailTokens: tokens.tailTokens,
      contextTokens: model.contextTokens,
      isWanted,
    });
    if (!mass) return undefined;
    this.#questions.push(mass);
    if (this.#questions.length < this.#needed) return undefined;

    this.#isDone = true;
    const { watershed } = runner.cache.lower.shape;
    const found = calibrate(this.#questions);
    const gainAt = (rows: Rows, layer: number) =>
      found.worth.find((one) => one.rows === rows && one.layer === layer)
        ?.gain ?? 0;
    const { rows, heads, tau } = model.selection;
    return gainAt(found.rows, found.watershed) >=
      gainAt(rows, watershed) + CLEARLY_BETTER
      ? {
          watershed: found.watershed,
          rows: found.rows,
          heads: found.heads,
          tau,
        }
      : { watershed, rows, heads, tau };
  }
}
