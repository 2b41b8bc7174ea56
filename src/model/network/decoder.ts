/**
 * The decoder of every architecture: one path, `run(layers, rows, keys)`, for prefill, decode, half a stack and
 * any subset of rows. Dispatches are recorded once against the buffers and replayed; a step's inputs come from
 * the step buffer and the page tables.
 */
import type { Gpu, Pass } from "../../gpu/gpu";
import type { Dispatch } from "../../gpu/kernel";
import type { KvCache } from "../../memory/kv-cache";
import type { ModelConfig } from "../config/computable";
import type { KernelSet } from "./kernel-set";
import {
  type AttentionShape,
  type LayerDispatches,
  type LayerKeys,
  recordAttention,
  recordLayer,
} from "./layer";
import { recordLinear } from "./linear";
import { type ScoreRequest, scoreHeads } from "./score-heads";
import { strideOf } from "../weights/matrix-format";
import type { Tuning } from "./tuning";
import type { Weights } from "../weights/weights";
import { HALVES } from "../../util/kv-half";
import { rotationOf } from "./rope";
import type { TableSizes } from "./step";
import {
  createWorkspace,
  qkvColumns,
  ropeIndex,
  rotaryDim,
  ROW_CAPACITY,
  splitsFor,
  type Workspace,
} from "./workspace";

/** Layers from..to-1. */
export interface LayerRange {
  from: number;
  to: number;
}

/** How many workgroups share each page table: as in the step. */
type Splits = Pick<TableSizes, "lowerSplits" | "upperSplits">;
export interface KeySplits extends Splits {
  local?: Splits | undefined;
}

/** Attention mass at the last layer of a run, by page. */
export interface MassRequest {
  /** Receives [heads][pages] f32. */
  pageMass: GPUBuffer;
  /** Entries of that layer's page table. */
  pages: number;
  /** At least `massScratchBytes` long. */
  scratch: GPUBuffer;
}

/** How relevant each token is to the asked rows (A³), summed over the rows of one step or several. */
export interface RelevanceRequest {
  /** Receives [pages][16] f32. */
  relevance: GPUBuffer;
  /** Entries of the lower page table. */
  pages: number;
  askedRows: number;
  /** Whether to add to the sums of earlier steps. */
  adds: boolean;
  /** [asked rows][pages][16] f32. */
  scores: GPUBuffer;
  /** [pages][asked rows] pairs of f32. */
  softmaxes: GPUBuffer;
}

export class Decoder {
  readonly workspace: Workspace;
  readonly #config: ModelConfig;
  readonly #weights: Weights;
  readonly #kernels: KernelSet;
  readonly #cache: KvCache;
  readonly #tuning: Tuning;
  readonly #embed: Dispatch<{ rows: number }>[];
  readonly #norm: Dispatch<{ asked: number }>;
  readonly #head: (pass: Pass, rows: number) => void;
  readonly #sample: Dispatch<{ vocabSize: number }>[];
  #appendPage: Dispatch<unknown>[] = [];
  #layers: LayerDispatches[] = [];
  #generation = -1;

