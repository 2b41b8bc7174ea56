/**
 * GGUF's block formats, decoded to their common form: groups of integers that share a scale and an offset.
 * Nothing is rounded here: value = scale · quant + offset is the formats' own definition.
 *
 *     Q4_0  f16 d │ 16 B: nibbles of values i and i + 16          d (q − 8)
 *     Q4_1  f16 d, m │ 16 B                                       d q + m
 *     Q5_0  f16 d │ 4 B: fifth bits │ 16 B                        d (q − 16)
 *     Q5_1  f16 d, m │ 4 B │ 16 B                                 d q + m
 *     Q8_0  f16 d │ 32 B, signed                                  d q
 *     Q4_K  f16 d, m │ 12 B: 8 × (scale, min) of 6 bits │ 128 B   d scale q − m min
 *     Q5_K  the same │ 32 B: fifth bits │ 128 B                   d scale q − m min
 *     Q6_K  128 B: low nibbles │ 64 B: high pairs │ 16 B: scales │ f16 d      d scale (q − 32)
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
  const { values, groupSize, read } = FORMATS[type];
  const blockBytes = tensorBytes(type, values);
  const blocks = bytes.length / blockBytes;
  const count = (blocks * values) / groupSize;
  const groups: Groups = {
    size: groupSize,
    quants: new Uint8Array(blocks * values),
    scales: new Float32Array(count),
    offsets: new Float32Array(count),
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

const FORMATS: Record<
  BlockType,
  { values: number; groupSize: number; read: ReadBlock }
> = {
  Q4_0: { values: 32, groupSize: 32, read: readQ40 },
  Q4_1: { values: 32, groupSize: 32, read: readQ41 },
  Q5_0: { values: 32, groupSize: 32, read: readQ50 },
  Q5_1: { values: 32, groupSize: 32, read: readQ51 },
  Q8_0: { values: 32, groupSize: 32, read: readQ80 },
  Q4_K: { values: 256, groupSize: 32, read: readQ4K },
  Q5_K: { values: 256, groupSize: 32, read: readQ5K },
  Q6_K: { values: 256, groupSize: 16, read: readQ6K },
};
