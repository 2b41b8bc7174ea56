/**
 * The Llama-family decoder: one path, `run(layers, rows, keys)`, for prefill, decode, half a stack
 * and any subset of rows. Dispatches are recorded once against the buffers and replayed; what a step
 * is about comes from the step buffer and the page tables.
 */
import type { Gpu, Pass } from "../gpu/gpu";
import type { Dispatch } from "../gpu/kernel";
import type { KvCache } from "../memory/kv-cache";
import type { ModelConfig } from "./config";
import type { KernelSet } from "./kernel-set";
import { recordLinear, strideOf } from "./linear";
import { ropeTable } from "./rope";
import { StepBuffer } from "./step";
import type { Weights } from "./weights";

/** Rows of one step at most. */
export const ROW_CAPACITY = 256;
/** Rows of one step whose logits can be asked for. */
export const ASKED_CAPACITY = 16;

/** Layers from..to-1. */
export interface LayerRange {
  from: number;
  to: number;
}

/** How many workgroups share the page table of each half: as in the step. */
export interface KeySplits {
  lowerSplits: number;
  upperSplits: number;
}

/** Attention mass at the last layer of a run, by page. */
export interface MassRequest {
  /** Receives [pages] f32. */
  pageMass: GPUBuffer;
  /** Entries of the page table of that layer's half. */
  pages: number;
  /** At least rows · heads · pages · 8 · (16 / tile keys) bytes. */
  scratch: GPUBuffer;
}

interface LayerDispatches {
  qkv: (pass: Pass, rows: number) => void;
  append: Dispatch<{ rows: number; heads: number }>;
  attentionOfOne: Dispatch<AttentionShape>;
  attention: Dispatch<AttentionShape>;
  join: Dispatch<{ rows: number; heads: number }>;
  output: (pass: Pass, rows: number) => void;
  gateUp: (pass: Pass, rows: number) => void;
  down: (pass: Pass, rows: number) => void;
}

interface AttentionShape {
  rows: number;
  group: number;
  kvHeads: number;
  splits: number;
}

/** Workgroups that keep a large GPU busy. */
const BUSY_WORKGROUPS = 256;
/** Pages that a split should have at least: fewer would be all start-up. */
const SPLIT_PAGES = 4;

export class Llama {
  readonly step: StepBuffer;
  /** [ASKED_CAPACITY, logitsStride] f32 */
  readonly logits: GPUBuffer;
  readonly logitsStride: number;
  /** [1] u32: what the sampler drew last. */
  readonly sampled: GPUBuffer;
  /** A bit for each token of the vocabulary that the repetition penalty applies to. */
  readonly seen: GPUBuffer;
  /** [ROW_CAPACITY, strideOf(hidden)] f32: the residual stream. */
  readonly residual: GPUBuffer;

  readonly #gpu: Gpu;
  readonly #config: ModelConfig;
  readonly #weights: Weights;
  readonly #kernels: KernelSet;
  readonly #cache: KvCache;
  readonly #buffers: GPUBuffer[] = [];
  readonly #rope: GPUBuffer;
  readonly #qkv: GPUBuffer;
  readonly #attended: GPUBuffer;
  readonly #activated: GPUBuffer;
  readonly #partials: GPUBuffer;
  readonly #asked: GPUBuffer;

  readonly #embed: Dispatch<{ rows: number }>;
  readonly #norm: Dispatch<{ asked: number }>;
  readonly #head: (pass: Pass, rows: number) => void;
  readonly #sample: Dispatch<unknown>;
  #appendPage!: Dispatch<unknown>;
  #layers: LayerDispatches[] = [];
  #generation = -1;

