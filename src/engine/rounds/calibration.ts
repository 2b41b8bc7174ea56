/**
 * Finds a model's watershed, and the rows and heads to use there, from how questions spread their attention over
 * the rounds before them, layer by layer. A pure function.
 *
 *     C(l) = mean over questions and over the layers behind l of
 *            (their own mass on the rounds that layer l selects) / (the most that as many rounds hold)
 *     gain(l) = the same, with what as many rounds taken at random would hold subtracted above and below
 *     cost(l) = (l + 1) / L + (1 - (l + 1) / L) · share of rounds that layer l selects
 *
 * Round Attention (arXiv 2502.15294, section 3) takes the first layer whose C(l) is high enough. That
 * favours layers whose attention is spread: they select nearly everything, which holds most of anything.
 * So, where the answers are known, it is the layer with the least KV on the GPU among those that select
 * the round with the answer; and where they are not, the one with the greatest gain.
 */
import { select } from "./select";

/**
 * How a question spreads its attention: mass[layer][head][round]. Mass on the system prompt and on the question
 * itself is left out, so a head that attends mostly there counts for little, as it does in a turn.
 */
export interface QuestionMass {
  /** Averaged over all rows of the question. */
  all: readonly (readonly (readonly number[])[])[];
  /** Averaged over the template's rows behind it. */
  tail: QuestionMass["all"];
  /** Index of the round that has the answer, if known. */
  source?: number | undefined;
}

export type Rows = "all" | "tail";
export type Heads = "all" | number[];

/** The value of layer l as the watershed. */
export interface LayerWorth {
  layer: number;
  rows: Rows;
  /** C(l). */
  captured: number;
  /** gain(l), against what the later layers' tail rows look at. */
  gain: number;
  /** How often the round with the answer is selected; undefined without answers. */
  hitRate: number | undefined;
  /** Share of the rounds that is selected. */
  share: number;
  /** Share of the KV that is on the GPU. */
  cost: number;
}

export interface Calibration {
  watershed: number;
  rows: Rows;
  heads: Heads;
  tau: number;
  /** For every layer but the last: first with tail rows, then with all. */
  worth: LayerWorth[];
}

/** Share of the answers that must be found. */
const ENOUGH_HITS = 0.95;
/** Heads are chosen only if that gains at least this much more. */
const WORTHWHILE = 0.05;

/**
 * @param isCandidate whether a layer may be the watershed: those with a window see what is near alone
 * @throws RangeError without questions
 */
export function calibrate(
  questions: readonly QuestionMass[],
  tau = 0.9,
  isCandidate: (layer: number) => boolean = () => true,
): Calibration {
  if (questions.length === 0)
    throw new RangeError("calibration: there is no question to learn from");
  const layers = questions[0]!.tail.length;
  const worth = (["tail", "all"] as const).flatMap((rows) =>
    Array.from({ length: layers - 1 }, (_, layer) =>
      worthOf(questions, layer, rows, tau),
    ),
  );
  const candidates = worth.filter(({ layer }) => isCandidate(layer));
  const eligible = candidates.length > 0 ? candidates : worth;
  const found = eligible.filter(({ hitRate = 0 }) => hitRate >= ENOUGH_HITS);
  const best =
    found.length > 0
      ? leastBy(found, ({ cost }) => cost)
      : leastBy(eligible, ({ hitRate, gain }) => -(hitRate ?? gain));
  const { layer: watershed, rows } = best;
  const heads = headsOf(questions, rows, watershed, tau);
  return { watershed, rows, heads, tau, worth };
}

function worthOf(
  questions: readonly QuestionMass[],
  layer: number,
  rows: Rows,
  tau: number,
): LayerWorth {
  const picks = questions.map((question) => ({
    places: selected(averaged(question[rows][layer]!), tau),
    rounds: question[rows][layer]![0]!.length,
    source: question.source,
  }));
  const share = mean(picks.map(({ places, rounds }) => places.length / rounds));
  const known = picks.filter(({ source }) => source !== undefined);
  const lower = (layer + 1) / questions[0]![rows].length;
  return {
    layer,
    rows,
    captured: mean(questions.map((one) => capturedBy(one, rows, layer, tau))),
    gain: gainOf(questions, rows, layer, "all", tau),
    hitRate:
      known.length === 0
        ? undefined
        : mean(
            known.map(({ places, source }) => Number(places.includes(source!))),
          ),
    share,
    cost: lower + (1 - lower) * share,
  };
}

/** The first element with the least value. */
function leastBy<T>(all: readonly T[], value: (one: T) => number): T {
  return all.reduce((best, one) => (value(one) < value(best) ? one : best));
}

/**
 * Share of each round in the mass of all heads, or of some: averaged first, then normalised, as in a turn
 * (round-mass.ts).
 */
export function averaged(
  byHead: readonly (readonly number[])[],
  heads: Heads = "all",
): number[] {
  const chosen = heads === "all" ? byHead : heads.map((head) => byHead[head]!);
  const sums = chosen[0]!.map((_, round) =>
    chosen.reduce((sum, masses) => sum + masses[round]!, 0),
  );
  const total = sumOf(sums);
  return total > 0 ? sums.map((sum) => sum / total) : sums;
}

/**
 * How much of the later layers' mass the selection of layer l captures, relative to the best selection of the
 * same size.
 */
function capturedBy(
  question: QuestionMass,
  rows: Rows,
  l: number,
  tau: number,
): number {
  const byLayer = question[rows];
  const places = selected(averaged(byLayer[l]!), tau);
  return mean(
    byLayer.slice(l + 1).map((later) => {
      const mass = averaged(later);
      const got = sumOf(places.map((place) => mass[place]!));
      const best = mass.toSorted((a, b) => b - a).slice(0, places.length);
      return sumOf(best) > 0 ? got / sumOf(best) : 1;
    }),
  );
}

/** How much better a layer's selections are than chance, relative to the best ones of the same sizes. */
function gainOf(
  questions: readonly QuestionMass[],
  rows: Rows,
  l: number,
  heads: Heads,
  tau: number,
): number {
  let [gained, possible] = [0, 0];
  for (const question of questions) {
    const places = selected(averaged(question[rows][l]!, heads), tau);
    for (const later of question.tail.slice(l + 1)) {
      const mass = averaged(later);
      const chance = places.length / mass.length;
      gained += sumOf(places.map((place) => mass[place]!)) - chance;
      const best = mass.toSorted((a, b) => b - a).slice(0, places.length);
      possible += sumOf(best) - chance;
    }
  }
  return possible > 0 ? gained / possible : 0;
}

/** Indexes of the rounds that this mass selects. */
export function selected(mass: readonly number[], tau: number): number[] {
  const rounds = mass.map((one, id) => ({
    id,
    mass: one,
    bytes: 0,
    isPinned: false,
  }));
  return select(rounds, { tau }).rounds.map(({ id }) => id);
}

/** All heads, or the better half of them if that half gains clearly more. */
function headsOf(
  questions: readonly QuestionMass[],
  rows: Rows,
  watershed: number,
  tau: number,
): Heads {
  const count = questions[0]![rows][watershed]!.length;
  const worth = (heads: Heads) =>
    gainOf(questions, rows, watershed, heads, tau);
  const byWorth = Array.from({ length: count }, (_, head) => head).sort(
    (a, b) => worth([b]) - worth([a]),
  );
  const better = byWorth
    .slice(0, Math.max(1, Math.ceil(count / 2)))
    .sort((a, b) => a - b);
  return worth(better) >= worth("all") + WORTHWHILE ? better : "all";
}

function mean(values: readonly number[]): number {
  return sumOf(values) / values.length;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
