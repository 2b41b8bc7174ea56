/**
 * GGUF's block formats, decoded to their common form: groups of integers that share a scale and an offset.
 * Nothing is rounded here: value = scale · quant + offset is the formats' own definition.
 *
 *     Q2_K  16 B: 16 × (scale, min) of 4 bits │ 64 B: pairs │ f16 d, m         d scale q − m min
 *     Q3_K  32 B: third bits │ 64 B: low pairs │ 12 B: 16 × scale │ f16 d       d (scale − 32) (q − 4)
 *     Q4_0  f16 d │ 16 B: nibbles of values i and i + 16          d (q − 8)
 *     Q4_1  f16 d, m │ 16 B                                       d q + m
 *     Q5_0  f16 d │ 4 B: fifth bits │ 16 B                        d (q − 16)
 *     Q5_1  f16 d, m │ 4 B │ 16 B                                 d q + m
 *     Q8_0  f16 d │ 32 B, signed                                  d q
 *     Q4_K  f16 d, m │ 12 B: 8 × (scale, min) of 6 bits │ 128 B   d scale q − m min
 *     Q5_K  the same │ 32 B: fifth bits │ 128 B                   d scale q − m min
 *     Q6_K  128 B: low nibbles │ 64 B: high pairs │ 16 B: scales │ f16 d      d scale (q − 32)
 *     IQ4_NL  f16 d │ 16 B: nibbles as of Q4_0                    d LEVELS[q]
 *     IQ4_XS  f16 d │ 2 B, 4 B: 8 × scale of 6 bits │ 128 B       d (scale − 32) LEVELS[q]
 *
 * https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c
 */
import { halfToFloat } from "../../util/float16";
import { type BlockType, tensorBytes } from "./checkpoint";

/** value = scales[group] · quants[i] + offsets[group] */
export interface Groups {
  /** Values of a group: 32, or 16. */
  size: number;
  /** One for each value. */
  quants: Uint8Array;
  /** One for each group. */
  scales: Float32Array;
  offsets: Float32Array;
  /** The quant that stands for 0 in every group, if offsets are always -zero · scale. */
  zero?: number | undefined;
}

/** What a block type can express. */
export interface BlockTraits {
  /** Values of a block. */
  values: number;
  /** Values that share a scale. */
  groupSize: 16 | 32;
  /** Bits of a quant. */
  bits: number;
  /** As of `Groups`. */
  zero?: number;
}

/** Reads one block into `quants`, `scales` and `offsets`, from given indexes on. */
type ReadBlock = (
  bytes: Uint8Array,
  at: number,
  groups: Groups,
  block: number,
) => void;

/** @param bytes whole blocks */
export function readBlocks(type: BlockType, bytes: Uint8Array): Groups {
  const { values, groupSize, zero, read } = FORMATS[type];
  const blockBytes = tensorBytes(type, values);
  const blocks = bytes.length / blockBytes;
  const count = (blocks * values) / groupSize;
  const groups: Groups = {
    size: groupSize,
    quants: new Uint8Array(blocks * values),
    scales: new Float32Array(count),
    offsets: new Float32Array(count),
    zero,
  };
  for (let block = 0; block < blocks; block++)
    read(bytes, block * blockBytes, groups, block);
  return groups;
}

function half(bytes: Uint8Array, at: number): number {
  return halfToFloat(bytes[at]! | (bytes[at + 1]! << 8));
}

/** Sixteen bytes of nibbles: values i in the low ones, i + 16 in the high ones. */
function nibbles(
  bytes: Uint8Array,
  at: number,
  quants: Uint8Array,
  to: number,
) {
  for (let i = 0; i < 16; i++) {
    const byte = bytes[at + i]!;
    quants[to + i] = byte & 15;
    quants[to + i + 16] = byte >> 4;
  }
}

/** Four bytes: the fifth bit of each of 32 values. */
function fifthBits(
  bytes: Uint8Array,
  at: number,
  quants: Uint8Array,
  to: number,
) {
  for (let i = 0; i < 32; i++)
    quants[to + i]! |= ((bytes[at + (i >> 3)]! >> (i & 7)) & 1) << 4;
}

const readQ40: ReadBlock = (bytes, at, { quants, scales, offsets }, block) => {
  const d = half(bytes, at);
  scales[block] = d;
  offsets[block] = -8 * d;
  nibbles(bytes, at + 2, quants, 32 * block);
};

