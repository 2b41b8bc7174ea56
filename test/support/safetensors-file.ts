/** Writes safetensors files for tests. */

export interface TestTensor {
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

/** A file with these tensors in this order. `patch` may spoil the header before it is written. */
export function safetensorsFile(
  tensors: Record<string, TestTensor>,
  patch: (header: Record<string, unknown>) => void = () => undefined,
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let at = 0;
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] };
    at += bytes.length;
  }
  patch(header);
  const json = new TextEncoder().encode(JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + at);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  at = 8 + json.length;
  for (const { bytes } of Object.values(tensors)) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

/** A tensor whose bytes count up from `seed`. */
export function testTensor(
  dtype: "F32" | "F16" | "BF16",
  shape: number[],
  seed = 0,
): TestTensor {
  const size = shape.reduce(
    (product, n) => product * n,
    dtype === "F32" ? 4 : 2,
  );
  const bytes = Uint8Array.from(
    { length: size },
    (_, i) => (seed + i * 7) & 255,
  );
  return { dtype, shape, bytes };
}
