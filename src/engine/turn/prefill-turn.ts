/**
 * The prefill of a turn: Round Attention (arXiv 2502.15294), and in the same pass A³ (arXiv 2511.17560).
 *
 *     lower halves of all rounds are resident ─► the question reads them (layers 0..w) ─► mass by round
 *       ─► select ─► upper halves of the selection are resident ─► the question goes on (layers w+1..)
 *
 * With retrieval heads these choose first, and both halves of the chosen rounds alone are made resident and read
 * (choose-by-heads.ts); everything behind that is the same.
 *
 * If KV is stale, the tokens most relevant to the question go through the layers with it, and their KV is
 * replaced (repair-lower.ts); in the upper layers only those of the selected rounds. If there is nothing to
 * select or repair, the question goes through all layers at once.
 */
import { clearPages } from "../../memory/half-kv";
import { pagesFor } from "../../memory/page-pool";
import { isResident, type Round } from "../../memory/round";
import { HALVES } from "../../util/kv-half";
import { lazyPart } from "../../util/lazy-part";
import type { AttentionReport, FusionReport } from "../api/receipt";
import type { AttentionSettings } from "../api/replies";
import { chooseCandidates } from "../rounds/candidates";
import type { Frame } from "../run/attention-frame";
import { PhaseClock } from "./phase-clock";
import type { PrefillProgress } from "./prefill-progress";
import { newReport } from "../restore/kv-restore";
import { movedTo, type RepairMethod, subsetOf } from "../fusion/repair";
import type { RepairRequest } from "../fusion/repair-lower";
import { massByRound } from "../rounds/round-mass";
import {
  type FirstDraw,
  pendingSpans,
  type Runner,
  type Span,
} from "../run/runner";
import type { WordedRound } from "../rounds/choose-by-words";
import { select, type Selection } from "../rounds/select";
import type {
  ChoosingTurn,
  HeadChoice,
  HeadSearch,
  TurnSteps,
} from "./choose-by-heads";
import { PageBudget } from "./page-budget";
import { TurnKv, type TurnPrefillContext, type TurnRounds } from "./turn-kv";

const chooseByHeads = lazyPart<
  [ChoosingTurn, HeadSearch, PageBudget, TurnSteps<PrefillProgress>],
  AsyncGenerator<PrefillProgress, HeadChoice>
>(async () => (await import("./choose-by-heads")).chooseByHeads);

const chooseByWords = lazyPart<[readonly WordedRound[], number], Selection>(
  async () => (await import("../rounds/choose-by-words")).chooseByWords,
);

const digestMass = lazyPart(
  async () => (await import("../rounds/digest-mass")).digestMass,
);

const repairLower = lazyPart<
  [Runner, RepairRequest, FusionReport, () => PrefillProgress],
  AsyncGenerator<PrefillProgress, Span[]>
>(async () => (await import("../fusion/repair-lower")).repairLower);

export interface TurnPrefillRequest extends TurnRounds {
  settings: AttentionSettings;
  /** The unit of a round, as in RoundMass. */
  unitOf?: ((round: Round) => number | undefined) | undefined;
  /** The last so many rows of the question are used for selection. */
  massRows: number;
  /** Query heads used for selection. */
  massHeads: readonly number[];
  /** What finds rounds by retrieval heads. */
  search?: HeadSearch | undefined;
  /**
   * How well each round's words fit the question's: chooses rounds where not all fit, if there is no `search`. Without
   * both, attention on the lower halves of all rounds chooses.
   */
  words?: (() => Promise<readonly number[]>) | undefined;
  /** Whether to digest the keys of a round's lower half; see key-digest.ts. */
  digestOf: (round: Round) => Float32Array | undefined;
  method: RepairMethod;
  /** Rounds that are likely to be selected. */
  likely: readonly Round[];
  /** Measures the turn's phases. Default: one of its own. */
  clock?: PhaseClock;
  /** How the last submit draws the reply's first token; called once the frame is known. */
  first: (frame: Frame) => FirstDraw;
}

/** Upper halves that are read from the disk while the question is read. */
const MOST_READ_AHEAD = 8;

