import { describe, expect, test } from "vitest";
import { digestPayload, estimateMass } from "../../src/memory/key-digest";
import {
  payloadBytes,
  type SegmentElements,
  type SegmentHeader,
} from "../../src/memory/segment";
import { inverseFrequencies, rotate } from "../reference/rope";
import { seededNormals } from "../support/random";
import { f16Bits, f16Value } from "../support/tensors";

const shape = {
  fingerprint: "",
  half: "lower",
  layerCount: 2,
  kvHeads: 2,
  headDim: 4,
  tokens: 21,
} as const;

/** Two pages, of which the second has five tokens; what lies behind them must not count. */
const [pages, perPage] = [2, 2 * 16 * 4];

/** A payload whose layer 1 has these keys, and all else is large. */
function payloadOf(elements: SegmentElements, keys: Float32Array) {
  const header: SegmentHeader = { ...shape, elements };
  const payload = new Uint8Array(payloadBytes(header)).fill(0x45);
  const view = new DataView(payload.buffer);
  const start = (2 * payload.length) / 4;
  const count = pages * perPage;
  if (elements === "int8") {
    for (let row = 0; row < count / 4; row++)
      view.setFloat32(start + count + 4 * row, 1 / 64, true);
  }
  keys.forEach((key, i) => {
    if (elements === "f32") view.setFloat32(start + 4 * i, key, true);
    if (elements === "f16") view.setUint16(start + 2 * i, f16Bits(key), true);
    if (elements === "int8") view.setInt8(start + i, Math.round(64 * key));
  });
  return { payload, header };
}

const keys = seededNormals(pages * perPage, 5).map((x) =>
  Math.max(-1.9, Math.min(1.9, x)),
);

/** The key of a token, for a head. */
function keyOf(values: ArrayLike<number>, token: number, head: number) {
  const at = ((Math.floor(token / 16) * 2 + head) * 16 + (token % 16)) * 4;
  return Array.from({ length: 4 }, (_, d) => values[at + d]!);
}

describe.each(["f32", "f16", "int8"] as const)(
  "a digest of %s keys",
  (elements) => {
    const { payload, header } = payloadOf(elements, keys);
    const digest = digestPayload(payload, header, 1);
    const stored = Array.from(keys, (key) => {
      if (elements === "f16") return f16Value(f16Bits(key));
      return elements === "int8" ? Math.round(64 * key) / 64 : key;
    });

    test.each([
      { page: 0, head: 1, tokens: [0, 16] },
      { page: 1, head: 0, tokens: [16, 21] },
    ])(
      "has the least, the greatest and the mean of page $page",
      ({ page, head, tokens: [from, to] }) => {
        for (let d = 0; d < 4; d++) {
          const column = Array.from(
            { length: to! - from! },
            (_, i) => keyOf(stored, from! + i, head)[d]!,
          );
          const at = (page * 2 + head) * 12 + d;
          expect(digest[at]).toBeCloseTo(Math.min(...column), 6);
          expect(digest[at + 4]).toBeCloseTo(Math.max(...column), 6);
          const mean = column.reduce((a, b) => a + b, 0) / column.length;
          expect(digest[at + 8]).toBeCloseTo(mean, 6);
        }
      },
    );
  },
);

describe("the estimate of a question's attention", () => {
  const headDim = 8;
  const frequencies = inverseFrequencies(10_000, headDim);
  /** A round whose tokens all have this key, rotated to their places as pages have them. */
  const round = (key: ArrayLike<number>, tokens: number, base: number) => {
    const pageCount = Math.ceil(tokens / 16);
    const values = new Float32Array(pageCount * 16 * headDim);
    for (let token = 0; token < tokens; token++)
      values.set(rotate(key, token, frequencies), token * headDim);
    const header: SegmentHeader = {
      ...shape,
      elements: "f32",
      layerCount: 1,
      kvHeads: 1,
      headDim,
      tokens,
    };
    const payload = new Uint8Array(payloadBytes(header));
    payload.set(new Uint8Array(values.buffer));
    return { tokens, base, digest: digestPayload(payload, header, 0) };
  };
  const question = (query: Float32Array, positions: number[]) => ({
    queries: query,
    positions,
    heads: 1,
    kvHeads: 1,
    headDim,
    frequencies: Array.from(frequencies),
  });

  test("is exact for rounds of one token", () => {
    const query = seededNormals(headDim, 1);
    const ownKeys = [2, 3, 4].map((seed) => seededNormals(headDim, seed));
    const bases = [0, 7, 90];
    const position = 100;
    const scores = ownKeys.map((key, i) => {
      const turned = rotate(query, position - bases[i]!, frequencies);
      const dot = turned.reduce((sum, q, d) => sum + q * key[d]!, 0);
      return Math.exp(dot / Math.sqrt(headDim));
    });
    const total = scores.reduce((a, b) => a + b, 0);
    const rounds = ownKeys.map((key, i) => round(key, 1, bases[i]!));
    estimateMass(rounds, question(query, [position])).forEach((mass, i) =>
      expect(mass).toBeCloseTo(scores[i]! / total, 5),
    );
  });

  test("sums to 1, and finds the round that the query is made for", () => {
    const others = Array.from({ length: 20 }, (_, i) =>
      round(seededNormals(headDim, 10 + i), 2 + (i % 3), 60 * i),
    );
    const key = seededNormals(headDim, 99).map((x) => 2 * x);
    const wanted = round(key, 2, 700);
    const position = 1300;
    // Turned back, so that it meets the key when it is turned by the distance.
    const query = rotate(key, 700 - position, frequencies).map((x) => 8 * x);
    const rounds = [...others.slice(0, 7), wanted, ...others.slice(7)];
    const mass = estimateMass(
      rounds,
      question(Float32Array.from(query), [position]),
    );
    expect(mass.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
    expect(mass.indexOf(Math.max(...mass))).toBe(7);
  });
});