const readQ41: ReadBlock = (bytes, at, { quants, scales, offsets }, block) => {
  scales[block] = half(bytes, at);
  offsets[block] = half(bytes, at + 2);
  nibbles(bytes, at + 4, quants, 32 * block);
};

const readQ50: ReadBlock = (bytes, at, { quants, scales, offsets }, block) => {
  const d = half(bytes, at);
  scales[block] = d;
  offsets[block] = -16 * d;
  nibbles(bytes, at + 6, quants, 32 * block);
  fifthBits(bytes, at + 2, quants, 32 * block);
};

const readQ51: ReadBlock = (bytes, at, { quants, scales, offsets }, block) => {
  scales[block] = half(bytes, at);
  offsets[block] = half(bytes, at + 2);
  nibbles(bytes, at + 8, quants, 32 * block);
  fifthBits(bytes, at + 4, quants, 32 * block);
};

const readQ80: ReadBlock = (bytes, at, { quants, scales, offsets }, block) => {
  const d = half(bytes, at);
  scales[block] = d;
  offsets[block] = -128 * d;
  // A signed byte plus 128 is the byte with its first bit turned.
  for (let i = 0; i < 32; i++)
    quants[32 * block + i] = bytes[at + 2 + i]! ^ 0x80;
};

/** Scales and offsets of the eight groups of a Q4_K or Q5_K block. */
function readSuperBlock(
  bytes: Uint8Array,
  at: number,
  { scales, offsets }: Groups,
  block: number,
) {
  const d = half(bytes, at);
  const m = half(bytes, at + 2);
  const six = (i: number) => bytes[at + 4 + i]!;
  for (let j = 0; j < 8; j++) {
    const isLow = j < 4;
    const scale = isLow
      ? six(j) & 63
      : (six(j + 4) & 15) | ((six(j - 4) >> 6) << 4);
    const min = isLow
      ? six(j + 4) & 63
      : (six(j + 4) >> 4) | ((six(j) >> 6) << 4);
    scales[8 * block + j] = d * scale;
    offsets[8 * block + j] = -m * min;
  }
}

/** 32 bytes serve two groups: the low nibbles the first one, the high nibbles the second. */
function superNibbles(
  bytes: Uint8Array,
  at: number,
  quants: Uint8Array,
  to: number,
) {
  for (let j = 0; j < 8; j++)
    for (let i = 0; i < 32; i++) {
      const byte = bytes[at + (j >> 1) * 32 + i]!;
      quants[to + 32 * j + i] = j & 1 ? byte >> 4 : byte & 15;
    }
}

const readQ4K: ReadBlock = (bytes, at, groups, block) => {
  readSuperBlock(bytes, at, groups, block);
  superNibbles(bytes, at + 16, groups.quants, 256 * block);
};

const readQ5K: ReadBlock = (bytes, at, groups, block) => {
  readSuperBlock(bytes, at, groups, block);
  const to = 256 * block;
  superNibbles(bytes, at + 48, groups.quants, to);
  for (let j = 0; j < 8; j++)
    for (let i = 0; i < 32; i++)
      groups.quants[to + 32 * j + i]! |= ((bytes[at + 16 + i]! >> j) & 1) << 4;
};

const readQ2K: ReadBlock = (bytes, at, { quants, scales, offsets }, block) => {
  const d = half(bytes, at + 80);
  const m = half(bytes, at + 82);
  for (let group = 0; group < 16; group++) {
    scales[16 * block + group] = d * (bytes[at + group]! & 15);
    offsets[16 * block + group] = -m * (bytes[at + group]! >> 4);
  }
  pairs(bytes, at + 16, quants, 256 * block);
};

const readQ3K: ReadBlock = (bytes, at, { quants, scales, offsets }, block) => {
  const d = half(bytes, at + 108);
  for (let group = 0; group < 16; group++) {
    const low = bytes[at + 96 + (group & 7)]!;
    const high = bytes[at + 104 + (group & 3)]!;
    const six =
      (group < 8 ? low & 15 : low >> 4) |
      (((high >> (2 * (group >> 2))) & 3) << 4);
    const scale = d * (six - 32);
    scales[16 * block + group] = scale;
    offsets[16 * block + group] = -4 * scale;
  }
  const to = 256 * block;
  pairs(bytes, at + 32, quants, to);
  for (let i = 0; i < 256; i++)
    quants[to + i]! |= ((bytes[at + (i & 31)]! >> (i >> 5)) & 1) << 2;
};

