/**
 * A³ fusion, and the one pass that joins it with Round Attention, in double
 * precision. Plain A³ is the pass whose watershed is the last layer.
 */
import { embed } from "./embed";
import {
  FusionCache,
  softmax,
  type FusionChat,
  type LayerRows,
  type RoundKv,
} from "./fusion-cache";
import { linear } from "./linear";
import type { LlamaModel } from "./llama";
import { roundMass } from "./round-mass";

/**
 * `a3` scores fresh keys of the check layer, `lite` the cached ones, `watershed` fresh ones of the watershed;
 * `edges` is `a3` that adds the ends of segments; `rounds` is `lite` that asks the rows of the mass alone, and
 * takes segments by falling sum, the last one's tokens as `lite` does.
 */
export type FusionVariant = "a3" | "lite" | "watershed" | "edges" | "rounds";

export interface FusionOptions {
  variant?: FusionVariant;
  /** r, from 0 to 1. */
  ratio: number;
  /** c; 1 by default. */
  checkLayer?: number;
  /** w; the last layer by default, which makes all layers lower ones. */
  watershed?: number;
  /** The history rounds, from 1, of the upper layers; all by default. */
  selected?: readonly number[] | ((mass: Float64Array) => readonly number[]);
  /** Which tokens the ratio is of: all but the question's (`all`, the default), or the stale ones. */
  ratioOf?: "all" | "stale";
  /** Which tokens are scored: those of all history rounds (`history`, the default), or the stale ones. */
  scored?: "history" | "stale";
  /** The width of the pool, odd; 5 by default. */
  poolWidth?: number;
  /** Tokens that `edges` adds at each end of a stale round; 4 by default. */
  edge?: number;
  /** S itself, in any order, in place of the largest; the question's rows join it where they are missing. */
  rows?: readonly number[];
  /** The question's rows whose attention gives the mass, from 0; all by default. */
  massRows?: readonly number[];
  /** The heads whose attention gives the mass; all by default. */
  massHeads?: readonly number[];
}

export interface FusionResult {
  /** S: indices into the tokens of the chat, rising unless the options gave it. */
  rows: number[];
  /** The rows that each layer computed K and V of, in the pass that counted. */
  computed: number[][];
  /** For each token before the question; 0 where it is not scored. */
  relevance: Float64Array;
  /** For each token before the question, pooled; 0 where it is not scored. */
  pooled: Float64Array;
  /** At the watershed: for each round, the system's and the question's 0. */
  mass: Float64Array;
  /** R, rising. */
  selected: number[];
  /** For each row of the question, [vocabulary]. */
  logits: Float64Array[];
  /** The fused cache, for each round: the system's first, the question's last. */
  kv: RoundKv[];
}

/** One pass over the stale rounds and the question. */
export function fuse(
  model: LlamaModel,
  chat: FusionChat,
  options: FusionOptions,
): FusionResult {
  const { variant = "a3", massHeads, scored = "history" } = options;
  const isCached = variant === "lite" || variant === "rounds";
  const layers = model.config.num_hidden_layers;
  const w = options.watershed ?? layers - 1;
  const c = variant === "watershed" ? w : (options.checkLayer ?? 1);
  if (c > w || w >= layers)
    throw new RangeError(
      `check layer ${c}, watershed ${w} of ${layers} layers`,
    );

  const cache = new FusionCache(model, chat);
  const ownRound = chat.history.length + 1;
  const question = cache.tokensOf(ownRound);
  const history = chat.history.map(({ isStale = false }, i) => ({
    isStale,
    tokens: cache.tokensOf(i + 1),
  }));
  const segments = history.filter(({ isStale }) => isStale);
  const stale = segments.flatMap(({ tokens }) => tokens);

  let x = new Map<number, Float64Array>();
  const computed: number[][] = [];
  const write = (layer: number, rows: readonly number[]) => {
    computed[layer] = [...rows];
    return cache.write(layer, rows, x);
  };
  const restart = (rows: readonly number[]) => {
    x = new Map(rows.map((row) => [row, embedded(cache, row)]));
  };

  // Up to the check layer: all stale rows, or the question's alone.
  const first = isCached ? question : [...stale, ...question];
  restart(first);
  for (let layer = 0; layer < c; layer++)
    cache.finish(layer, write(layer, first), x);
  const checked = write(c, first);
  const relevance = relevanceOf({
    cache,
    layer: c,
    layerRows: checked,
    question,
    asked:
      variant === "rounds" && options.massRows
        ? options.massRows.map((row) => question[row]!)
        : question,
    isScored: (round) =>
      round > 0 &&
      (scored === "history" || chat.history[round - 1]!.isStale === true),
  });
  const pooled = pool(relevance.values, relevance.scored, options.poolWidth);
  const whole = options.ratioOf === "stale" ? stale.length : question[0]!;
  const chosen = options.rows ?? [
    ...(variant === "rounds"
      ? segmentsFirst(relevance.values, pooled, segments, whole, options.ratio)
      : mostRelevant(pooled, stale, whole, options.ratio)),
    ...(variant === "edges" && options.ratio > 0
      ? segments.flatMap(({ tokens }) => ends(tokens, options.edge ?? 4))
      : []),
  ];
  const allowed = new Set([...stale, ...question]);
  if (chosen.some((row) => !allowed.has(row)))
    throw new RangeError("S may only hold rows that are stale or asked");
  let s = [...new Set([...chosen, ...question])];
  if (!options.rows) s = s.sort((a, b) => a - b);

  // Up to the watershed: the rows of S.
  if (isCached) restart(s);
  let shares: Float64Array = new Float64Array();
  for (let layer = isCached ? 0 : c; layer <= w; layer++) {
    const isChecked = layer === c && !isCached;
    const rows = isChecked ? only(checked, s) : write(layer, s);
    shares = cache.finish(layer, rows, x);
  }
  const massRows = options.massRows ?? [...question.keys()];
  const mass = roundMass({
    mass: shares,
    heads: cache.heads,
    rounds: ownRound + 1,
    rows: massRows.map((row) => s.indexOf(question[row]!)),
    chosenHeads: massHeads,
    ownRound,
  });

  // Above it: those of them that stand in R.
  const { selected = history.map((_, i) => i + 1) } = options;
  const r = typeof selected === "function" ? selected(mass) : selected;
  const open = (round: number) =>
    round === 0 || round === ownRound || r.includes(round);
  const inside = s.filter((row) => open(cache.roundOf[row]!));
  for (let layer = w + 1; layer < layers; layer++)
    cache.finish(layer, write(layer, inside), x, open);

  return {
    rows: s,
    computed,
    relevance: relevance.values,
    pooled,
    mass,
    selected: [...r].sort((a, b) => a - b),
    logits: question.map((row) => logitsOf(cache, x.get(row)!)),
    kv: cache.contents(),
  };
}