  private constructor(
    gpu: Gpu,
    config: ModelConfig,
    weights: Weights,
    kernels: KernelSet,
    cache: KvCache,
  ) {
    this.#gpu = gpu;
    this.#config = config;
    this.#weights = weights;
    this.#kernels = kernels;
    this.#cache = cache;

    const {
      numAttentionHeads: heads,
      numKeyValueHeads: kvHeads,
      headDim,
    } = config;
    const f32 = (label: string, rows: number, columns: number) =>
      this.#buffer(label, rows * strideOf(columns) * 4);
    this.step = new StepBuffer(gpu, ROW_CAPACITY);
    this.residual = f32("residual stream", ROW_CAPACITY, config.hiddenSize);
    this.#qkv = f32("qkv", ROW_CAPACITY, (heads + 2 * kvHeads) * headDim);
    this.#attended = f32("attended values", ROW_CAPACITY, heads * headDim);
    this.#activated = f32("activated", ROW_CAPACITY, config.intermediateSize);
    this.#asked = f32("asked rows", ASKED_CAPACITY, config.hiddenSize);
    this.logitsStride = strideOf(config.vocabSize);
    this.logits = f32("logits", ASKED_CAPACITY, config.vocabSize);
    this.sampled = this.#buffer("sampled token", 4);
    this.seen = this.#buffer(
      "seen tokens",
      Math.ceil(config.vocabSize / 32) * 4,
    );
    // splitsFor() never lets rows · splits grow past this.
    const splitRows = ROW_CAPACITY + Math.ceil((BUSY_WORKGROUPS * 16) / heads);
    this.#partials = this.#buffer(
      "attention partials",
      splitRows * heads * (headDim + 4) * 4,
    );
    const rotations = ropeTable(config, config.maxPositionEmbeddings);
    this.#rope = this.#buffer("rotations", rotations.byteLength);
    gpu.write(this.#rope, 0, rotations);

    const { buffer: step } = this.step;
    const chunks = strideOf(config.hiddenSize) / 8;
    this.#embed = kernels.embed.record(
      {
        step,
        sampled: this.sampled,
        weight: weights.embedTokens.buffer,
        x: this.residual,
      },
      { chunks, vocab_size: config.vocabSize },
    );
    this.#norm = kernels.rmsNorm.record(
      { step, x: this.residual, weight: weights.norm, y: this.#asked },
      { chunks, columns: config.hiddenSize, eps: config.rmsNormEps },
    );
    this.#head = recordLinear(kernels, step, {
      x: this.#asked,
      weight: weights.lmHead,
      y: this.logits,
      yStride: this.logitsStride,
      askedOnly: true,
    });
    this.#sample = kernels.sample.record(
      { step, logits: this.logits, seen: this.seen, sampled: this.sampled },
      { vocab_size: config.vocabSize },
    );
  }

  /** @throws OutOfMemoryError */
  static create(
    gpu: Gpu,
    config: ModelConfig,
    weights: Weights,
    kernels: KernelSet,
    cache: KvCache,
  ): Promise<Llama> {
    return gpu.allocating(
      "the model's workspace",
      () => new Llama(gpu, config, weights, kernels, cache),
    );
  }

  /** How many workgroups should share a page table of `pages` entries when a turn has `rows` rows. */
  splitsFor(rows: number, pages: number): number {
    const { numAttentionHeads: heads, numKeyValueHeads: kvHeads } =
      this.#config;
    const tiles = Math.ceil((rows * heads) / kvHeads / 16);
    const wanted = Math.ceil(BUSY_WORKGROUPS / (tiles * kvHeads));
    return Math.max(1, Math.min(wanted, Math.ceil(pages / SPLIT_PAGES)));
  }

  /** The residual stream of the step's rows := their tokens' embeddings. */
  embed(pass: Pass, rows: number): void {
    this.#embed(pass, { rows });
  }

  /** Enters the page that a decode step writes to into the page tables. */
  appendPage(pass: Pass): void {
    this.#refresh();
    this.#appendPage(pass, {});
  }

  /**
   * The residual stream of the step's rows through layers `from`..`to - 1`. Each row's K and V go to
   * its slot first; then it attends to all keys of its half's page table at its position or before.
   */
  run(
    pass: Pass,
    { from, to }: LayerRange,
    rows: number,
    splits: KeySplits,
    mass?: MassRequest,
  ): void {
    this.#refresh();
    const {
      numAttentionHeads: heads,
      numKeyValueHeads: kvHeads,
      hasQkNorm,
    } = this.#config;
    for (let l = from; l < to; l++) {
      const layer = this.#layers[l]!;
      const isLower = l < this.#cache.upper.firstLayer;
      const shape = {
        rows,
        group: heads / kvHeads,
        kvHeads,
        splits: isLower ? splits.lowerSplits : splits.upperSplits,
      };
      layer.qkv(pass, rows);
      layer.append(pass, {
        rows,
        heads: hasQkNorm ? heads + kvHeads : kvHeads,
      });
      if (mass && l === to - 1) this.#attendWithMass(pass, l, shape, mass);
      else if (rows === 1) layer.attentionOfOne(pass, shape);
      else layer.attention(pass, shape);
      layer.join(pass, { rows, heads });
      layer.output(pass, rows);
      layer.gateUp(pass, rows);
      layer.down(pass, rows);
    }
  }

  /** Logits of the asked rows. */
  head(pass: Pass, asked: number): void {
    this.#norm(pass, { asked });
    this.#head(pass, asked);
  }

  /** Draws a token from the first asked row's logits. */
  sample(pass: Pass): void {
    this.#sample(pass, {});
  }

  destroy(): void {
    this.step.destroy();
    for (const buffer of this.#buffers) this.#gpu.destroyBuffer(buffer);
  }

  /** Records again what refers to pages, if the cache has grown since. */
  #refresh(): void {
    if (this.#generation === this.#cache.generation) return;
    this.#generation = this.#cache.generation;
    const { lower, upper } = this.#cache;
    this.#layers = this.#weights.layers.map((_, l) => this.#recordLayer(l));
    this.#appendPage = this.#kernels.appendPage.record(
      {
        step: this.step.buffer,
        lower_table: lower.table,
        upper_table: upper.table,
      },
      {},
    );
  }

  #recordLayer(l: number): LayerDispatches {
    const config = this.#config;
    const kernels = this.#kernels;
    const weights = this.#weights.layers[l]!;
    const {
      numAttentionHeads: heads,
      numKeyValueHeads: kvHeads,
      rmsNormEps: eps,
    } = config;
    const { buffer: step } = this.step;
    const { pages, half } = this.#pagesOf(l);
    const residual = {
      y: this.residual,
      yStride: strideOf(config.hiddenSize),
      epilogue: "add",
    } as const;
    const linear = (one: Parameters<typeof recordLinear>[2]) =>
      recordLinear(kernels, step, one);

    return {
      qkv: linear({
        x: this.residual,
        norm: { weight: weights.inputNorm, eps },
        weight: weights.qkv,
        bias: weights.qkvBias,
        y: this.#qkv,
        yStride: this.#qkvStride,
      }),
      append: kernels.ropeAppend.record(
        {
          step,
          rope: this.#rope,
          q_norm: weights.qNorm ?? this.#rope,
          k_norm: weights.kNorm ?? this.#rope,
          qkv: this.#qkv,
          k_pages: pages.k,
          v_pages: pages.v,
        },
        {
          heads,
          kv_heads: kvHeads,
          first_head: config.hasQkNorm ? 0 : heads,
          qkv_stride: this.#qkvStride,
          normalizes: Number(config.hasQkNorm),
          eps,
          half,
        },
      ),
      attentionOfOne: this.#recordAttention(kernels.attentionOfOne, l),
      attention: this.#recordAttention(kernels.attention, l),
      join: kernels.attentionJoin.record(
        { step, partials: this.#partials, out: this.#attended },
        { half, heads, out_stride: strideOf(heads * config.headDim) / 4 },
      ),
      output: linear({
        x: this.#attended,
        weight: weights.oProj,
        bias: weights.oBias,
        ...residual,
      }),
      gateUp: linear({
        x: this.residual,
        norm: { weight: weights.postAttentionNorm, eps },
        weight: weights.gateUp,
        y: this.#activated,
        yStride: strideOf(config.intermediateSize),
        epilogue: "gated",
      }),
      down: linear({
        x: this.#activated,
        weight: weights.downProj,
        ...residual,
      }),
    };
  }

  #recordAttention(
    kernel: KernelSet["attention"],
    l: number,
    mass?: GPUBuffer,
  ): Dispatch<AttentionShape> {
    const {
      numAttentionHeads: heads,
      numKeyValueHeads: kvHeads,
      headDim,
    } = this.#config;
    const { pages, table, half } = this.#pagesOf(l);
    return kernel.record(
      {
        step: this.step.buffer,
        pages: table,
        rope: this.#rope,
        qkv: this.#qkv,
        k_pages: pages.k,
        v_pages: pages.v,
        partials: this.#partials,
        mass: mass ?? this.sampled, // not looked at without emits_mass
      },
      {
        half,
        heads,
        kv_heads: kvHeads,
        group: heads / kvHeads,
        qkv_stride: this.#qkvStride / 4,
        scale: 1 / Math.sqrt(headDim),
        emits_mass: Number(mass !== undefined),
      },
    );
  }

  #attendWithMass(
    pass: Pass,
    l: number,
    shape: AttentionShape,
    { pageMass, pages, scratch }: MassRequest,
  ): void {
    const {
      numAttentionHeads: heads,
      numKeyValueHeads: kvHeads,
      headDim,
    } = this.#config;
    const kernels = this.#kernels;
    this.#recordAttention(kernels.attention, l, scratch)(pass, shape);
    const sum = kernels.pageMass.record(
      {
        step: this.step.buffer,
        partials: this.#partials,
        mass: scratch,
        page_mass: pageMass,
      },
      {
        half: this.#pagesOf(l).half,
        heads,
        kv_heads: kvHeads,
        group: heads / kvHeads,
        tiles_per_page: 16 / kernels.attentionTile.tile_keys,
        columns: headDim / 4,
      },
    );
    sum(pass, { pages });
  }

  #pagesOf(l: number) {
    const { lower, upper } = this.#cache;
    const isLower = l < upper.firstLayer;
    const half = isLower ? lower : upper;
    return {
      pages: half.layers[l - half.firstLayer]!,
      table: half.table,
      half: isLower ? 0 : 1,
    };
  }

  get #qkvStride(): number {
    const {
      numAttentionHeads: heads,
      numKeyValueHeads: kvHeads,
      headDim,
    } = this.#config;
    return strideOf((heads + 2 * kvHeads) * headDim);
  }

  #buffer(label: string, bytes: number): GPUBuffer {
    const buffer = this.#gpu.buffer({
      label,
      memoryClass: "activations",
      bytes,
    });
    this.#buffers.push(buffer);
    return buffer;
  }
}