/** The prefill of one turn. */
export class TurnPrefill {
  readonly report: AttentionReport;
  readonly fusion: FusionReport;
  /** The attention frame of the question and the reply; set after `run`. */
  frame: Frame | undefined;
  /** Share of the question's attention on rounds, by id; undefined without a selection. */
  mass: ReadonlyMap<number, number> | undefined;
  readonly #context: TurnPrefillContext;
  readonly #request: TurnPrefillRequest;
  readonly #clock: PhaseClock;
  /** Rows that are through the lower layers and continue in the upper ones. */
  #lowerRows: readonly Span[] = [];
  readonly #kv: TurnKv;
  readonly #room: PageBudget;

  constructor(context: TurnPrefillContext, request: TurnPrefillRequest) {
    this.#context = context;
    this.#request = request;
    this.#clock = request.clock ?? new PhaseClock();
    this.#room = new PageBudget(context.residency, request);
    this.fusion = {
      exactRounds: request.history.length - 1 - request.stale.size,
      staleRounds: request.stale.size,
      repairedRounds: 0,
      staleTokens: 0,
      repairedTokens: 0,
      ratio: request.ratio,
      findMs: 0,
      repairMs: 0,
    };
    this.report = {
      roundCount: request.history.length - 1,
      attended: [],
      capturedMass: 1,
      readCount: 0,
      isCut: false,
      kvBytes: 0,
      fullKvBytes: 0,
      lower: newReport(),
      upper: newReport(),
    };
    this.#kv = new TurnKv(context, request, this.report);
  }

  /** Tokens that had to be computed: the question's, and repaired ones. */
  get computedTokens(): number {
    return this.#kv.missingTokens + this.fusion.repairedTokens;
  }

  /** Whether KV of a round had to be recomputed for this turn. */
  hasComputed(round: Round): boolean {
    return this.#kv.lacked(round);
  }

