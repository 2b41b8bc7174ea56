/**
 * Finds a model's retrieval heads: the one to three heads that rank the round with the answer best, on chats whose
 * answers are known (QRHead, arXiv 2506.09944; CoRe heads, arXiv 2510.02219). A pure function.
 *
 * A head's worth is its mean reciprocal rank. The first head is the shallowest of those nearly as good as the best:
 * every turn runs the question through all layers up to the deepest index head, and keeps keys of all of them.
 */
import type { IndexHead, ScoreHow } from "../../model/config/round-index";
import { combined } from "./round-scores";

/** One question about a chat. */
export interface HeadCase {
  /** Asked in the words of the round that has the answer, in other words, or for nothing of the chat. */
  kind: "same" | "other" | "none";
  /** Index of the round with the answer, for a question that has one. */
  source?: number | undefined;
  /** [layer][head][round]: p − p0 (round-scores.ts), for both ways to count. */
  raw: Readonly<Record<ScoreHow, readonly (readonly (readonly number[])[])[]>>;
}

/** What heads are worth on some questions. */
export interface Worth {
  /** Mean reciprocal rank of the round with the answer. */
  mrr: number;
  /** Share of the questions whose round comes first. */
  hitRate: number;
}

/** A row of the report. */
export interface HeadWorth extends Worth, IndexHead {
  how: ScoreHow;
  /** The mean reciprocal rank on the questions in the same words, and in other ones; NaN without any. */
  same: number;
  other: number;
}

export interface HeadChoice extends Worth {
  /** One to three; the best first. */
  heads: IndexHead[];
  how: ScoreHow;
  /** 95 % quantile of what questions that ask for nothing reach, by number of rounds, rising. */
  noise: [units: number, value: number][];
  /** The mean reciprocal rank of rounds in random order. */
  chance: number;
  /**
   * The mean reciprocal rank on every second question of each kind, of the heads that the others choose; undefined
   * with too few.
   */
  crossMrr: number | undefined;
  /** The best single heads, by falling worth. */
  table: HeadWorth[];
}

export interface ChooseHeadsOptions {
  /** Whether a layer's heads can be asked: those with a window see what is near alone. Default: all. */
  isCandidate?: (layer: number) => boolean;
}

const WAYS = ["sum", "greatest"] as const;
/** A shallower head is taken if it loses at most this much against the best. */
const NEARLY = 0.03;
/** One more head is taken only if that gains at least this much. */
const WORTHWHILE = 0.01;
const MOST_HEADS = 3;
const NOISE_QUANTILE = 0.95;
const TABLE_ROWS = 20;

/** @throws RangeError without a question that has an answer */
export function chooseHeads(
  cases: readonly HeadCase[],
  { isCandidate = () => true }: ChooseHeadsOptions = {},
): HeadChoice {
  const answered = cases.filter(
    ({ kind, source }) => kind !== "none" && source !== undefined,
  );
  if (answered.length === 0)
    throw new RangeError("retrieval heads: no question has a known answer");
  const singles = candidatesOf(answered[0]!, isCandidate);
  const { heads, how } = bestHeads(answered, singles);
  return {
    heads,
    how,
    noise: noiseOf(cases, heads, how),
    ...worthOf(answered, heads, how),
    chance: meanOf(answered.map(chanceOf)),
    crossMrr: crossMrrOf(answered, singles),
    table: tableOf(answered, singles),
  };
}

/** A head, and how its attention is counted. */
type Single = IndexHead & { how: ScoreHow };

/** All heads of the layers that can be asked, or of all layers if none can, each in both ways. */
function candidatesOf(
  { raw }: HeadCase,
  isCandidate: (layer: number) => boolean,
): Single[] {
  const all = WAYS.flatMap((how) =>
    raw[how].flatMap((heads, layer) =>
      heads.map((_, head) => ({ layer, head, how })),
    ),
  );
  const candidates = all.filter(({ layer }) => isCandidate(layer));
  return candidates.length > 0 ? candidates : all;
}

