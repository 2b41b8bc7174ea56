/**
 * The reply of one turn: decode steps two deep. While the GPU computes one step the next is already submitted,
 * because it takes its token from the sampler, not from the CPU. Only tokens that were read back count; KV past
 * the end is overwritten by what comes next.
 *
 * Where a constraint holds, the reply goes one step at a time, for a token decides what may follow it. Tokens that
 * follow in any case are not drawn: they are fed together with the one before them.
 */
import type { ReadbackRing } from "../../gpu/readback";
import type { PlacedRound } from "../../memory/page-table";
import type { DrawSettings } from "../../model/network/sampler-buffer";
import { PAGE_TOKENS } from "../../memory/page-pool";
import { SAMPLED } from "../../model/network/step";
import { NO_TOKEN } from "../../kernels/sampling/sample";
import { ModelOutputError, OutOfMemoryError } from "../../util/errors";
import type { Frame } from "../run/attention-frame";
import type { DrawnLogprobs, LogprobReader } from "../run/logprob-reader";
import { writeAllowed } from "./draw-rules";
import {
  earlierPages,
  type Runner,
  type TablePages,
  type TokenDraw,
  type FirstDraw,
} from "../run/runner";

/** Steps submitted but not yet read. */
const DEPTH = 2;

/** What a reply must be, token by token: model/grammar/constraint.ts. */
export interface TokenConstraint {
  /** Whether any token may follow the next one, too. What was drawn since is dropped once this ends. Default: false. */
  readonly isFree?: boolean;
  /** A bit for each token that may follow. */
  allowed(): Uint32Array;
  accept(token: number): void;
  /** Tokens that follow in any case. */
  forced(): readonly number[];
}

export interface ReplyParts {
  settings: DrawSettings;
  ring: Pick<ReadbackRing, "take">;
  /** Gives the own round pages for so many tokens; may reject with OutOfMemoryError. */
  makeRoom: (tokens: number) => Promise<void>;
  /** Reads those of every token that is drawn, if they are asked for. */
  logprobs?: LogprobReader | undefined;
  /** Only with `hasMask` in the settings. */
  constraint?: TokenConstraint | undefined;
}

export interface ReplyLimits {
  stopTokens: ReadonlySet<number>;
  maxTokens: number;
  signal?: AbortSignal | undefined;
}

/** A token that was read back. */
export interface DrawnToken {
  token: number;
  /** Where they were asked for. */
  logprobs?: DrawnLogprobs | undefined;
}

export type ReplyEnd = "stop" | "length" | "aborted";

export class Reply {
  /** Tokens read back, without the one that ended the reply. */
  readonly tokens: number[] = [];
  /** Why the reply ended; undefined while it runs. */
  end: ReplyEnd | undefined;
  /** The token that ended it, with the end `stop`. */
  stopToken: number | undefined;
  readonly #runner: Runner;
  readonly #own: PlacedRound;
  readonly #earlierPages: TablePages;
  readonly #parts: ReplyParts;
  /** Set when the reply can't get another page. */
  #isOutOfPages = false;
  /** Reads of submitted steps, oldest first. */
  readonly #inFlight: Promise<DrawnToken>[] = [];
  #draws = 0;
  /** Tokens fed by the submitted steps. */
  #fed = 0;
  /** Read back or forced, and not fed: those behind the one drawn last. */
  #forced: readonly number[] = [];
  /** The token behind which the next step goes on; undefined for the one that was drawn last. */
  #last: number | undefined;
  #allowed: Uint32Array | undefined;
  #readFirst: (() => Promise<DrawnToken>) | undefined;

  /**
   * @param frame what the reply attends to; its last round is the turn's own, with its question's tokens
   */
  constructor(runner: Runner, frame: Frame, parts: ReplyParts) {
    this.#runner = runner;
    this.#own = frame.lower.at(-1)!;
    this.#earlierPages = earlierPages(frame);
    this.#parts = parts;
  }