  /**
   * Yields after each submit but the last; leaving the loop there leaves the question unfinished.
   *
   * @throws OutOfMemoryError, DeviceLostError
   */
  async *run(): AsyncGenerator<PrefillProgress, void> {
    const { runner, residency } = this.#context;
    const { history, own, settings, first } = this.#request;
    const rounds = history.slice(1);
    await this.#kv.giveOwn();

    // Packing holds its pins only for a short time.
    if (!this.#room.holdsWhole(rounds)) await residency.transfersDone();
    const { search, words } = this.#request;
    const choosesByMass = search === undefined && words === undefined;
    if (search !== undefined) {
      if (this.#chooses(search, rounds)) yield* this.#chooseByHeads(search);
    } else if (words !== undefined) {
      if (!this.#readsAll(rounds)) await this.#chooseByWords(rounds, words);
    } else if (!this.#room.holds(rounds, "lower"))
      yield* this.#chooseCandidates(rounds);
    this.report.readCount = this.#kv.read.length - 1;
    const selects =
      choosesByMass &&
      (!this.#room.holds(rounds, "upper") ||
        (settings.mode === "rounds" && rounds.length > settings.kMin));
    yield* this.#kv.restore(this.#kv.read, "lower");
    const stale = this.#staleRounds();
    const repairs = stale.size > 0 && this.#request.ratio > 0;
    // Rounds without KV come before the question; in the same pass if one pass holds them all.
    // In local layers they read what the question does not.
    const isApart =
      selects ||
      repairs ||
      this.#kv.isBeyondRange ||
      runner.cache.window !== undefined;
    if (isApart) yield* this.#kv.recompute(this.#kv.read, "lower");
    if (selects || repairs) {
      this.#clock.enter("readMs");
      this.#kv.source.begin(this.#request.likely.slice(-MOST_READ_AHEAD));
      const reading = yield* repairs
        ? this.#readAndRepair(stale, selects)
        : this.#readLower();
      this.#clock.enter("selectMs");
      if (selects) this.#select(reading);
    }
    this.#clock.enter("upperMs");
    if (!selects && this.#kv.chosen === undefined) {
      this.report.attended = rounds.map(({ id }) => ({
        id,
        reason: "all",
        mass: 0,
      }));
    }

    const frame = this.#kv.frameOf(this.#kv.selected);
    const attended = frame.upper.slice(0, -1).map(({ round }) => round);
    yield* this.#kv.restore(attended, "upper");
    if (isApart) yield* this.#kv.recompute(attended, "upper");
    this.#clock.enter("answerMs");
    if (selects || repairs) yield* this.#finish(frame, first(frame));
    else {
      const rows = pendingSpans(isApart ? frame.upper.slice(-1) : frame.upper);
      yield* this.#kv.prefill(frame, { rows, first: first(frame) });
    }
    for (const half of HALVES) residency.use(own, half);
    this.frame = frame;
  }

  /** Whether there is something to choose for retrieval heads. */
  #chooses({ settings }: HeadSearch, rounds: readonly Round[]): boolean {
    const { mode, kMin } = this.#request.settings;
    if (!this.#room.holdsWhole(rounds)) return true;
    const tokens = rounds.reduce((sum, { tokens }) => sum + tokens.length, 0);
    return (
      mode === "rounds" && rounds.length > kMin && tokens > settings.wholeTokens
    );
  }

  async *#chooseByHeads(
    search: HeadSearch,
  ): AsyncGenerator<PrefillProgress, void> {
    const { pins, runner } = this.#context;
    const { history, own } = this.#request;
    this.#kv.work.total += own.tokens.length * runner.layerCount;
    this.#clock.enter("readMs");
    const choosing = await chooseByHeads(
      { ...this.#context, ...this.#request },
      search,
      this.#room,
      {
        bring: (rounds, halves) => this.#kv.bring(rounds, halves),
        letGo: (rounds) => {
          for (const round of rounds)
            for (const half of HALVES) pins.remove(round, half);
        },
        progress: () => this.#kv.work.progress,
      },
    );
    const { selection, scores, noise } = yield* choosing;
    this.#kv.work.done += own.tokens.length * runner.layerCount;
    const ids = history.slice(1).map(({ id }) => id);
    this.mass = new Map(ids.map((id, i) => [id, scores.score[i]!]));
    this.#readChosen(selection);
    const greatestScore = Math.max(...scores.raw);
    Object.assign(this.report, { noise, greatestScore });
    this.#clock.enter("lowerMs");
    // What was brought to be read first counts again below.
    for (const half of HALVES) this.report[half].keptTokens = 0;
  }

  /** Whether all rounds fit, on the GPU and into the range that the model was trained on. */
  #readsAll(rounds: readonly Round[]): boolean {
    const isWhole = this.#request.settings.mode === "all";
    return (
      this.#room.holdsWhole(rounds) && (isWhole || !this.#kv.isBeyondRange)
    );
  }

  async #chooseByWords(
    rounds: readonly Round[],
    words: () => Promise<readonly number[]>,
  ): Promise<void> {
    const { settings, unitOf } = this.#request;
    const scores = await words();
    const candidates = rounds.map((round, i) => ({
      id: round.id,
      score: scores[i]!,
      bytes: this.#room.bytesOf(round),
      isPinned: settings.pinned.includes(round.id),
      unit: unitOf?.(round),
    }));
    const budgetBytes = Math.min(settings.budgetBytes, this.#room.wholeBytes);
    this.#readChosen(await chooseByWords(candidates, budgetBytes));
  }

  /** Has all layers read the chosen rounds alone. */
  #readChosen({ rounds: chosen, ...found }: Selection): void {
    const { history } = this.#request;
    const attended = chosen.map((one) => ({
      ...one,
      mass: this.mass?.get(one.id) ?? 0,
    }));
    Object.assign(this.report, { ...found, attended });
    this.#kv.chosen = new Set(attended.map(({ id }) => id));
    this.#kv.read = history.filter(
      (round) => round === history[0] || this.#kv.chosen!.has(round.id),
    );
  }

  /** Takes the rows that were read through the upper layers, as far as their rounds are attended to. */
  async *#finish(
    frame: Frame,
    first: FirstDraw,
  ): AsyncGenerator<PrefillProgress, void> {
    const { runner } = this.#context;
    const { own } = this.#request;
    const rows = movedTo(frame.upper, this.#lowerRows);
    const start = performance.now();
    yield* this.#kv.prefill(frame, {
      rows,
      keptRows: subsetOf(this.#lowerRows, rows),
      layers: runner.layersOf("upper"),
      first,
    });
    const isRepaired = rows.some(({ placed }) => placed.round !== own);
    if (isRepaired) this.fusion.repairMs += performance.now() - start;
  }

