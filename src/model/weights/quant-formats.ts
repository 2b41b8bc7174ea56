/**
 * Formats of quantised matrices on the GPU. A row is groups of 32 columns, whose quants are integers:
 *
 *     value = scale · (quant − zero) + offset
 *
 * The low bits of all quants lie in the weights, one after the other from the lowest bit of a word on. Beside
 * them a group has a few words in a buffer of its own: scales and offsets as f16, and behind these the high bits
 * of its quants, again from the lowest bit on.
 *
 *            low   high   words of a group                        zero   offset   bits a weight
 *     Q2      2           (scale, offset), (scale, offset)          0     own         4
 *     Q3      2     1     (scale, scale), high bits                 4      0          4
 *     Q4      4           (scale, offset)                           0     own         5
 *     IQ4     4           (scale, 0)                               128     0          5
 *     Q5      4     1     (scale, offset), high bits                0     own         6
 *     Q6      4     2     (scale, scale), two words of high bits   32      0          7
 *     Q8      8           (scale, offset)                           0     own         9
 *
 * Where a group has two scales, each serves 16 columns. In IQ4 the low bits are an index into IQ4_LEVELS. Every
 * block type of GGUF has a format that holds its quants as they are; only scales and offsets that are products
 * in the file are rounded, to f16.
 */
import type { BlockType } from "../checkpoint/checkpoint";
import {
  blockTraits,
  type Groups,
  IQ4_LEVELS,
} from "../checkpoint/quant-blocks";
import { floatToHalf } from "../../util/float16";

/** From few bits to many. */
export const QUANT_FORMATS = [
  "Q2",
  "Q3",
  "Q4",
  "IQ4",
  "Q5",
  "Q6",
  "Q8",
] as const;
export type QuantFormat = (typeof QUANT_FORMATS)[number];

/** Columns of a group. */
export const GROUP = 32;

interface QuantLayout {
  lowBits: 2 | 4 | 8;
  highBits: 0 | 1 | 2;
  /** Columns that share a scale. */
  scaled: 16 | 32;
  /** The quant that stands for 0; without it there are offsets. */
  zero?: number;
}

const LAYOUTS: Record<QuantFormat, QuantLayout> = {
  Q2: { lowBits: 2, highBits: 0, scaled: 16 },
  Q3: { lowBits: 2, highBits: 1, scaled: 16, zero: 4 },
  Q4: { lowBits: 4, highBits: 0, scaled: 32 },
  IQ4: { lowBits: 4, highBits: 0, scaled: 32, zero: 128 },
  Q5: { lowBits: 4, highBits: 1, scaled: 32 },
  Q6: { lowBits: 4, highBits: 2, scaled: 16, zero: 32 },
  Q8: { lowBits: 8, highBits: 0, scaled: 32 },
};

/** Bytes of the low bits of a group, and of its words beside them. */
export function groupBytes(format: QuantFormat): {
  weights: number;
  scales: number;
} {
  const { lowBits } = LAYOUTS[format];
  const { scales, high } = groupWords(LAYOUTS[format]);
  return { weights: (GROUP * lowBits) / 8, scales: 4 * (scales + high) };
}

function groupWords({ scaled, zero, highBits }: QuantLayout) {
  return {
    scales: scaled === 16 && zero === undefined ? 2 : 1,
    high: (GROUP * highBits) / 32,
  };
}

/** Whether a format holds every quant of a block type, with a scale for each that the blocks have. */
export function holds(format: QuantFormat, type: BlockType): boolean {
  if (format === "IQ4") return type === "IQ4_NL" || type === "IQ4_XS";
  const { scaled, lowBits, highBits, zero } = LAYOUTS[format];
  const levels = 2 ** (lowBits + highBits);
  const of = blockTraits(type);
  if (of.groupSize < scaled) return false;
  if (zero === undefined) return 2 ** of.bits <= levels;
  return (
    of.zero !== undefined &&
    of.zero <= zero &&
    2 ** of.bits - of.zero <= levels - zero
  );
}

/** The format of fewest bits that holds all of these types; undefined if none does. */
export function narrowestFormat(
  types: readonly BlockType[],
): QuantFormat | undefined {
  return QUANT_FORMATS.find((format) =>
    types.every((type) => holds(format, type)),
  );
}

