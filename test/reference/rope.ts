/**
 * Rotary position embedding, as transformers does it: pairs (i, i + d/2) turn
 * by position · frequency[i].
 */

/** `rope_scaling` of a config.json. */
export interface RopeScaling {
  rope_type?: string;
  /** The older spelling of `rope_type`. */
  type?: string;
  factor?: number;
  low_freq_factor?: number;
  high_freq_factor?: number;
  original_max_position_embeddings?: number;
  /** Of type "factors", which is ours: what each frequency is divided by. */
  factors?: number[];
  /** What rotated values are multiplied by. */
  magnitude?: number;
  /** LongRoPE's, of which one list is used. */
  short_factor?: number[];
  long_factor?: number[];
  attention_factor?: number;
}

/** Radians a position for each of the headDim / 2 pairs. */
export function inverseFrequencies(
  theta: number,
  headDim: number,
  scaling: RopeScaling | null = null,
): Float64Array {
  const frequencies = new Float64Array(headDim / 2);
  for (let i = 0; i < headDim / 2; i++) {
    frequencies[i] = scaled(theta ** ((-2 * i) / headDim), i, scaling);
  }
  return frequencies;
}

function scaled(
  frequency: number,
  pair: number,
  scaling: RopeScaling | null,
): number {
  const type = scaling?.rope_type ?? scaling?.type ?? "default";
  if (type === "default") return frequency;
  if (type === "factors") return frequency / scaling!.factors![pair]!;
  const factor = scaling!.factor!;
  if (type === "linear") return frequency / factor;
  if (type !== "llama3") throw new Error(`no reference for RoPE type ${type}`);

  const low = scaling!.low_freq_factor!;
  const high = scaling!.high_freq_factor!;
  const context = scaling!.original_max_position_embeddings!;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength > context / low) return frequency / factor;
  if (wavelength < context / high) return frequency;
  const smooth = (context / wavelength - low) / (high - low);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

/**
 * The vector of one head, turned to a position: its first 2 · frequencies.length values, which are multiplied by
 * the magnitude; the rest is as it was.
 */
export function rotate(
  vector: ArrayLike<number>,
  position: number,
  frequencies: ArrayLike<number>,
  magnitude = 1,
): Float64Array {
  const half = frequencies.length;
  const rotated = Float64Array.from(vector);
  for (let i = 0; i < half; i++) {
    const cos = magnitude * Math.cos(position * frequencies[i]!);
    const sin = magnitude * Math.sin(position * frequencies[i]!);
    const a = vector[i]!;
    const b = vector[i + half]!;
    rotated[i] = a * cos - b * sin;
    rotated[i + half] = b * cos + a * sin;
  }
  return rotated;
}
