/**
 * Compares a turn with full attention over exact KV, and says what of the difference selection made and what reuse.
 *
 *     exact     all rounds before it and its own, recomputed into pages of their own
 *     selected  of these, the rounds that the turn attended to; its own round recomputed behind them
 *     as it is  the rounds that the turn attended to, with their resident or stored KV; its own round
 *               recomputed behind them
 *
 * All sides read the question, then the reply as it was given, a few rows at a time, because the logits of a row
 * are large. Of the chat, only what is resident may change.
 */
import { pagesFor } from "../../memory/page-pool";
import { Pins } from "../../memory/residency";
import { isResident, newRound, type Round } from "../../memory/round";
import { HALVES } from "../../util/kv-half";
import { ASKED_CAPACITY } from "../../model/network/workspace";
import { newestBranch } from "../../store/round-tree";
import { ContextFullError, OutOfMemoryError } from "../../util/errors";
import { type ChatRound, forgetKv, isUnanswered } from "../chat/chat-round";
import type { Conversation } from "../chat/conversation";
import type { ActiveChat, TurnContext } from "../open/active-chat";
import { farRounds, type Frame, frameOf, seenBy } from "../run/attention-frame";
import { divergence, likeliest } from "../run/logits";
import type { Divergence, VerifyOptions, VerifyReport } from "../api/kv-memory";
import { massOfLayers } from "../rounds/question-mass";
import { newReport } from "../restore/kv-restore";
import { massByRound } from "../rounds/round-mass";
import { pendingSpans, type Span } from "../run/runner";
import { readyBranch } from "../chat/kv-state";

export interface VerifyRequest extends VerifyOptions {
  /** Asked between submits: whether a foreground task waits. */
  shouldYield: () => boolean;
}

/** Interrupts a verification for a foreground task. */
class Interruption extends Error {}

/** One side of the comparison. */
interface Side {
  frame: Frame;
  /** The turn's own round, in pages of this side. */
  own: Round;
}

/**
 * Undefined if a foreground task interrupted it.
 *
 * @throws RangeError, ContextFullError, OutOfMemoryError, DeviceLostError; the signal's reason
 */
export async function verifyRound(
  { chat, context, loaded }: Pick<ActiveChat, "chat" | "context" | "loaded">,
  roundId: number,
  { onProgress, signal, shouldYield }: VerifyRequest,
): Promise<VerifyReport | undefined> {
  const start = performance.now();
  const { conversation, tokens } = chat;
  const branch = branchTo(conversation, roundId);
  const round = branch.at(-1)!;
  const replyTokens =
    round.tokens.length - tokens.close.length - round.openTokens;
  if (round === branch[0] || round.document !== undefined || replyTokens <= 0)
    throw new RangeError(`Round ${roundId} has no reply to compare.`);
  const { rows } = loaded.model.selection;
  const verification = new Verification(context, branch, replyTokens, {
    massRows:
      rows === "tail"
        ? Math.min(
            tokens.tailTokens({ isFirst: false, results: round.results }),
            round.openTokens,
          )
        : round.openTokens,
    onProgress,
    goOn() {
      signal?.throwIfAborted();
      if (shouldYield()) throw new Interruption();
    },
  });
  try {
    const found = await verification.run();
    const tookMs = performance.now() - start;
    return { chatId: conversation.id, roundId, ...found, tookMs };
  } catch (error) {
    if (error instanceof Interruption) return undefined;
    throw error;
  } finally {
    verification.end();
  }
}

class Verification {
  readonly #context: TurnContext;
  readonly #history: readonly ChatRound[];
  readonly #round: ChatRound;
  readonly #replyTokens: number;
  readonly #massRows: number;
  readonly #onProgress: VerifyOptions["onProgress"];
  /** Called between submits. @throws if it should stop */
  readonly #goOn: () => void;
  readonly #pins: Pins;
  /** Rounds with pages of their own. */
  readonly #made: Round[] = [];
  #doneTokens = 0;
  readonly #totalTokens: number;

