/** Matrices in the formats that they have on the GPU, made here, and the values that they stand for. */
import { encode, f16Bits, f16Value, rounded } from "./tensors";
import { paddedRows } from "./gpu";
import { seededInts, seededNormals } from "./random";
import type { FloatType } from "../../src/model/checkpoint/checkpoint";
import type { MatrixFormat } from "../../src/model/weights/matrix-format";
import type { QuantFormat } from "../../src/model/weights/quant-formats";

export interface TestMatrix {
  weights: Uint8Array;
  /** Scales, and high bits of quants; without meaning for floats. */
  scales: Uint32Array;
  /** [rows, columns] */
  values: Float64Array;
}

/** A random matrix whose values are of deviation 1 or so. */
export function testMatrix(
  format: MatrixFormat,
  rows: number,
  columns: number,
  seed: number,
): TestMatrix {
  return format === "F32" || format === "F16" || format === "BF16"
    ? floats(format, rows, columns, seed)
    : quantised(LAYOUTS[format], rows, columns, seed);
}

/** ggml's kvalues_iq4nl. */
const LEVELS = [
  -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
];

interface Layout {
  /** Bits of a quant among the weights. */
  low: number;
  /** Bits of a quant behind the scales. */
  high: number;
  /** Columns that share a scale. */
  scaled: number;
  /** Words of scales of 32 columns: pairs of scale and offset, or of two scales. */
  words: number;
  /** What a quant means, before scale and offset. */
  meaning: (quant: number) => number;
}

const plain = (quant: number) => quant;
const LAYOUTS: Record<QuantFormat, Layout> = {
  Q2: { low: 2, high: 0, scaled: 16, words: 2, meaning: plain },
  Q3: { low: 2, high: 1, scaled: 16, words: 1, meaning: (q) => q - 4 },
  Q4: { low: 4, high: 0, scaled: 32, words: 1, meaning: plain },
  IQ4: { low: 4, high: 0, scaled: 32, words: 1, meaning: (q) => LEVELS[q]! },
  Q5: { low: 4, high: 1, scaled: 32, words: 1, meaning: plain },
  Q6: { low: 4, high: 2, scaled: 16, words: 1, meaning: (q) => q - 32 },
  Q8: { low: 8, high: 0, scaled: 32, words: 1, meaning: plain },
};

function floats(
  type: FloatType,
  rows: number,
  columns: number,
  seed: number,
): TestMatrix {
  const values = rounded(type, seededNormals(rows * columns, seed));
  return {
    weights: encode(type, paddedRows(values, columns)),
    scales: new Uint32Array(4),
    values: Float64Array.from(values),
  };
}

function quantised(
  layout: Layout,
  rows: number,
  columns: number,
  seed: number,
): TestMatrix {
  const { low, high, scaled, words, meaning } = layout;
  const count = rows * columns;
  const quants = seededInts(count, 2 ** (low + high), seed);
  const spreads = seededNormals(count / scaled, seed + 1);
  const centres = seededNormals(count / scaled, seed + 2);
  const hasOffset = hasOffsets(layout);
  const weights = new Uint8Array((count * low) / 8);
  const stride = words + high;
  const scales = new Uint32Array((count / 32) * stride);
  const values = new Float64Array(count);
  const furthest = Math.max(
    ...Array.from({ length: 2 ** (low + high) }, (_, q) => meaning(q)),
  );
  for (let group = 0; group < count / scaled; group++) {
    const scale = f16Bits(spreads[group]! / furthest);
    const offset = hasOffset ? f16Bits(centres[group]!) : 0;
    const word = stride * Math.floor((group * scaled) / 32);
    const isSecond = (group * scaled) % 32 > 0;
    if (hasOffset) scales[word + Number(isSecond)] = scale + offset * 65536;
    else scales[word]! += scale * (isSecond ? 65536 : 1);
    for (let i = scaled * group; i < scaled * (group + 1); i++)
      values[i] = f16Value(scale) * meaning(quants[i]!) + f16Value(offset);
  }
  quants.forEach((quant, i) => {
    weights[Math.floor((i * low) / 8)]! +=
      (quant % 2 ** low) * 2 ** ((i * low) % 8);
    const bit = (i % 32) * high;
    scales[stride * Math.floor(i / 32) + words + Math.floor(bit / 32)]! +=
      high === 0 ? 0 : Math.floor(quant / 2 ** low) * 2 ** (bit % 32);
  });
  return { weights, scales, values };
}

/** What a quantised matrix on the GPU stands for, in double precision. */
export function unpacked(
  { weights, scales }: { weights: Uint8Array; scales: Uint8Array | undefined },
  format: QuantFormat,
): Float64Array {
  const { low, high, scaled, words, meaning } = LAYOUTS[format];
  const view = new DataView(scales!.buffer, scales!.byteOffset);
  const isPair = hasOffsets(LAYOUTS[format]);
  const half = (word: number, isHigh: boolean) =>
    f16Value(view.getUint16(4 * word + (isHigh ? 2 : 0), true));
  return Float64Array.from({ length: (8 * weights.length) / low }, (_, i) => {
    const first = (words + high) * Math.floor(i / 32);
    const isSecond = scaled === 16 && i % 32 >= 16;
    const bit = (i % 32) * high;
    const highWord = 4 * (first + words + Math.floor(bit / 32));
    const above =
      high === 0
        ? 0
        : Math.floor(view.getUint32(highWord, true) / 2 ** (bit % 32)) %
          2 ** high;
    const byte = weights[Math.floor((i * low) / 8)]!;
    const below = Math.floor(byte / 2 ** ((i * low) % 8)) % 2 ** low;
    const scaleWord = isPair && isSecond ? first + 1 : first;
    const scale = half(scaleWord, !isPair && isSecond);
    const offset = isPair ? half(scaleWord, true) : 0;
    return scale * meaning(below + 2 ** low * above) + offset + 0; // no negative zeros
  });
}

/** Whether a word of scales is a scale and an offset. */
function hasOffsets({ meaning }: Layout): boolean {
  return meaning === plain;
}
