/** All kernels a model needs, compiled side by side for its shapes and formats. */
import type { Gpu } from "../gpu/gpu";
import { appendPage } from "../kernels/append-page";
import {
  attention,
  type AttentionTile,
  attentionTile,
} from "../kernels/attention";
import { attentionJoin } from "../kernels/attention-join";
import { embed } from "../kernels/embed";
import { matmul } from "../kernels/matmul";
import { matvec, matvecLanes } from "../kernels/matvec";
import { pageMass } from "../kernels/page-mass";
import { relevance } from "../kernels/relevance";
import { relevanceJoin } from "../kernels/relevance-join";
import { rmsNorm } from "../kernels/rms-norm";
import { ropeAppend } from "../kernels/rope-append";
import { sample } from "../kernels/sample";
import type { KvFormat } from "../memory/kv-cache";
import type { FloatType } from "./checkpoint";
import type { ModelConfig } from "./config";
import type { Tuning } from "./tuning";

/** `override weight_format` of the shaders. */
const WEIGHT_FORMAT: Record<FloatType, number> = { F32: 0, F16: 1, BF16: 2 };
/** `override kv_format` of the shaders. */
const KV_FORMAT: Record<KvFormat, number> = { f32: 0, f16: 1 };

export type KernelSet = Awaited<ReturnType<typeof compileKernels>>;

export async function compileKernels(
  gpu: Gpu,
  config: ModelConfig,
  weights: FloatType,
  kv: KvFormat,
  tuning: Tuning,
) {
  const weight_format = WEIGHT_FORMAT[weights];
  const kv_format = KV_FORMAT[kv];
  const head_dim = config.headDim;
  const group = config.numAttentionHeads / config.numKeyValueHeads;
  const rowTile = attentionTile(group, head_dim);
  const manyQueries = Math.max(group, tuning.attentionQueries);
  const tile = attentionTile(manyQueries, head_dim);
  const attentionFor = (one: AttentionTile) =>
    attention(gpu, { head_dim, kv_format, ...one });

  const compiled = await Promise.all([
    embed(gpu, { weight_format }),
    matvec(gpu, {
      weight_format,
      workgroup_size: matvecLanes(config.hiddenSize, tuning.matvecLanes),
    }),
    matmul(gpu, { weight_format }),
    ropeAppend(gpu, { head_dim, kv_format }),
    attentionFor(rowTile),
    attentionFor(tile),
    attentionJoin(gpu, { head_dim }),
    pageMass(gpu),
    rmsNorm(gpu),
    sample(gpu),
    appendPage(gpu),
    relevance(gpu, { head_dim, kv_format }),
    relevanceJoin(gpu),
  ]);
  const [
    embedding,
    vector,
    matrix,
    rope,
    oneRow,
    manyRows,
    join,
    mass,
    norm,
    sampler,
    append,
    score,
    scoreJoin,
  ] = compiled;
  return {
    embed: embedding,
    matvec: vector,
    matmul: matrix,
    ropeAppend: rope,
    /** For one row: as many queries as a KV head's group has. */
    attentionOfOne: oneRow,
    attention: manyRows,
    attentionTile: tile,
    attentionJoin: join,
    pageMass: mass,
    rmsNorm: norm,
    sample: sampler,
    appendPage: append,
    relevance: score,
    relevanceJoin: scoreJoin,
  };
}
