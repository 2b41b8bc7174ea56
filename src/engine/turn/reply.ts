/**
 * The reply of one turn: decode steps two deep. While the GPU computes one step the next is already submitted,
 * because it takes its token from the sampler, not from the CPU. Only tokens that were read back count; KV past
 * the end is overwritten by what comes next.
 */
import type { ReadbackRing } from "../../gpu/readback";
import type { PlacedRound } from "../../memory/page-table";
import type { DrawSettings } from "../../model/network/sampler-buffer";
import { NO_TOKEN } from "../../kernels/sampling/sample";
import { ModelOutputError, OutOfMemoryError } from "../../util/errors";
import type { Frame } from "../run/attention-frame";
import type { DrawnLogprobs, LogprobReader } from "../run/logprob-reader";
import {
  earlierPages,
  type Runner,
  type TablePages,
  type TokenDraw,
  type FirstDraw,
} from "../run/runner";

/** Steps submitted but not yet read. */
const DEPTH = 2;

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
  readonly #settings: DrawSettings;
  readonly #ring: ReadbackRing;
  readonly #makeRoom: (tokens: number) => Promise<void>;
  /** Set when the reply can't get another page. */
  #isOutOfPages = false;
  /** Reads of submitted steps, oldest first. */
  readonly #inFlight: Promise<DrawnToken>[] = [];
  #submitted = 0;
  readonly #logprobs: LogprobReader | undefined;
  #readFirst: (() => Promise<DrawnToken>) | undefined;

  /**
   * @param frame what the reply attends to; its last round is the turn's own, with its question's tokens
   * @param makeRoom gives the own round pages for so many tokens; may reject with OutOfMemoryError
   * @param logprobs reads those of every token, if they are asked for
   */
  constructor(
    runner: Runner,
    frame: Frame,
    settings: DrawSettings,
    ring: ReadbackRing,
    makeRoom: (tokens: number) => Promise<void>,
    logprobs?: LogprobReader,
  ) {
    this.#runner = runner;
    this.#own = frame.lower.at(-1)!;
    this.#earlierPages = earlierPages(frame);
    this.#settings = settings;
    this.#ring = ring;
    this.#makeRoom = makeRoom;
    this.#logprobs = logprobs;
  }

  /** How the prefill draws the first token. */
  first(): FirstDraw {
    const { read, ...draw } = this.#nextDraw();
    this.#readFirst = read;
    return { ...draw, settings: this.#settings };
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
    try {
      if (this.#readFirst) this.#inFlight.push(this.#readFirst());
      while (this.end === undefined) {
        while (this.#inFlight.length < DEPTH && this.#canContinue(maxTokens)) {
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
          throw new ModelOutputError(
            `The model's logits for token ${this.tokens.length + 1} of the reply are not numbers: its weights are damaged, or the GPU computes wrongly. Load the model again or from another file; if this persists, update the graphics driver, or use another browser.`,
          );
        } else if (stopTokens.has(token)) {
          this.stopToken = token;
          this.end = "stop";
        } else {
          this.tokens.push(token);
          if (this.tokens.length >= maxTokens) this.end = "length";
          yield drawn;
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
    return Math.max(0, this.#submitted - 1);
  }

  #canContinue(maxTokens: number): boolean {
    return this.#submitted < maxTokens && !this.#isOutOfPages;
  }

  async #submit(): Promise<void> {
    const { round } = this.#own;
    const local = round.tokens.length + this.fedTokens;
    try {
      await this.#makeRoom(local + 1);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      this.#isOutOfPages = true; // what was said until here stays
      return;
    }
    const { read, ...draw } = this.#nextDraw();
    this.#runner.decode(this.#own, local, this.#earlierPages, draw);
    this.#inFlight.push(read());
  }

  /** How the next step draws, and what reads its token once it is submitted. */
  #nextDraw(): TokenDraw & { read: () => Promise<DrawnToken> } {
    const { sampled } = this.#runner.decoder.workspace;
    const { copy, read } = this.#ring.take(sampled);
    const more = this.#logprobs?.take();
    return {
      index: this.#submitted++,
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