function bestHeads(
  cases: readonly HeadCase[],
  singles: readonly Single[],
): { heads: IndexHead[]; how: ScoreHow } {
  const worth = singles.map((single) => mrrOf(cases, [single], single.how));
  const enough = Math.max(...worth) - NEARLY;
  const [first] = singles
    .map((single, i) => ({ single, mrr: worth[i]! }))
    .filter(({ mrr }) => mrr >= enough)
    .sort((a, b) => a.single.layer - b.single.layer || b.mrr - a.mrr);
  const { layer: deepest, head, how } = first!.single;

  const others = singles.filter(
    (one) => one.how === how && one.layer <= deepest,
  );
  const heads: IndexHead[] = [{ layer: deepest, head }];
  let reached = first!.mrr;
  while (heads.length < MOST_HEADS) {
    const [next] = others
      .filter((one) => !heads.some((taken) => isSame(taken, one)))
      .map(({ layer, head }) => ({
        head: { layer, head },
        mrr: mrrOf(cases, [...heads, { layer, head }], how),
      }))
      .sort((a, b) => b.mrr - a.mrr);
    if (next === undefined || next.mrr < reached + WORTHWHILE) break;
    heads.push(next.head);
    reached = next.mrr;
  }
  return { heads, how };
}

function isSame(a: IndexHead, b: IndexHead): boolean {
  return a.layer === b.layer && a.head === b.head;
}

/** Which place the round with the answer has; a tie counts against it, since a head that sees nothing ties all. */
function rankOf(
  { raw, source }: HeadCase,
  heads: readonly IndexHead[],
  how: ScoreHow,
): number {
  const { score } = combined(gainsOf(raw, heads, how));
  const own = score[source!]!;
  return score.filter((one) => one >= own).length;
}

function gainsOf(
  raw: HeadCase["raw"],
  heads: readonly IndexHead[],
  how: ScoreHow,
): (readonly number[])[] {
  return heads.map(({ layer, head }) => raw[how][layer]![head]!);
}

function worthOf(
  cases: readonly HeadCase[],
  heads: readonly IndexHead[],
  how: ScoreHow,
): Worth {
  const ranks = cases.map((one) => rankOf(one, heads, how));
  return {
    mrr: meanOf(ranks.map((rank) => 1 / rank)),
    hitRate: meanOf(ranks.map((rank) => Number(rank === 1))),
  };
}

function mrrOf(
  cases: readonly HeadCase[],
  heads: readonly IndexHead[],
  how: ScoreHow,
): number {
  return worthOf(cases, heads, how).mrr;
}

/** The mean of 1, 1/2, 1/3, ... over the rounds. */
function chanceOf({ raw }: HeadCase): number {
  const rounds = raw.sum[0]![0]!;
  return meanOf(rounds.map((_, round) => 1 / (round + 1)));
}

/** Each kind in turn, so that both parts have questions of every kind. */
function crossMrrOf(
  cases: readonly HeadCase[],
  singles: readonly Single[],
): number | undefined {
  const kinds = (["same", "other"] as const).map((kind) =>
    cases.filter((one) => one.kind === kind),
  );
  const part = (parity: number) =>
    kinds.flatMap((ofKind) => ofKind.filter((_, i) => i % 2 === parity));
  const [even, odd] = [part(0), part(1)];
  if (odd.length === 0) return undefined;
  const { heads, how } = bestHeads(odd, singles);
  return mrrOf(even, heads, how);
}

function tableOf(
  cases: readonly HeadCase[],
  singles: readonly Single[],
): HeadWorth[] {
  const ofKind = (kind: HeadCase["kind"], single: Single) =>
    mrrOf(
      cases.filter((one) => one.kind === kind),
      [single],
      single.how,
    );
  return singles
    .map((single) => ({ ...single, ...worthOf(cases, [single], single.how) }))
    .sort((a, b) => b.mrr - a.mrr)
    .slice(0, TABLE_ROWS)
    .map((single) => ({
      ...single,
      same: ofKind("same", single),
      other: ofKind("other", single),
    }));
}

/** The greatest raw score of each question that asks for nothing, and what nearly all stay below. */
function noiseOf(
  cases: readonly HeadCase[],
  heads: readonly IndexHead[],
  how: ScoreHow,
): [units: number, value: number][] {
  const byUnits = new Map<number, number[]>();
  for (const { kind, raw } of cases) {
    if (kind !== "none") continue;
    const scores = combined(gainsOf(raw, heads, how)).raw;
    const greatest = byUnits.get(scores.length) ?? [];
    byUnits.set(scores.length, [...greatest, Math.max(...scores)]);
  }
  return [...byUnits]
    .map(([units, greatest]): [number, number] => [
      units,
      Math.max(0, quantile(greatest, NOISE_QUANTILE)),
    ])
    .sort(([a], [b]) => a - b);
}

/** Linear between the two values beside it. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  const high = sorted[Math.ceil(at)]!;
  return low + (at - Math.floor(at)) * (high - low);
}

/** NaN without values. */
function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