interface RelevanceInput {
  cache: FusionCache;
  layer: number;
  layerRows: LayerRows;
  question: readonly number[];
  /** Those rows of the question whose attention counts. */
  asked: readonly number[];
  isScored: (round: number) => boolean;
}

/** For each token before the question, the question's attention with all heads as one, the prefix left out. */
function relevanceOf(input: RelevanceInput) {
  const { cache, layer, layerRows, question, asked, isScored } = input;
  const own = cache.roundOf[question[0]!]!;
  const scored = [...Array(question[0]).keys()].filter((token) =>
    isScored(cache.roundOf[token]!),
  );
  const values = new Float64Array(question[0]!);
  const scale = Math.sqrt(cache.heads * cache.d);
  for (const row of asked) {
    const keys = cache.keysOf(row, (round) => round === own || isScored(round));
    const i = layerRows.rows.indexOf(row);
    const scores = cache
      .dots(layer, layerRows, i, keys)
      .map((dots) => dots.reduce((sum, dot) => sum + dot, 0) / scale);
    softmax(scores).forEach((share, n) => {
      if (keys[n]! < values.length) values[keys[n]!]! += share;
    });
  }
  return { values, scored };
}

/** The mean over a window of the scored tokens as they follow each other, with zeros beyond both ends. */
function pool(
  values: Float64Array,
  scored: readonly number[],
  width = 5,
): Float64Array {
  const pooled = new Float64Array(values.length);
  const reach = (width - 1) / 2;
  scored.forEach((token, i) => {
    let sum = 0;
    for (let n = i - reach; n <= i + reach; n++) {
      const near = scored[n];
      if (near !== undefined) sum += values[near]!;
    }
    pooled[token] = sum / width;
  });
  return pooled;
}

function mostRelevant(
  pooled: Float64Array,
  candidates: readonly number[],
  whole: number,
  ratio: number,
): number[] {
  if (!(ratio >= 0 && ratio <= 1)) throw new RangeError(`ratio ${ratio}`);
  const k = Math.min(Math.floor(whole * ratio), candidates.length);
  const falling = [...candidates].sort(
    (a, b) => pooled[b]! - pooled[a]! || a - b,
  );
  return falling.slice(0, k);
}

/** Whole segments while they fit, the one with the largest sum first; then the largest tokens of the next one. */
function segmentsFirst(
  values: Float64Array,
  pooled: Float64Array,
  segments: readonly { tokens: readonly number[] }[],
  whole: number,
  ratio: number,
): number[] {
  const sum = (tokens: readonly number[]) =>
    tokens.reduce((total, token) => total + values[token]!, 0);
  const order = segments
    .map(({ tokens }) => tokens)
    .sort((a, b) => sum(b) - sum(a) || a[0]! - b[0]!);
  let room = Math.floor(whole * ratio);
  return order.flatMap((tokens) => {
    const part = mostRelevant(pooled, tokens, room, 1);
    room -= part.length;
    return part;
  });
}

function ends(tokens: readonly number[], count: number): number[] {
  return tokens.filter((_, i) => i < count || i >= tokens.length - count);
}

/** Some of the rows of a layer, in an order of their own. */
function only({ rows, q }: LayerRows, wanted: readonly number[]): LayerRows {
  const width = q.length / rows.length;
  const part = new Float64Array(wanted.length * width);
  wanted.forEach((row, i) => {
    const from = rows.indexOf(row) * width;
    part.set(q.subarray(from, from + width), i * width);
  });
  return { rows: wanted, q: part };
}

function embedded(cache: FusionCache, row: number) {
  const table = cache.need("model.embed_tokens.weight");
  const columns = cache.model.config.hidden_size;
  return embed(table, columns, [cache.tokens[row]!]);
}

function logitsOf(cache: FusionCache, x: Float64Array) {
  const { config } = cache.model;
  const head = config.tie_word_embeddings ? "model.embed_tokens" : "lm_head";
  return linear(x, cache.need(`${head}.weight`), {
    inputs: config.hidden_size,
    norm: { weight: cache.need("model.norm.weight"), eps: config.rms_norm_eps },
  });
}