  /** Stale rounds that the question reads; one whose KV is missing is recomputed as a whole instead. */
  #staleRounds(): Set<Round> {
    const gone = this.#kv.dropLost(this.#kv.read);
    const there = this.#kv.read.filter(
      (round) => this.#request.stale.has(round) && !gone.includes(round),
    );
    for (const { tokens } of there) this.fusion.staleTokens += tokens.length;
    return new Set(there);
  }

  /** The question reads lower halves; the most relevant stale tokens are repaired with it. */
  async *#readAndRepair(
    stale: ReadonlySet<Round>,
    selects: boolean,
  ): AsyncGenerator<PrefillProgress, Frame> {
    const { runner } = this.#context;
    const { own, ratio, method, massRows } = this.#request;
    const frame = this.#kv.frameOf(new Set());
    const { fusion } = this;
    this.#lowerRows = yield* await repairLower(
      runner,
      { frame, own, stale, ratio, method, massRows, selects },
      fusion,
      () => this.#kv.work.progress,
    );
    this.#kv.work.done += own.tokens.length * runner.layersOf("lower").to;
    return frame;
  }

  /** Selects rounds by the question's attention on the lower halves. */
  #select(frame: Frame): void {
    const { runner, residency } = this.#context;
    const { massHeads, settings, unitOf } = this.#request;
    const rounds = this.#kv.read.slice(1);
    const pageMass = runner.mass.pageMass(massHeads);
    const mass = massByRound(frame.lower, pageMass, rounds);
    this.mass = mass;
    const candidates = rounds.map((round) => ({
      id: round.id,
      mass: mass.get(round.id)!,
      bytes: residency.bytesFor(round.tokens.length, "upper"),
      isPinned: settings.pinned.includes(round.id),
      unit: unitOf?.(round),
    }));
    const { rounds: chosen, ...selection } = select(candidates, {
      ...settings,
      // Without a selection all rounds read are attended to, as far as there is room.
      ...(settings.mode === "all" && { tau: Infinity }),
      budgetBytes: Math.min(
        settings.budgetBytes,
        this.#room.pages("upper") * runner.cache.upper.pageBytes,
      ),
    });
    const attended = chosen.map((one) => ({ ...one, mass: mass.get(one.id)! }));
    Object.assign(this.report, { ...selection, attended });
    this.#kv.selected = new Set(attended.map(({ id }) => id));
  }

  /** Runs the question through the lower layers, to continue above them later. */
  async *#readLower(): AsyncGenerator<PrefillProgress, Frame> {
    const { runner } = this.#context;
    const frame = this.#kv.frameOf(new Set());
    this.#lowerRows = pendingSpans(frame.lower.slice(-1), "lower");
    yield* this.#kv.prefill(frame, {
      rows: this.#lowerRows,
      layers: runner.layersOf("lower"),
      keepsResidual: true,
      massRows: this.#request.massRows,
    });
    return frame;
  }

  /**
   * If lower halves alone exceed the budget: the question first reads the newest rounds and those that are
   * resident anyway. Its queries are then compared with the digests of all rounds' keys, to find the lower halves
   * that it should have read.
   */
  async *#chooseCandidates(
    rounds: readonly Round[],
  ): AsyncGenerator<PrefillProgress, void> {
    const { runner, pins } = this.#context;
    const { history, own, settings, massRows, digestOf } = this.#request;
    const { unitOf } = this.#request;
    const choose = (mass: readonly number[]) => {
      const ids = chooseCandidates(
        rounds.map((round, i) => ({
          id: round.id,
          mass: mass[i]!,
          pages: pagesFor(round.tokens.length),
          isPinned: settings.pinned.includes(round.id),
          unit: unitOf?.(round),
        })),
        this.#room.pages("lower"),
      );
      const chosen = new Set(ids);
      this.#kv.read = history.filter(
        (round) => round === history[0] || chosen.has(round.id),
      );
    };

    choose(rounds.map((round) => Number(isResident(round, "lower"))));
    yield* this.#kv.restore(this.#kv.read, "lower");
    yield* this.#kv.recompute(this.#kv.read, "lower");
    this.#clock.enter("readMs");
    yield* this.#readLower();
    this.#clock.enter("selectMs");
    for (const round of this.#kv.read) pins.remove(round, "lower");
    const everywhere = this.#kv.frameOf(new Set(), history).lower;
    const end = everywhere.at(-1)!.base + own.tokens.length;
    const placed = everywhere.slice(1, -1);
    choose(await digestMass(runner, placed, end, massRows, digestOf));

    this.#clock.enter("lowerMs");
    // The question reads again, now the right lower halves.
    clearPages(own.lower);
    this.report.lower.keptTokens = 0;
    this.#kv.work.total += own.tokens.length * runner.layersOf("lower").to;
  }
}