  constructor(
    context: TurnContext,
    branch: readonly ChatRound[],
    replyTokens: number,
    {
      massRows,
      onProgress,
      goOn,
    }: {
      massRows: number;
      onProgress: VerifyOptions["onProgress"];
      goOn: () => void;
    },
  ) {
    this.#context = context;
    this.#history = branch.slice(0, -1);
    this.#round = branch.at(-1)!;
    this.#replyTokens = replyTokens;
    this.#massRows = massRows;
    this.#onProgress = onProgress;
    this.#goOn = goOn;
    this.#pins = new Pins(context.residency);
    const before = tokensOf(this.#history);
    const { attended, openTokens } = this.#round;
    const sides = attended === null ? 2 : 3;
    // The question is read once more, layer by layer, for its attention.
    this.#totalTokens =
      before + openTokens + sides * (openTokens + this.#replyTokens);
  }

  async run(): Promise<Omit<VerifyReport, "chatId" | "roundId" | "tookMs">> {
    this.#assertFits();
    this.#progress(0);
    const asItIs = await this.#asItIs();
    const exact = await this.#exact();
    const mass = await this.#mass(exact);
    const selected =
      this.#round.attended === null ? undefined : await this.#selected(exact);
    const sides = [exact, ...(selected ? [selected] : []), asItIs];
    for (const side of sides) await this.#readQuestion(side);
    return { ...(await this.#compare(sides)), ...mass };
  }

  /** Gives all pages back. */
  end(): void {
    const { residency } = this.#context;
    this.#pins.release();
    for (const round of this.#made)
      for (const half of HALVES) residency.drop(round, half);
  }

  /** @throws ContextFullError, OutOfMemoryError */
  #assertFits(): void {
    const { contextTokens, index, residency } = this.#context;
    const branch = [...this.#history, this.#round];
    const tokens = tokensOf(branch);
    if (tokens > contextTokens)
      throw new ContextFullError(
        `The chat has ${tokens} tokens up to round ${this.#round.id}; the model's context is ${contextTokens}. Compare an earlier round.`,
      );
    const all = pagesOf(branch);
    const attended = this.#round.attended;
    const seen = branch.filter(
      ({ id }, i) => i === 0 || attended === null || attended.includes(id),
    );
    const own = seen.includes(this.#round)
      ? 0
      : pagesFor(this.#round.tokens.length);
    // Of the sides that attend to some rounds there are two.
    const upper = all + pagesOf(seen) + (attended === null ? own : 2 * own);
    const needed = { lower: index ? upper : 2 * all + own, upper };
    for (const half of HALVES) {
      const room = residency.availablePages(half, this.#history);
      if (needed[half] > room)
        throw new OutOfMemoryError(
          `Comparing round ${this.#round.id} needs two copies of the chat's KV: ${needed[half]} pages of ${half} KV. The memory budget has room for ${room}. Raise the budget, or compare an earlier round.`,
        );
    }
  }

  /** The rounds that the turn attended to, as they are: resident, restored, or else recomputed. */
  async #asItIs(): Promise<Side> {
    const { conversation, index, restorer, source, contextTokens, runner } =
      this.#context;
    const history = this.#history;
    const { attended } = this.#round;
    const request = {
      history,
      contextTokens,
      window: runner.cache.window,
      ...seenBy(attended, index !== undefined),
    };
    const { stale } = await readyBranch(history);
    const side = await this.#sideOf(request);
    for (const half of HALVES) {
      const rounds = side.frame[half].slice(0, -1).map(({ round }) => round);
      for (const round of rounds) this.#pins.add(round, half);
      const far = farRounds(side.frame, half);
      const restored = restorer.restore(rounds, half, source, newReport(), far);
      for await (const round of restored) {
        conversation.restored.add(round as ChatRound);
        this.#goOn();
      }
      // A round must not mix KV of two contexts.
      for (const round of history)
        if (half === "lower" && stale.has(round) && !isResident(round, half))
          forgetKv(round);
      const recomputed = restorer.recompute(
        rounds,
        half,
        request,
        source,
        (round) =>
          stale.has(round as ChatRound) && forgetKv(round as ChatRound),
      );
      for await (const _ of recomputed) this.#goOn();
    }
    return side;
  }

  /** All rounds in pages of their own. */
  async #exact(): Promise<Side> {
    const { runner, contextTokens } = this.#context;
    const history: Round[] = [];
    for (const { id, tokens } of this.#history)
      history.push(await this.#make(id, tokens));
    const side = await this.#sideOf({ history, contextTokens });
    const rows = pendingSpans(side.frame.lower.slice(0, -1));
    let done = 0;
    for await (const count of runner.prefill({ frame: side.frame, rows })) {
      this.#progress(count - done);
      done = count;
      this.#goOn();
    }
    this.#progress(tokensOf(history) - done);
    return side;
  }

  /** The rounds that the turn attended to, of the exact ones. */
  #selected({ frame }: Side): Promise<Side> {
    const { index, contextTokens } = this.#context;
    const history = frame.lower.slice(0, -1).map(({ round }) => round);
    const seen = seenBy(this.#round.attended, index !== undefined);
    return this.#sideOf({ history, contextTokens, ...seen });
  }

  async #sideOf(
    request: Pick<
      Parameters<typeof frameOf>[0],
      "history" | "contextTokens" | "selected" | "attended" | "window"
    >,
  ): Promise<Side> {
    const { id, tokens } = this.#round;
    const own = await this.#make(id, tokens);
    const ownTokens = tokens.length;
    return { own, frame: frameOf({ ...request, own: [own], ownTokens }) };
  }

  /** A round of these tokens, with pages and without KV. */
  async #make(id: number, tokens: readonly number[]): Promise<Round> {
    const made = newRound(id, tokens);
    this.#made.push(made);
    for (const half of HALVES) {
      await this.#context.residency.give(made, half);
      this.#pins.add(made, half);
    }
    return made;
  }

  /** How the question's attention spreads over the rounds before it, layer by layer. */
  async #mass({
    frame,
    own,
  }: Side): Promise<Pick<VerifyReport, "mass" | "roundIds">> {
    const { runner } = this.#context;
    const rounds = this.#history.slice(1);
    const mass: number[][] = [];
    const layers = massOfLayers(
      runner,
      frame,
      [this.#spanOf({ frame, own }, 0, this.#round.openTokens)],
      this.#massRows,
    );
    const heads = Array.from({ length: runner.decoder.headCount }, (_, h) => h);
    for await (const pageMass of layers) {
      const shares = massByRound(frame.lower, pageMass(heads), rounds);
      mass.push([...shares.values()]);
      this.#goOn();
    }
    for (const half of HALVES) own[half].computedTokens = 0;
    this.#progress(this.#round.openTokens);
    return { mass, roundIds: rounds.map(({ id }) => id) };
  }

  /** The question without its last token, whose logits are the first to be compared. */
  async #readQuestion(side: Side): Promise<void> {
    const { runner } = this.#context;
    const rows = [this.#spanOf(side, 0, this.#round.openTokens - 1)];
    for await (const _ of runner.prefill({ frame: side.frame, rows }))
      this.#goOn();
    this.#progress(this.#round.openTokens);
  }

  /** @param sides exact, selected unless the turn attended to all, as it is */
  async #compare(
    sides: readonly Side[],
  ): Promise<
    Pick<VerifyReport, "positions" | "selection" | "reuse" | keyof Divergence>
  > {
    const { runner } = this.#context;
    const positions = this.#replyTokens;
    const [whole, selection, reuse] = [0, 1, 2].map(() => nothingApart());
    const first = this.#round.openTokens - 1;
    for (let done = 0; done < positions; done += ASKED_CAPACITY) {
      this.#goOn();
      const count = Math.min(ASKED_CAPACITY, positions - done);
      const rows: (readonly Float32Array[])[] = [];
      for (const side of sides) {
        const span = this.#spanOf(side, first + done, first + done + count);
        rows.push(await runner.logits(side.frame, span));
      }
      const [exact, selected, asItIs] =
        rows.length === 3 ? rows : [rows[0], rows[0], rows[1]];
      for (let i = 0; i < count; i++) {
        note(whole!, exact![i]!, asItIs![i]!, positions);
        note(selection!, exact![i]!, selected![i]!, positions);
        note(reuse!, selected![i]!, asItIs![i]!, positions);
      }
      this.#progress(sides.length * count);
    }
    return { positions, ...whole!, selection: selection!, reuse: reuse! };
  }

  #spanOf({ frame }: Side, from: number, to: number): Span {
    return { placed: frame.lower.at(-1)!, from, to };
  }

  #progress(tokens: number): void {
    this.#doneTokens += tokens;
    this.#onProgress?.({
      doneTokens: this.#doneTokens,
      totalTokens: this.#totalTokens,
    });
  }
}

function nothingApart(): Divergence {
  return { sameTop1: 0, meanKl: 0, maxKl: 0 };
}

/** Adds one of so many positions. */
function note(
  found: Divergence,
  wanted: Float32Array,
  said: Float32Array,
  positions: number,
): void {
  const kl = divergence(wanted, said);
  found.sameTop1 += Number(likeliest(wanted) === likeliest(said));
  found.meanKl += kl / positions;
  found.maxKl = Math.max(found.maxKl, kl);
}

/** The rounds of a branch up to this one. @throws RangeError if there is no such round */
function branchTo({ all }: Conversation, id: number): ChatRound[] {
  const branch = newestBranch(all, id);
  const at = branch.findIndex((round) => round.id === id);
  if (at < 0) throw new RangeError(`There is no round ${id} in this chat.`);
  return branch
    .slice(0, at + 1)
    .filter((round) => round.id === id || !isUnanswered(round));
}

function tokensOf(rounds: readonly Round[]): number {
  return rounds.reduce((sum, { tokens }) => sum + tokens.length, 0);
}

function pagesOf(rounds: readonly Round[]): number {
  return rounds.reduce((sum, { tokens }) => sum + pagesFor(tokens.length), 0);
}
