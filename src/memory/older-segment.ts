/** Segments of version 0.1: int8 with one f32 scale for a token and head. */
import { scaleGroup } from "../kernels/formats";
import { floatToHalf } from "../util/float16";
import { PAGE_TOKENS, pagesFor } from "./page-pool";

interface Shape {
  layerCount: number;
  kvHeads: number;
  headDim: number;
  tokens: number;
}

const rowsOf = ({ kvHeads, tokens }: Shape) =>
  pagesFor(tokens) * kvHeads * PAGE_TOKENS;

/** Bytes of the payload behind a header of this shape. */
export function olderPayloadBytes(shape: Shape): number {
  return 2 * shape.layerCount * rowsOf(shape) * (shape.headDim + 4);
}

/** The payload as it is stored today: the same codes; each group has the scale of its row. */
export function asToday(
  older: Uint8Array,
  shape: Shape,
): Uint8Array<ArrayBuffer> {
  const { layerCount, headDim } = shape;
  const rows = rowsOf(shape);
  const groups = headDim / scaleGroup(headDim);
  const codeBytes = rows * headDim;
  const [olderBytes, bytes] = [4 * rows, 2 * rows * groups].map(
    (scaleBytes) => codeBytes + scaleBytes,
  ) as [number, number];
  const from = new DataView(older.buffer, older.byteOffset, older.length);
  const payload = new Uint8Array(2 * layerCount * bytes);
  const to = new DataView(payload.buffer);
  for (let matrix = 0; matrix < 2 * layerCount; matrix++) {
    const codes = older.subarray(matrix * olderBytes).subarray(0, codeBytes);
    payload.set(codes, matrix * bytes);
    const source = matrix * olderBytes + codeBytes;
    const target = matrix * bytes + codeBytes;
    for (let row = 0; row < rows; row++) {
      const scale = floatToHalf(from.getFloat32(source + 4 * row, true));
      for (let group = 0; group < groups; group++)
        to.setUint16(target + 2 * (row * groups + group), scale, true);
    }
  }
  return payload;
}