  /** How the prefill draws the first token. */
  first(): FirstDraw {
    const { read, ...draw } = this.#nextDraw();
    this.#readFirst = read;
    return { ...draw, settings: this.#parts.settings };
  }

  /**
   * The reply's tokens as they are read back, once the prefill is submitted; sets `end`.
   *
   * @throws ModelOutputError where there is nothing to draw from; DeviceLostError
   */
  async *decode({
    stopTokens,
    maxTokens,
    signal,
  }: ReplyLimits): AsyncGenerator<DrawnToken, void> {
    const { constraint } = this.#parts;
    // What may follow a token is known once it has been read.
    const depth = () => (constraint && !constraint.isFree ? 1 : DEPTH);
    try {
      if (this.#readFirst) this.#inFlight.push(this.#readFirst());
      while (this.end === undefined) {
        while (
          this.#inFlight.length < depth() &&
          this.#canContinue(maxTokens)
        ) {
          await this.#submit();
        }
        if (this.#inFlight.length === 0) {
          this.end = "length";
          break;
        }
        const drawn = await this.#inFlight.shift()!;
        const { token } = drawn;
        this.#runner.gpu.check();
        if (signal?.aborted) {
          this.end = "aborted";
        } else if (token === NO_TOKEN) {
          if (constraint?.allowed().every((word) => word === 0))
            throw new ModelOutputError(
              `The model has no token for what the reply's format asks for behind its ${this.tokens.length} tokens. Ask for another format, or load another model.`,
            );
          throw new ModelOutputError(
            `The model's logits for token ${this.tokens.length + 1} of the reply are not numbers: its weights are damaged, or the GPU computes wrongly. Load the model again or from another file; if this persists, update the graphics driver, or use another browser.`,
          );
        } else if (stopTokens.has(token)) {
          this.stopToken = token;
          this.end = "stop";
        } else {
          const wasFree = constraint?.isFree === true;
          constraint?.accept(token);
          if (wasFree && !constraint?.isFree) await this.#goBackTo(token);
          this.#forced = constraint?.forced() ?? [];
          for (const one of [drawn, ...this.#forced.map(asDrawn)]) {
            if (one !== drawn) constraint?.accept(one.token);
            this.tokens.push(one.token);
            if (this.tokens.length >= maxTokens) this.end = "length";
            yield one;
            if (this.end !== undefined) break;
          }
        }
      }
    } finally {
      // A slot must be read before it is reused.
      await Promise.allSettled(this.#inFlight.splice(0));
    }
  }

  /** Ends the reply behind so many of its tokens: the others say what is not part of it. */
  stopAfter(tokens: number): void {
    this.tokens.length = tokens;
    this.end = "stop";
  }

  /**
   * How many tokens behind the question have KV in the pages: those fed by the submitted steps. The draw of the
   * prefill feeds nothing.
   */
  get fedTokens(): number {
    return this.#fed;
  }

  /** Drops what was drawn behind a token, before it was known what may follow it. The token is fed again. */
  async #goBackTo(token: number): Promise<void> {
    const dropped = this.#inFlight.splice(0);
    if (dropped.length === 0) return;
    await Promise.all(dropped);
    this.#fed -= dropped.length;
    this.#last = token;
  }

  #canContinue(maxTokens: number): boolean {
    const tokens = this.tokens.length + this.#inFlight.length;
    return tokens < maxTokens && !this.#isOutOfPages;
  }

  /** Feeds the token drawn last, with those forced behind it, and draws the next. */
  async #submit(): Promise<void> {
    const { round } = this.#own;
    const { makeRoom } = this.#parts;
    const local = round.tokens.length + this.#fed;
    const fed = [this.#last ?? SAMPLED, ...this.#forced];
    try {
      await makeRoom(local + fed.length);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      this.#isOutOfPages = true; // what was said until here stays
      return;
    }
    const { read, ...draw } = this.#nextDraw();
    for (let at = 0; at < fed.length;) {
      const rest = PAGE_TOKENS - ((local + at) % PAGE_TOKENS);
      const tokens = fed.slice(at, at + rest);
      const drawing = at + tokens.length === fed.length ? draw : undefined;
      const own = this.#own;
      this.#runner.decode(own, local + at, this.#earlierPages, drawing, tokens);
      at += tokens.length;
    }
    this.#fed += fed.length;
    this.#forced = [];
    this.#last = undefined;
    this.#inFlight.push(read());
  }

  /** How the next step draws, and what reads its token once it is submitted. */
  #nextDraw(): TokenDraw & { read: () => Promise<DrawnToken> } {
    const { gpu, decoder } = this.#runner;
    const { ring, logprobs: reader, constraint } = this.#parts;
    const allowed = constraint?.allowed();
    if (allowed && allowed !== this.#allowed)
      writeAllowed(gpu, decoder, allowed);
    this.#allowed = allowed;
    const { copy, read } = ring.take(decoder.workspace.sampled);
    const more = reader?.take();
    return {
      index: this.#draws++,
      copies: more ? [copy, more.copy] : [copy],
      add: more?.add,
      async read() {
        // Both are asked for at once: their slots are filled by the same submit.
        const [token, logprobs] = await Promise.all([read(), more?.read()]);
        return { token, logprobs };
      },
    };
  }
}

function asDrawn(token: number): DrawnToken {
  return { token };
}
