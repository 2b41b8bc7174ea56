/** The KV of one turn: which rounds it reads, in which frame, and how what it lacks is restored or computed. */
import type { Pins, Residency } from "../../memory/residency";
import { isResident, pendingTokens, type Round } from "../../memory/round";
import { type Half, HALVES } from "../../util/kv-half";
import type { AttentionReport } from "../api/receipt";
import type { KvRestorer, SegmentSource } from "../restore/kv-restore";
import { ReadAhead } from "../restore/read-ahead";
import { farRounds, type Frame, frameOf } from "../run/attention-frame";
import { type Prefill, rowCount, type Runner } from "../run/runner";
import { type PrefillProgress, PrefillWork } from "./prefill-progress";

/** What the prefill of a turn works with. */
export interface TurnPrefillContext {
  runner: Runner;
  residency: Residency;
  restorer: KvRestorer;
  source: SegmentSource;
  /** Pins what the turn needs until its reply is over. */
  pins: Pins;
  contextTokens: number;
  /** Called with rounds restored from the store. */
  onRestored: (round: Round) => void;
  /** Called with stale rounds whose lower half is missing: all of their KV is unusable. */
  onLost: (round: Round) => void;
}

/** Which rounds there are, and which of them are stale. */
export interface TurnRounds {
  /** The system prompt's round first, then the chat's. */
  history: readonly Round[];
  /** The turn's own round, its question's tokens in it. */
  own: Round;
  /** Tokens that the own round may grow to. */
  ownTokens: number;
  /** Rounds of the history whose KV is stale. */
  stale: ReadonlySet<Round>;
  /** Share of the context's tokens that is repaired if rounds are stale. */
  ratio: number;
}

export class TurnKv {
  /** The system prompt's round, and those whose lower halves the question reads. */
  read: readonly Round[];
  /** Ids of the rounds that the upper layers attend to; undefined: all. */
  selected: ReadonlySet<number> | undefined;
  /** Ids of the rounds that retrieval heads or words chose: all layers attend to them alone. */
  chosen: ReadonlySet<number> | undefined;
  readonly work: PrefillWork;
  readonly source: ReadAhead;
  readonly #context: TurnPrefillContext;
  readonly #request: TurnRounds;
  readonly #report: Pick<AttentionReport, Half>;
  /** Tokens of each round that lack KV in one half or both. */
  readonly #missing = new Map<Round, number>();

  constructor(
    context: TurnPrefillContext,
    request: TurnRounds,
    report: Pick<AttentionReport, Half>,
  ) {
    this.#context = context;
    this.#request = request;
    this.#report = report;
    this.read = request.history;
    this.source = new ReadAhead(context.source, "upper");
    this.work = new PrefillWork(context.runner.layerCount);
    this.work.total = request.own.tokens.length * context.runner.layerCount;
    this.#missing.set(request.own, request.own.tokens.length);
  }

  /** Tokens that lacked KV. */
  get missingTokens(): number {
    return [...this.#missing.values()].reduce((a, b) => a + b, 0);
  }

  /** Whether a round lacked KV. */
  lacked(round: Round): boolean {
    return this.#missing.has(round);
  }

  /** Halves of these rounds, restored or computed behind the system prompt and each other. */
  async *bring(
    rounds: readonly Round[],
    halves: readonly Half[] = HALVES,
  ): AsyncGenerator<PrefillProgress, void> {
    const before = this.chosen;
    this.chosen = new Set(rounds.map(({ id }) => id));
    for (const half of halves) {
      yield* this.restore(rounds, half);
      if (half === "lower") this.dropLost(rounds);
      // An upper half is computed from the lower one, and reads its pages.
      else if (
        !halves.includes("lower") &&
        !rounds.every((round) => isResident(round, half))
      )
        yield* this.bring(rounds, ["lower"]);
      yield* this.recompute(rounds, half);
    }
    this.chosen = before;
  }

  async giveOwn(): Promise<void> {
    const { pins, residency } = this.#context;
    const { own } = this.#request;
    for (const half of HALVES) {
      pins.add(own, half);
      await residency.give(own, half);
    }
  }

  /** Drops all KV of stale rounds whose lower half is missing. @returns these rounds */
  dropLost(rounds: readonly Round[]): Round[] {
    const { stale } = this.#request;
    const gone = rounds.filter(
      (round) => stale.has(round) && !isResident(round, "lower"),
    );
    for (const round of gone) this.#context.onLost(round);
    return gone;
  }

  /** Pins a half of these rounds for the turn: restored if it is stored, with pages for the rest. */
  async *restore(
    rounds: readonly Round[],
    half: Half,
  ): AsyncGenerator<PrefillProgress, void> {
    const { pins, restorer, onRestored } = this.#context;
    for (const round of rounds) pins.add(round, half);
    const report = this.#report[half];
    const frame = this.frameOf(half === "lower" ? new Set() : this.selected);
    const restored = restorer.restore(
      rounds,
      half,
      this.source,
      report,
      farRounds(frame, half),
    );
    for await (const round of restored) {
      onRestored(round);
      yield this.work.progress;
    }
    for (const round of rounds) {
      const before = this.#missing.get(round) ?? 0;
      const tokens = Math.max(before, pendingTokens(round, half));
      if (tokens > 0) this.#missing.set(round, tokens);
      this.work.total += (tokens - before) * this.#context.runner.layerCount;
    }
  }

  async *recompute(
    rounds: readonly Round[],
    half: Half,
  ): AsyncGenerator<PrefillProgress, void> {
    const { restorer, contextTokens, onLost } = this.#context;
    const { history, stale } = this.#request;
    const selected = half === "lower" ? new Set<number>() : this.selected;
    const before = this.work.done;
    const candidates = new Set(this.read.map(({ id }) => id));
    const request = this.chosen
      ? { history, contextTokens, attended: this.chosen }
      : { history, contextTokens, selected, candidates };
    const recomputed = restorer.recompute(
      rounds,
      half,
      request,
      this.source,
      // A round must not mix KV of two contexts.
      (round) => stale.has(round) && onLost(round),
    );
    for await (const work of recomputed) {
      this.work.done = before + work;
      yield this.work.progress;
    }
  }

  async *prefill(
    frame: Frame,
    prefill: Omit<Prefill, "frame">,
  ): AsyncGenerator<PrefillProgress, void> {
    const { runner } = this.#context;
    const { from, to } = prefill.layers ?? runner.allLayers;
    const before = this.work.done;
    const advance = (rows: number) => {
      this.work.done = before + rows * (to - from);
      return this.work.progress;
    };
    for await (const rows of runner.prefill({ ...prefill, frame }))
      yield advance(rows);
    advance(rowCount(prefill.rows));
  }

  frameOf(
    selected: ReadonlySet<number> | undefined,
    read: readonly Round[] = this.read,
  ): Frame {
    const { history, own, ownTokens, stale, ratio } = this.#request;
    const { contextTokens, runner } = this.#context;
    return frameOf({
      history,
      own: [own],
      ownTokens,
      contextTokens,
      window: runner.cache.window,
      // Any of their tokens may be repaired.
      ...(ratio > 0 && { computed: stale }),
      ...(this.chosen
        ? { attended: this.chosen }
        : { selected, candidates: new Set(read.map(({ id }) => id)) }),
    });
  }

  get isBeyondRange(): boolean {
    const { history, ownTokens } = this.#request;
    const tokens = history.reduce((sum, round) => sum + round.tokens.length, 0);
    return tokens + ownTokens > this.#context.contextTokens;
  }
}
