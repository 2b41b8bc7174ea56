/** The demo model's weights, and a double-precision run of them; see rondo-tiny/SOURCE.md. */
import type { FloatType } from "../../src/model/checkpoint/checkpoint";
import { decode, type Tensor, type Tensors } from "../support/tensors";

/** Where the files lie, for `fetch` or `readFile`. */
export const rondoTinyFiles = {
  config: new URL(
    "../../public/models/rondo-tiny/config.json",
    import.meta.url,
  ),
  model: new URL(
    "../../public/models/rondo-tiny/model.safetensors",
    import.meta.url,
  ),
  reference: new URL("./rondo-tiny/reference.json", import.meta.url),
};

/** reference.json: one chat through the network, values to seven decimals. */
export interface RondoTinyReference {
  rounds: { user: string; assistant: string }[];
  ids: number[];
  /** First token of each round; the tokens before the first are the system prompt. */
  roundStarts: number[];
  /** First row of the last question's tail, and the row behind it. */
  tailRows: [number, number];
  /** At every position. */
  argmax: number[];
  /** By position. */
  logits: Record<string, number[]>;
  /** By layer, then by position. */
  hiddenAfterLayer: Record<string, Record<string, number[]>>;
  /** By layer: the share of each round but the last. */
  massOfRoundsFromTailRows: Record<string, number[]>;
}

/** Each token's round: 0 the system prompt, then 1, 2, ... */
export function roundOfEachToken(reference: RondoTinyReference): number[] {
  const { ids, roundStarts } = reference;
  return ids.map((_, at) => roundStarts.filter((start) => start <= at).length);
}

/** Tensors of a safetensors file: header length, header, values. */
export function parseSafetensors(file: ArrayBuffer): Tensors {
  const headerBytes = Number(new DataView(file).getBigUint64(0, true));
  const header = JSON.parse(
    new TextDecoder().decode(new Uint8Array(file, 8, headerBytes)),
  ) as Record<
    string,
    { dtype: FloatType; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = entry.data_offsets;
    const bytes = new Uint8Array(file, 8 + headerBytes + from, to - from);
    const values = decode(entry.dtype, bytes);
    tensors.set(name, { type: entry.dtype, shape: entry.shape, values });
  }
  return tensors;
}
