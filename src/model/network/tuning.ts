/** Sizes that affect how fast the kernels are, but not what they compute. */
import type { Gpu } from "../../gpu/gpu";

export interface Tuning {
  /** Workgroups that keep the adapter busy: attention is split into up to so many. */
  busyWorkgroups: number;
  /** Queries per workgroup of attention, if there are many rows. */
  attentionQueries: number;
  /** Invocations that share rows of a matrix in matvec, at most; and those of a workgroup, if that is more. */
  matvecTeam: { most: number; lanes: number };
  /** Invocations of a workgroup of the sampler. */
  sampleLanes: number;
  /** Whether there are fewer and smaller kernels, because compiling them takes long. */
  isCompact: boolean;
}

export const GPU_TUNING: Tuning = {
  busyWorkgroups: 256,
  attentionQueries: 16,
  matvecTeam: { most: 32, lanes: 32 },
  sampleLanes: 256,
  isCompact: false,
};

/**
 * On a CPU every workgroup costs time, and every invocation that meets a barrier, busy or idle. Measured on
 * SwiftShader, two cores: with these sizes attention takes a third to a half of the time.
 */
const SOFTWARE_TUNING: Tuning = {
  busyWorkgroups: 1,
  attentionQueries: 1,
  matvecTeam: { most: 4, lanes: 16 },
  sampleLanes: 16,
  isCompact: true,
};

export function tuningFor(gpu: Gpu): Tuning {
  return gpu.isSoftware ? SOFTWARE_TUNING : GPU_TUNING;
}
