/** The shaders' numbers for the formats of weights and pages: values of their `override` constants. */

/** `weight_format`, in shared/weights.wgsl. */
export const WEIGHT_FORMAT = {
  F32: 0,
  F16: 1,
  BF16: 2,
  Q2: 3,
  Q3: 4,
  Q4: 5,
  IQ4: 6,
  Q5: 7,
  Q6: 8,
  Q8: 9,
} as const;

/** `kv_format`, in shared/pages.wgsl. */
export const KV_FORMAT = { f32: 0, f16: 1 } as const;

/** Values of a head that share a scale where they are stored as int8: a power of two that divides it, up to 32. */
export const scaleGroup = (headDim: number) => Math.min(32, headDim & -headDim);
