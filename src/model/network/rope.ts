/** RoPE's rotations, computed in double precision once for all kernels. */
import type { Rope, RopeScaling } from "../architectures/recipe";

/** Positions of the fine table, and step of the coarse one. */
const FINE = 256;

/**
 * cos and sin of [256 fine positions, then coarse ones in steps of 256][rotary_dim / 2]. The rotation
 * at position p is the product of the fine one at p % 256 and the coarse one at p / 256: two small
 * tables in place of one as long as the context, at the cost of one rounding. What queries and keys are
 * multiplied by besides is in the coarse part.
 */
export function ropeTable(
  rope: Rope | null,
  rotaryDim: number,
  positions: number,
): Float32Array {
  const { frequencies, factor } = rotationOf(rope, rotaryDim);
  const rows = FINE + Math.ceil(positions / FINE);
  const table = new Float32Array(rows * frequencies.length * 2);
  for (let row = 0; row < rows; row++) {
    const [position, size] =
      row < FINE ? [row, 1] : [(row - FINE) * FINE, factor];
    frequencies.forEach((frequency, i) => {
      const at = (row * frequencies.length + i) * 2;
      table[at] = size * Math.cos(position * frequency);
      table[at + 1] = size * Math.sin(position * frequency);
    });
  }
  return table;
}

/** How a layer's queries and keys are rotated. */
export interface Rotation {
  /** Radians a position for each pair of the part of a head that is rotated. */
  frequencies: readonly number[];
  /** What that part is multiplied by. */
  factor: number;
}

/** @param rope null: by nothing, for layers without RoPE */
export function rotationOf(rope: Rope | null, rotaryDim: number): Rotation {
  const pairs = rotaryDim / 2;
  if (rope === null)
    return { frequencies: Array<number>(pairs).fill(0), factor: 1 };
  const { theta, scaling } = rope;
  const plain = Array.from(
    { length: pairs },
    (_, i) => theta ** ((-2 * i) / rotaryDim),
  );
  const scaled = (by: (frequency: number, i: number) => number) => ({
    frequencies: plain.map(by),
    factor: 1,
  });
  switch (scaling?.type) {
    case undefined:
      return scaled((frequency) => frequency);
    case "linear":
      return scaled((frequency) => frequency / scaling.factor);
    case "factors": {
      const { factors, attentionFactor = 1 } = scaling;
      const frequencies = plain.map((one, i) => one / factors[i]!);
      return { frequencies, factor: attentionFactor };
    }
    case "llama3":
      return scaled((frequency) => llama3Frequency(frequency, scaling));
  }
  return scaling satisfies never;
}

/** Long wavelengths are stretched, short ones kept, with a ramp in between. */
function llama3Frequency(
  frequency: number,
  {
    factor,
    lowFreqFactor,
    highFreqFactor,
    originalMaxPositionEmbeddings,
  }: RopeScaling & { type: "llama3" },
): number {
  const turns = (originalMaxPositionEmbeddings * frequency) / (2 * Math.PI);
  const kept = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  const share = Math.min(1, Math.max(0, kept));
  return (frequency / factor) * (1 - share) + frequency * share;
}
