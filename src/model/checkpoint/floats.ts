/** Decodes floats from a checkpoint's bytes, which are little-endian, as is every machine with WebGPU. */
import { halfToFloat } from "../../util/float16";
import type { FloatType } from "./checkpoint";

/** @param bytes at a multiple of their element size */
export function toFloats(bytes: Uint8Array, type: FloatType): Float32Array {
  const { buffer, byteOffset, byteLength } = bytes;
  if (type === "F32")
    return new Float32Array(buffer, byteOffset, byteLength / 4);
  const halves = sixteenBits(bytes);
  const words = new Uint32Array(halves.length);
  const floats = new Float32Array(words.buffer);
  if (type === "F16")
    for (let i = 0; i < halves.length; i++) floats[i] = halfToFloat(halves[i]!);
  else for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
  return floats;
}

/** The same as numbers of sixteen bits. */
export function sixteenBits({
  buffer,
  byteOffset,
  byteLength,
}: Uint8Array): Uint16Array {
  return new Uint16Array(buffer, byteOffset, byteLength / 2);
}