/**
 * Groups of so many values that use every quant of a format, and whose scales and offsets are powers of two: a
 * matrix to check kernels with.
 */
export function exactGroups(format: QuantFormat, count: number): Groups {
  const { lowBits, highBits, scaled: size, zero } = LAYOUTS[format];
  const levels = 2 ** (lowBits + highBits);
  const quants = Uint8Array.from(
    { length: count },
    (_, i) => (i * 37) % levels,
  );
  const sizes = Float32Array.from({ length: count / size }, (_, group) =>
    group % 13 === 0 ? 16 : 0.5,
  );
  const scales = sizes.map((one) => (2 * one) / levels);
  return {
    size,
    quants: format === "IQ4" ? quants.map((q) => IQ4_LEVELS[q]!) : quants,
    scales,
    offsets:
      zero === undefined
        ? sizes.map((one) => -one)
        : scales.map((scale) => -zero * scale),
    zero,
  };
}

/** Groups as they are on the GPU: low bits in `weights`, the rest in `scales`. */
export function packGroups(
  groups: Groups,
  format: QuantFormat,
): { weights: Uint8Array; scales: Uint8Array } {
  const layout = LAYOUTS[format];
  const { lowBits, highBits } = layout;
  const quants = quantsFor(groups, format, layout.zero);
  const count = quants.length / GROUP;
  const { scales: scaleWords, high } = groupWords(layout);
  const words = new Uint32Array(count * (scaleWords + high));
  for (let group = 0; group < count; group++) {
    const at = group * (scaleWords + high);
    writeScales(groups, group, layout, words, at);
    if (highBits > 0)
      writeHighBits(quants, group, layout, words, at + scaleWords);
  }
  return {
    weights: lowBits === 8 ? quants : lowBitsOf(quants, lowBits),
    scales: new Uint8Array(words.buffer),
  };
}

/** Quants with the format's own zero, or as indexes of levels. */
function quantsFor(
  { quants, zero: own }: Groups,
  format: QuantFormat,
  zero: number | undefined,
): Uint8Array {
  if (format === "IQ4") return quants.map((level) => INDEX_OF_LEVEL[level]!);
  if (zero === undefined || zero === own) return quants;
  if (own === undefined)
    throw new RangeError(`quants without a zero, for ${format}`);
  return quants.map((quant) => quant + zero - own);
}

const INDEX_OF_LEVEL = new Uint8Array(256);
IQ4_LEVELS.forEach((level, index) => (INDEX_OF_LEVEL[level] = index));

function writeScales(
  { size, scales, offsets }: Groups,
  group: number,
  { scaled, zero }: QuantLayout,
  words: Uint32Array,
  at: number,
): void {
  const first = (group * GROUP) / size;
  // A group that the file has whole may lie in a format that has a scale for each half.
  const second = size === scaled && scaled === 16 ? first + 1 : first;
  const scale = floatToHalf(scales[first]!);
  if (zero === undefined) {
    words[at] = scale | (floatToHalf(offsets[first]!) << 16);
    if (scaled === 16)
      words[at + 1] =
        floatToHalf(scales[second]!) | (floatToHalf(offsets[second]!) << 16);
  } else if (scaled === 16)
    words[at] = scale | (floatToHalf(scales[second]!) << 16);
  else words[at] = scale;
}

function writeHighBits(
  quants: Uint8Array,
  group: number,
  { lowBits, highBits }: QuantLayout,
  words: Uint32Array,
  at: number,
): void {
  for (let i = 0; i < GROUP; i++) {
    const bit = highBits * i;
    const high = quants[group * GROUP + i]! >> lowBits;
    words[at + (bit >> 5)]! |= high << (bit & 31);
  }
}

function lowBitsOf(quants: Uint8Array, bits: 2 | 4): Uint8Array {
  const bytes = new Uint8Array((quants.length * bits) / 8);
  if (bits === 4)
    for (let i = 0; i < bytes.length; i++)
      bytes[i] = (quants[2 * i]! & 15) | (quants[2 * i + 1]! << 4);
  else
    for (let i = 0; i < quants.length; i++)
      bytes[i >> 2]! |= (quants[i]! & 3) << (2 * (i & 3));
  return bytes;
}
