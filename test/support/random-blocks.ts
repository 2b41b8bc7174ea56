/** Random blocks of GGUF's quantised formats: any bytes are valid but for the halves among them. */
import {
  type BlockType,
  tensorBytes,
} from "../../src/model/checkpoint/checkpoint";
import { seededInts, seededNormals } from "./random";
import { f16Bits } from "./tensors";

/** Where a block's halves are; any other bytes are valid. */
const HALVES: Record<BlockType, number[]> = {
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q8_0: [0],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
  Q2_K: [80, 82],
  Q3_K: [108],
  IQ4_NL: [0],
  IQ4_XS: [0],
};

/** Whole blocks, with scales of all sizes and both signs around `spread`. */
export function randomBlocks(
  type: BlockType,
  values: number,
  seed = 1,
  spread = 0.02,
): Uint8Array {
  const size = tensorBytes(type, /K|XS/.test(type) ? 256 : 32);
  const bytes = Uint8Array.from(
    seededInts(tensorBytes(type, values), 256, seed),
  );
  const halves = seededNormals(2 * bytes.length, seed + 1, spread);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += size)
    for (const place of HALVES[type])
      view.setUint16(at + place, f16Bits(halves[at + place]!), true);
  return bytes;
}
