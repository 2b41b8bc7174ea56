/** GGUF's block formats, value by value, in double precision: what ggml-quants.c says of each. */

/** The value at place i of a block that begins at byte `at`. */
type ValueOf = (block: DataView, i: number) => number;

const f16 = (block: DataView, at: number): number => {
  const bits = block.getUint16(at, true);
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = Math.floor(bits / 1024) % 32;
  const mantissa = bits % 1024;
  return exponent === 0
    ? sign * mantissa * 2 ** -24
    : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
};

/** Bits `from`..`from + count - 1` of the little-endian number at a byte. */
const bitsAt = (block: DataView, at: number, from: number, count: number) =>
  Math.floor(block.getUint8(at + Math.floor(from / 8)) / 2 ** (from % 8)) %
  2 ** count;

/** Of 32 values, the first 16 in low nibbles. */
const nibble = (block: DataView, at: number, i: number) =>
  bitsAt(block, at + (i % 16), i < 16 ? 0 : 4, 4);

const fifth = (block: DataView, at: number, i: number) =>
  16 * bitsAt(block, at, i, 1);

/** get_scale_min_k4 of ggml-quants.c */
function scaleAndMin(block: DataView, j: number): [number, number] {
  const q = (i: number) => block.getUint8(4 + i);
  if (j < 4) return [q(j) % 64, q(j + 4) % 64];
  return [
    (q(j + 4) % 16) + 16 * Math.floor(q(j - 4) / 64),
    Math.floor(q(j + 4) / 16) + 16 * Math.floor(q(j) / 64),
  ];
}

function superValue(block: DataView, i: number, quant: number): number {
  const [scale, min] = scaleAndMin(block, Math.floor(i / 32));
  return f16(block, 0) * scale * quant - f16(block, 2) * min;
}

/** Of 64 values, which share 32 bytes: the first 32 in low nibbles. */
const superNibble = (block: DataView, at: number, i: number) =>
  bitsAt(
    block,
    at + 32 * Math.floor(i / 64) + (i % 32),
    i % 64 < 32 ? 0 : 4,
    4,
  );

/** Of 128 values, which share 32 bytes: pairs of bits, the first 32 values in the lowest. */
const pair = (block: DataView, at: number, i: number) =>
  bitsAt(
    block,
    at + 32 * Math.floor(i / 128) + (i % 32),
    2 * (Math.floor(i / 32) % 4),
    2,
  );

/** The 6 bits of Q3_K's scale of 16 values: low nibbles in 8 bytes, then high pairs in 4. */
function scaleOfQ3K(block: DataView, group: number): number {
  const low = bitsAt(block, 96 + (group % 8), group < 8 ? 0 : 4, 4);
  const high = bitsAt(block, 104 + (group % 4), 2 * Math.floor(group / 4), 2);
  return low + 16 * high - 32;
}

/** kvalues_iq4nl of ggml-common.h */
const IQ4_VALUES = [
  -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
];

const FORMATS: Record<
  string,
  { values: number; bytes: number; valueOf: ValueOf }
> = {
  Q2_K: {
    values: 256,
    bytes: 84,
    valueOf: (b, i) => {
      const scale = bitsAt(b, Math.floor(i / 16), 0, 4);
      const min = bitsAt(b, Math.floor(i / 16), 4, 4);
      return f16(b, 80) * scale * pair(b, 16, i) - f16(b, 82) * min;
    },
  },
  Q3_K: {
    values: 256,
    bytes: 110,
    // dequantize_row_q3_K: 4 is taken away where the third bit is not set.
    valueOf: (b, i) => {
      const third = bitsAt(b, i % 32, Math.floor(i / 32), 1);
      const quant = pair(b, 32, i) - (third === 1 ? 0 : 4);
      return f16(b, 108) * scaleOfQ3K(b, Math.floor(i / 16)) * quant;
    },
  },
  IQ4_NL: {
    values: 32,
    bytes: 18,
    valueOf: (b, i) => f16(b, 0) * IQ4_VALUES[nibble(b, 2, i)]!,
  },
  IQ4_XS: {
    values: 256,
    bytes: 136,
    valueOf: (b, i) => {
      const group = Math.floor(i / 32);
      const low = bitsAt(b, 4 + Math.floor(group / 2), 4 * (group % 2), 4);
      const high = bitsAt(b, 2 + Math.floor(group / 4), 2 * (group % 4), 2);
      const level = IQ4_VALUES[nibble(b, 8 + 16 * group, i % 32)]!;
      return f16(b, 0) * (low + 16 * high - 32) * level;
    },
  },
  Q4_0: {
    values: 32,
    bytes: 18,
    valueOf: (b, i) => f16(b, 0) * (nibble(b, 2, i) - 8),
  },
  Q4_1: {
    values: 32,
    bytes: 20,
    valueOf: (b, i) => f16(b, 0) * nibble(b, 4, i) + f16(b, 2),
  },
  Q5_0: {
    values: 32,
    bytes: 22,
    valueOf: (b, i) => f16(b, 0) * (nibble(b, 6, i) + fifth(b, 2, i) - 16),
  },
  Q5_1: {
    values: 32,
    bytes: 24,
    valueOf: (b, i) =>
      f16(b, 0) * (nibble(b, 8, i) + fifth(b, 4, i)) + f16(b, 2),
  },
  Q8_0: {
    values: 32,
    bytes: 34,
    valueOf: (b, i) => f16(b, 0) * b.getInt8(2 + i),
  },
  Q4_K: {
    values: 256,
    bytes: 144,
    valueOf: (b, i) => superValue(b, i, superNibble(b, 16, i)),
  },
  Q5_K: {
    values: 256,
    bytes: 176,
    valueOf: (b, i) => {
      const high = bitsAt(b, 16 + (i % 32), Math.floor(i / 32), 1);
      return superValue(b, i, superNibble(b, 48, i) + 16 * high);
    },
  },
  Q6_K: {
    values: 256,
    bytes: 210,
    // dequantize_row_q6_K: each half has four quarters of 32; quarters 0 and 2, 1 and 3 share bytes.
    valueOf: (b, i) => {
      const [half, inHalf] = [Math.floor(i / 128), i % 128];
      const [quarter, l] = [Math.floor(inHalf / 32), inHalf % 32];
      const low = bitsAt(
        b,
        64 * half + 32 * (quarter % 2) + l,
        quarter < 2 ? 0 : 4,
        4,
      );
      const high = bitsAt(b, 128 + 32 * half + l, 2 * quarter, 2);
      const scale = b.getInt8(
        192 + 8 * half + 2 * quarter + Math.floor(l / 16),
      );
      return f16(b, 208) * scale * (low + 16 * high - 32);
    },
  },
};

/** The values of whole blocks. */
export function dequantised(type: string, bytes: Uint8Array): Float64Array {
  const format = FORMATS[type]!;
  const blocks = bytes.length / format.bytes;
  const values = new Float64Array(blocks * format.values);
  for (let n = 0; n < blocks; n++) {
    const at = bytes.byteOffset + n * format.bytes;
    const block = new DataView(bytes.buffer, at, format.bytes);
    for (let i = 0; i < format.values; i++)
      values[n * format.values + i] = format.valueOf(block, i) + 0; // no negative zeros
  }
  return values;
}
