/** All kernels that a model needs, compiled in parallel for its shapes and formats. */
import type { Gpu } from "../../gpu/gpu";
import { appendPage } from "../../kernels/append-page";
import {
  attention,
  type AttentionTile,
  attentionTile,
} from "../../kernels/attention";
import { attentionJoin } from "../../kernels/attention-join";
import { embed } from "../../kernels/embed";
import { evenScores } from "../../kernels/even-scores";
import { evenScoresJoin } from "../../kernels/even-scores-join";
import { KV_FORMAT, WEIGHT_FORMAT } from "../../kernels/formats";
import { matmul } from "../../kernels/matmul";
import { normAdd } from "../../kernels/norm-add";
import { matvec, type MatvecTeams, matvecTeams } from "../../kernels/matvec";
import { pageMass } from "../../kernels/page-mass";
import { relevance } from "../../kernels/relevance";
import { relevanceJoin } from "../../kernels/relevance-join";
import { rmsNorm } from "../../kernels/rms-norm";
import { ropeAppend } from "../../kernels/rope-append";
import { sample } from "../../kernels/sampling/sample";
import { sampleGather } from "../../kernels/sampling/sample-gather";
import { sampleScan } from "../../kernels/sampling/sample-scan";
import type { KvFormat } from "../../memory/kv-cache";
import type { ModelConfig } from "../config/computable";
import {
  isQuantFormat,
  type MatrixFormat,
  strideOf,
  type WeightFormats,
} from "../weights/matrix-format";
import { GROUP } from "../weights/quant-formats";
import type { Tuning } from "./tuning";
import { rotaryDim } from "./workspace";

/** Rows that share the unpacked weights in matvec, if there are a few. */
const ROW_TILE = 2;

export type KernelSet = Awaited<ReturnType<typeof compileKernels>>;

/**
 * @param embedding the format of the embedding table
 * @param matrices the formats of all matrices, each once
 */
export async function compileKernels(
  gpu: Gpu,
  config: ModelConfig,
  { embedding, matrices }: WeightFormats,
  kv: KvFormat,
  tuning: Tuning,
) {
  const kv_format = KV_FORMAT[kv];
  const head_dim = config.headDim;
  const sample_lanes = tuning.sampleLanes;
  const rotary_dim = rotaryDim(config);
  const group = config.numAttentionHeads / config.numKeyValueHeads;
  const rowTile = attentionTile(group, head_dim);
  const manyQueries = Math.max(group, tuning.attentionQueries);
  const tile = attentionTile(manyQueries, head_dim);
  const attentionFor = (one: AttentionTile) =>
    attention(gpu, {
      head_dim,
      rotary_dim,
      kv_format,
      ...(tuning.isCompact && { is_compact: 1 }),
      ...one,
    });

  const compiled = await Promise.all([
    embed(gpu, { weight_format: WEIGHT_FORMAT[embedding] }),
    compileLinear(gpu, config, matrices, tuning),
    ropeAppend(gpu, { head_dim, rotary_dim, kv_format }),
    attentionFor(rowTile),
    attentionFor(tile),
    attentionJoin(gpu, { head_dim }),
    pageMass(gpu, { head_dim }),
    rmsNorm(gpu),
    sampleScan(gpu, { sample_lanes }),
    sampleGather(gpu, { sample_lanes }),
    sample(gpu, { sample_lanes }),
    appendPage(gpu),
    relevance(gpu, { head_dim, rotary_dim, kv_format }),
    relevanceJoin(gpu),
    normAdd(gpu),
    evenScores(gpu, { head_dim, rotary_dim, kv_format }),
    evenScoresJoin(gpu),
  ]);
  const [
    embedTokens,
    linear,
    rope,
    oneRow,
    manyRows,
    join,
    mass,
    norm,
    sampleScanner,
    sampleGatherer,
    sampler,
    append,
    score,
    scoreJoin,
    addNorm,
    scoreHead,
    scoreUnits,
  ] = compiled;
  return {
    embed: embedTokens,
    /** By the format of the matrix: for one row, a few, and many. */
    linear,
    ropeAppend: rope,
    /** For one row: as many queries as a KV head's group has. */
    attentionOfOne: oneRow,
    attention: manyRows,
    attentionTile: tile,
    attentionJoin: join,
    pageMass: mass,
    rmsNorm: norm,
    sampleScan: sampleScanner,
    sampleGather: sampleGatherer,
    sample: sampler,
    appendPage: append,
    relevance: score,
    relevanceJoin: scoreJoin,
    normAdd: addNorm,
    evenScores: scoreHead,
    evenScoresJoin: scoreUnits,
  };
}

type LinearKernels = Awaited<ReturnType<typeof compileFormat>>;

async function compileLinear(
  gpu: Gpu,
  config: ModelConfig,
  formats: readonly MatrixFormat[],
  tuning: Tuning,
): Promise<Partial<Record<MatrixFormat, LinearKernels>>> {
  const compiled = await Promise.all(
    formats.map(
      async (format) =>
        [format, await compileFormat(gpu, config, format, tuning)] as const,
    ),
  );
  return Object.fromEntries(compiled);
}

/** Kernels of matvec with the same constants but for the rows of x. */
export type MatvecKernels = Awaited<ReturnType<typeof compileMatvec>>;

async function compileFormat(
  gpu: Gpu,
  config: ModelConfig,
  format: MatrixFormat,
  tuning: Tuning,
) {
  const { hiddenSize, intermediateSize, numAttentionHeads, headDim } = config;
  const teamsFor = (columns: number) =>
    matvecTeams(groupsOf(columns, format), tuning.matvecTeam);
  const constantsFor = (columns: number, hasNorm: boolean) => ({
    weight_format: WEIGHT_FORMAT[format],
    ...teamsFor(columns),
    ...(tuning.isCompact ? { is_compact: 1 } : { normalizes: Number(hasNorm) }),
  });
  const columns = [hiddenSize, numAttentionHeads * headDim, intermediateSize];
  const wanted = [
    constantsFor(hiddenSize, true),
    ...columns.map((one) => constantsFor(one, false)),
  ];
  const distinct = new Map(wanted.map((one) => [JSON.stringify(one), one]));
  const [many, ...matvecs] = await Promise.all([
    matmul(gpu, { weight_format: WEIGHT_FORMAT[format] }),
    ...[...distinct.values()].map((one) => compileMatvec(gpu, one)),
  ]);
  return {
    matmul: many,
    matvecs,
    /** For a matrix of so many columns. */
    matvecFor: (columns: number, hasNorm: boolean): MatvecKernels => {
      const key = JSON.stringify(constantsFor(columns, hasNorm));
      const found = matvecs[[...distinct.keys()].indexOf(key)];
      if (!found)
        throw new RangeError(
          `no matvec for ${columns} columns in ${format}, norm: ${hasNorm}`,
        );
      return found;
    },
  };
}

async function compileMatvec(
  gpu: Gpu,
  constants: MatvecTeams & { normalizes?: number },
) {
  const [one, few] = await Promise.all([
    matvec(gpu, { ...constants, row_tile: 1 }),
    matvec(gpu, { ...constants, row_tile: ROW_TILE }),
  ]);
  /** For matrices with a norm, without, or both. */
  const norms =
    constants.normalizes === undefined
      ? [false, true]
      : [constants.normalizes === 1];
  return { norms, one, few };
}

/** What a lane of matvec takes in a turn: a group of quants, or eight floats. */
function groupsOf(columns: number, format: MatrixFormat): number {
  return isQuantFormat(format) && format !== "IQ4"
    ? columns / GROUP
    : strideOf(columns) / 8;
}