  private constructor(
    gpu: Gpu,
    config: ModelConfig,
    weights: Weights,
    kernels: KernelSet,
    cache: KvCache,
    tuning: Tuning,
  ) {
    this.#config = config;
    this.#weights = weights;
    this.#kernels = kernels;
    this.#cache = cache;
    this.#tuning = tuning;
    this.workspace = createWorkspace(gpu, config, tuning);

    const { residual, asked, logits, sampled } = this.workspace;
    const step = this.workspace.step.buffer;
    const { hiddenSize: columns, vocabSize: vocab_size } = config;
    const chunks = strideOf(columns) / 8;
    this.#embed = weights.embedTokens.parts.map((part) =>
      kernels.embed.record(
        {
          step,
          sampled,
          weight: part.weights,
          scales: part.scales ?? part.weights, // not looked at without scales
          x: residual,
        },
        {
          chunks,
          vocab_size,
          first_token: part.firstRow,
          token_count: part.rows,
          scale: config.embedding.scale,
        },
      ),
    );
    this.#norm = kernels.rmsNorm.record(
      { step, x: residual, weight: weights.norm, y: asked },
      { chunks, columns, eps: config.norm.eps },
    );
    this.#head = recordLinear(kernels, step, {
      x: asked,
      weight: weights.lmHead,
      y: logits,
      yStride: strideOf(vocab_size),
      scale: config.head.scale,
      askedOnly: true,
    });
    const { blocks, candidates, marks, bias } = this.workspace;
    const buffers = {
      step,
      settings: this.workspace.sampler.buffer,
      logits,
      marks,
      bias,
      blocks,
      candidates,
      sampled,
    };
    const params = { vocab_size };
    this.#sample = [
      kernels.sampleScan.record(buffers, params),
      kernels.sampleGather.record(buffers, params),
      kernels.sample.record(buffers, params),
    ];
  }

  /** @throws OutOfMemoryError */
  static create(
    gpu: Gpu,
    config: ModelConfig,
    weights: Weights,
    kernels: KernelSet,
    cache: KvCache,
    tuning: Tuning,
  ): Promise<Decoder> {
    return gpu.allocating(
      "the model's workspace",
      () => new Decoder(gpu, config, weights, kernels, cache, tuning),
    );
  }

  get hiddenSize(): number {
    return this.#config.hiddenSize;
  }

  get vocabSize(): number {
    return this.#config.vocabSize;
  }

  get headCount(): number {
    return this.#config.numAttentionHeads;
  }

  /** The shape of a layer's queries: how many, how long, and how they are rotated and scaled. */
  queryShape(layer: number) {
    const { numAttentionHeads, numKeyValueHeads, headDim, layers, ropes } =
      this.#config;
    const { rope, scale } = layers[layer]!.attention;
    return {
      heads: numAttentionHeads,
      kvHeads: numKeyValueHeads,
      headDim,
      rotation: rotationOf(
        rope === null ? null : ropes[rope]!,
        rotaryDim(this.#config),
      ),
      scale,
    };
  }

  /** The layout of queries in a row of the workspace's qkv: the first `values` of every `stride` numbers. */
  get queryLayout(): { stride: number; values: number } {
    const { numAttentionHeads: heads, headDim } = this.#config;
    return {
      stride: strideOf(qkvColumns(this.#config)),
      values: heads * headDim,
    };
  }

  /** Invocations of a workgroup of the sampler. */
  get sampleLanes(): number {
    return this.#tuning.sampleLanes;
  }

  /** The most rows of one step. */
  get rowCapacity(): number {
    return ROW_CAPACITY;
  }

  /** Bytes of a MassRequest's scratch for so many rows and pages. */
  massScratchBytes(rows: number, pages: number): number {
    const tilesPerPage = 16 / this.#kernels.attentionTile.tile_keys;
    return rows * this.headCount * pages * tilesPerPage * 8;
  }

  /** How many workgroups should share a page table of `pages` entries when a turn has `rows` rows. */
  splitsFor(rows: number, pages: number): number {
    return splitsFor(this.#config, this.#tuning, rows, pages);
  }

  /** The residual stream of the step's rows := their tokens' embeddings. */
  embed(pass: Pass, rows: number): void {
    for (const embed of this.#embed) embed(pass, { rows });
  }

  /** Enters the page that a decode step writes to into the page tables. */
  appendPage(pass: Pass): void {
    this.#refresh();
    for (const append of this.#appendPage) append(pass, {});
  }

  /**
   * The residual stream of the step's rows through layers `from`..`to - 1`. Each row's K and V go to
   * its slot first; then it attends to all keys of its half's page table at its position or before.
   * Between the two, heads that a request names score units.
   */
  run(
    pass: Pass,
    { from, to }: LayerRange,
    rows: number,
    splitsOf: KeySplits,
    mass?: MassRequest,
    scores?: ScoreRequest,
  ): void {
    this.#refresh();
    const { numAttentionHeads: heads, numKeyValueHeads: kvHeads } =
      this.#config;
    for (let l = from; l < to; l++) {
      const layer = this.#layers[l]!;
      const half = this.#cache.halfOf(l);
      const of = half.isLocal(l) ? splitsOf.local! : splitsOf;
      const splits = half.half === "lower" ? of.lowerSplits : of.upperSplits;
      const shape = { rows, group: heads / kvHeads, kvHeads, splits };
      layer.qkv(pass, rows);
      layer.append(pass, rows);
      if (scores) scoreHeads(pass, this.#context, l, this.#keysOf(l), scores);
      if (mass && l === to - 1) this.#attendWithMass(pass, l, shape, mass);
      else if (rows === 1) layer.attentionOfOne(pass, shape);
      else layer.attention(pass, shape);
      layer.join(pass, { rows, heads });
      layer.output(pass, rows);
      layer.gateUp(pass, rows);
      layer.down(pass, rows);
    }
  }

  /**
   * Only K and V of a layer, for the step's rows; a later pass does its attention. With a request, the queries of
   * the asked rows are scored against all lower keys.
   */
  writeKeys(
    pass: Pass,
    l: number,
    rows: number,
    request?: RelevanceRequest,
  ): void {
    this.#refresh();
    const layer = this.#layers[l]!;
    layer.qkv(pass, rows);
    layer.append(pass, rows);
    if (request) this.#score(pass, l, request);
  }

  /** Logits of the asked rows. */
  head(pass: Pass, asked: number): void {
    this.#norm(pass, { asked });
    this.#head(pass, asked);
  }

  /** Draws a token from the first asked row's logits. */
  sample(pass: Pass): void {
    const { vocabSize } = this.#config;
    for (const dispatch of this.#sample) dispatch(pass, { vocabSize });
  }

  destroy(): void {
    this.workspace.destroy();
  }

  /** Records dispatches that use pages again, if the cache has grown since. */
  #refresh(): void {
    if (this.#generation === this.#cache.generation) return;
    this.#generation = this.#cache.generation;
    const { lower, upper, window } = this.#cache;
    this.#layers = this.#config.layers.map((layer, l) =>
      recordLayer(
        this.#context,
        layer,
        this.#weights.layers[l]!,
        this.#keysOf(l),
      ),
    );
    const append = (
      lower_table: GPUBuffer,
      upper_table: GPUBuffer,
      is_local: 0 | 1,
    ) =>
      this.#kernels.appendPage.record(
        { step: this.workspace.step.buffer, lower_table, upper_table },
        { is_local },
      );
    this.#appendPage = [append(lower.table, upper.table, 0)];
    // A half without local pages enters its page a second time.
    const [one, other] = [lower, upper].map(({ local, main }) => local ?? main);
    if (window !== undefined)
      this.#appendPage.push(append(one!.table, other!.table, 1));
  }

  /** Attention of layer l that also sums its mass by page: two dispatches, recorded for this call only. */
  #attendWithMass(
    pass: Pass,
    l: number,
    shape: AttentionShape,
    { pageMass, pages, scratch }: MassRequest,
  ): void {
    const { numAttentionHeads: heads, layers } = this.#config;
    const { attention: kernel, attentionTile } = this.#kernels;
    const { attention } = layers[l]!;
    const keys = this.#keysOf(l);
    const attend = recordAttention(
      this.#context,
      attention,
      kernel,
      keys,
      scratch,
    );
    attend(pass, shape);
    const sum = this.#kernels.pageMass.record(
      {
        step: this.workspace.step.buffer,
        partials: this.workspace.partials,
        mass: scratch,
        page_mass: pageMass,
      },
      {
        half: keys.half,
        heads,
        group: shape.group,
        tiles_per_page: 16 / attentionTile.tile_keys,
      },
    );
    sum(pass, { pages });
  }

  /** Two dispatches, recorded for this call only. */
  #score(
    pass: Pass,
    l: number,
    { relevance, pages, askedRows, adds, scores, softmaxes }: RelevanceRequest,
  ): void {
    const { numAttentionHeads, numKeyValueHeads, layers } = this.#config;
    const { step, ropes, qkv } = this.workspace;
    const { rope, scale } = layers[l]!.attention;
    const keys = this.#keysOf(l);
    const score = this.#kernels.relevance.record(
      {
        step: step.buffer,
        pages: keys.table,
        rope: ropes[ropeIndex(this.#config, rope)]!,
        qkv,
        k_pages: keys.pages.k,
        scores,
        softmaxes,
      },
      {
        kv_heads: numKeyValueHeads,
        group: numAttentionHeads / numKeyValueHeads,
        qkv_stride: strideOf(qkvColumns(this.#config)) / 4,
        scale: scale / Math.sqrt(numAttentionHeads),
      },
    );
    const join = this.#kernels.relevanceJoin.record(
      { step: step.buffer, scores, softmaxes, relevance },
      { adds: Number(adds) },
    );
    score(pass, { pages, askedRows });
    join(pass, { pages });
  }

  get #context() {
    const [config, kernels] = [this.#config, this.#kernels];
    return { config, kernels, workspace: this.workspace };
  }

  #keysOf(l: number): LayerKeys {
    const half = this.#cache.halfOf(l);
    const { layers, table } = half.poolOf(l);
    return {
      pages: layers.get(l)!,
      table,
      half: HALVES.indexOf(half.half) + (half.isLocal(l) ? HALVES.length : 0),
    };
  }
}