/** 64 bytes of pairs of bits: each 32 bytes serve four runs of 32 values. */
function pairs(bytes: Uint8Array, at: number, quants: Uint8Array, to: number) {
  for (let i = 0; i < 256; i++) {
    const byte = bytes[at + 32 * (i >> 7) + (i & 31)]!;
    quants[to + i] = (byte >> (2 * ((i >> 5) & 3))) & 3;
  }
}

const readQ6K: ReadBlock = (bytes, at, { quants, scales, offsets }, block) => {
  const d = half(bytes, at + 208);
  for (let group = 0; group < 16; group++) {
    const scale = d * ((bytes[at + 192 + group]! << 24) >> 24);
    scales[16 * block + group] = scale;
    offsets[16 * block + group] = -32 * scale;
  }
  for (let i = 0; i < 256; i++) {
    const [side, quarter, n] = [i >> 7, (i >> 5) & 3, i & 31];
    const low = bytes[at + 64 * side + 32 * (quarter & 1) + n]!;
    const high = bytes[at + 128 + 32 * side + n]!;
    quants[256 * block + i] =
      (quarter < 2 ? low & 15 : low >> 4) |
      (((high >> (2 * quarter)) & 3) << 4);
  }
};

/** The levels of IQ4's sixteen quants, plus 128: they crowd where weights do. */
export const IQ4_LEVELS: readonly number[] = [
  1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241,
];

/** Nibbles as levels, so that scale and offset make values of them as of Q8_0's bytes. */
function levels(bytes: Uint8Array, at: number, quants: Uint8Array, to: number) {
  for (let i = 0; i < 16; i++) {
    const byte = bytes[at + i]!;
    quants[to + i] = IQ4_LEVELS[byte & 15]!;
    quants[to + i + 16] = IQ4_LEVELS[byte >> 4]!;
  }
}

const readIQ4NL: ReadBlock = (
  bytes,
  at,
  { quants, scales, offsets },
  block,
) => {
  const d = half(bytes, at);
  scales[block] = d;
  offsets[block] = -128 * d;
  levels(bytes, at + 2, quants, 32 * block);
};

const readIQ4XS: ReadBlock = (
  bytes,
  at,
  { quants, scales, offsets },
  block,
) => {
  const d = half(bytes, at);
  const highs = bytes[at + 2]! | (bytes[at + 3]! << 8);
  for (let j = 0; j < 8; j++) {
    const low = (bytes[at + 4 + (j >> 1)]! >> (4 * (j & 1))) & 15;
    const scale = d * ((low | (((highs >> (2 * j)) & 3) << 4)) - 32);
    scales[8 * block + j] = scale;
    offsets[8 * block + j] = -128 * scale;
    levels(bytes, at + 8 + 16 * j, quants, 256 * block + 32 * j);
  }
};

const FORMATS: Record<BlockType, BlockTraits & { read: ReadBlock }> = {
  Q2_K: { values: 256, groupSize: 16, bits: 2, read: readQ2K },
  Q3_K: { values: 256, groupSize: 16, bits: 3, zero: 4, read: readQ3K },
  Q4_0: { values: 32, groupSize: 32, bits: 4, zero: 8, read: readQ40 },
  Q4_1: { values: 32, groupSize: 32, bits: 4, read: readQ41 },
  Q4_K: { values: 256, groupSize: 32, bits: 4, read: readQ4K },
  IQ4_NL: { values: 32, groupSize: 32, bits: 8, zero: 128, read: readIQ4NL },
  IQ4_XS: { values: 256, groupSize: 32, bits: 8, zero: 128, read: readIQ4XS },
  Q5_0: { values: 32, groupSize: 32, bits: 5, zero: 16, read: readQ50 },
  Q5_1: { values: 32, groupSize: 32, bits: 5, read: readQ51 },
  Q5_K: { values: 256, groupSize: 32, bits: 5, read: readQ5K },
  Q6_K: { values: 256, groupSize: 16, bits: 6, zero: 32, read: readQ6K },
  Q8_0: { values: 32, groupSize: 32, bits: 8, zero: 128, read: readQ80 },
};

export function blockTraits(type: BlockType): BlockTraits {
  return FORMATS[type];
}
