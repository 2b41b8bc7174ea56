/** The shaders' numbers for the formats of weights and pages: values of their `override` constants. */

/** `weight_format`, in shared/weights.wgsl. */
export const WEIGHT_FORMAT = { F32: 0, F16: 1, BF16: 2, Q4: 3, Q8: 4 } as const;

/** `kv_format`, in shared/pages.wgsl. */
export const KV_FORMAT = { f32: 0, f16: 1 } as const;
