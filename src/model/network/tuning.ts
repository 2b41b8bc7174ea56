/** Sizes that change how fast the kernels are, and nothing of what they compute. */
import type { Gpu } from "../../gpu/gpu";

export interface Tuning {
  /** Workgroups that keep the adapter busy: attention is split up to so many. */
  busyWorkgroups: number;
  /** Queries that a workgroup of attention takes, when there are many rows. */
  attentionQueries: number;
  /** Invocations of a workgroup of matvec, at most. */
  matvecLanes: number;
}

export const GPU_TUNING: Tuning = {
  busyWorkgroups: 256,
  attentionQueries: 16,
  matvecLanes: 64,
};

/**
 * A CPU pays for every workgroup and every invocation that meets a barrier, busy or idle. Measured on
 * SwiftShader, two cores: attention takes a third to a half of the time with these sizes.
 */
const SOFTWARE_TUNING: Tuning = {
  busyWorkgroups: 1,
  attentionQueries: 1,
  matvecLanes: 16,
};

export function tuningFor(gpu: Gpu): Tuning {
  return gpu.isSoftware ? SOFTWARE_TUNING : GPU_TUNING;
}
