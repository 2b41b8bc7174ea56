/**
 * Calibration in the page, for a model without rondo.json: it learns from the questions of the user's chats, one
 * at a time in idle time. The right answers are unknown there, so the attention of the later layers stands in for
 * them (calibration.ts).
 */
import { isResident, type Round } from "../../memory/round";
import type { RondoConfig } from "../../model/config/calibration-config";
import { isGlobal } from "../../model/config/global-layers";
import type { BoundChat } from "../chat/bound-chat";
import type { QuestionMass, Rows } from "../rounds/calibration";
import type { LoadedModel } from "../load/loaded-model";
import { lazyPart } from "../../util/lazy-part";

const questionMass = lazyPart(
  async () => (await import("../rounds/question-mass")).questionMass,
);
const calibrate = lazyPart(
  async () => (await import("../rounds/calibration")).calibrate,
);

/** With fewer rounds before it, a question has too little to choose from. */
const FEWEST_ROUNDS = 6;
/** Questions needed for a calibration. */
const QUESTIONS = 12;
/** The default is given up only for at least this much more gain. */
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
   * Learns from a chat's last question, if it is suitable.
   *
   * @param shouldYield whether a foreground task waits for the GPU; then this stops
   * @returns the calibration, once there are enough questions; its rows and heads apply at once, its watershed
   *   from the next loading
   * @throws OutOfMemoryError, DeviceLostError
   */
  async learn(
    { model, runner, residency }: LoadedModel,
    { conversation, tokens }: BoundChat,
    shouldYield: () => boolean,
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
      shouldYield,
    });
    if (!mass) return undefined;
    this.#questions.push(mass);
    if (this.#questions.length < this.#needed) return undefined;

    this.#isDone = true;
    const { watershed } = runner.cache.lower.shape;
    const found = await calibrate(this.#questions, undefined, (layer) =>
      isGlobal(model.network.config, layer),
    );
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
