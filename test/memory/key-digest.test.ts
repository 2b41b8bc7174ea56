import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { estimateMass } from "../../src/memory/digest-estimate";
import { digestPayload } from "../../src/memory/key-digest";
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
    // Heads of 4 values have a scale each.
    for (let row = 0; row < count / 4; row++)
      view.setUint16(start + count + 2 * row, f16Bits(1 / 64), true);
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

test("every half-precision number is read as it is, in a view at any offset", () => {
  const headDim = 1 << 16;
  const header: SegmentHeader = {
    ...shape,
    elements: "f16",
    layerCount: 1,
    kvHeads: 1,
    headDim,
    tokens: 1,
  };
  const payload = new Uint8Array(3 + payloadBytes(header)).subarray(3);
  const view = new DataView(payload.buffer, payload.byteOffset);
  for (let bits = 0; bits < headDim; bits++)
    view.setUint16(2 * bits, bits, true);
  const least = digestPayload(payload, header, 0).subarray(0, headDim);
  const differing = Array.from(least, (value, bits) => [
    value,
    f16Value(bits),
  ]).filter(([value, wanted]) => !Object.is(value! + 0, wanted! + 0));
  expect(differing).toEqual([]);
});

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
  const usual = 1 / Math.sqrt(headDim);
  const question = (
    query: Float32Array,
    positions: number[],
    scale = usual,
  ) => ({
    queries: query,
    positions,
    heads: 1,
    kvHeads: 1,
    headDim,
    rotation: { frequencies: Array.from(frequencies), factor: 1 },
    scale,
  });

  test.each([usual, 0.1])(
    "is exact for rounds of one token, scaled by %d",
    (scale) => {
      const query = seededNormals(headDim, 1);
      const ownKeys = [2, 3, 4].map((seed) => seededNormals(headDim, seed));
      const bases = [0, 7, 90];
      const position = 100;
      const scores = ownKeys.map((key, i) => {
        const turned = rotate(query, position - bases[i]!, frequencies);
        const dot = turned.reduce((sum, q, d) => sum + q * key[d]!, 0);
        return Math.exp(dot * scale);
      });
      const total = scores.reduce((a, b) => a + b, 0);
      const rounds = ownKeys.map((key, i) => round(key, 1, bases[i]!));
      estimateMass(rounds, question(query, [position], scale)).forEach(
        (mass, i) => expect(mass).toBeCloseTo(scores[i]! / total, 5),
      );
    },
  );

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

describe("whatever the keys and the question", () => {
  const headDim = 4;
  const [heads, kvHeads] = [4, 2];
  const frequencies = Array.from(inverseFrequencies(100, headDim));

  /** A round of random keys, rotated to their places; its base, and the keys as pages have them. */
  function randomRound(tokens: number, base: number, seed: number) {
    const header: SegmentHeader = {
      ...shape,
      elements: "f32",
      layerCount: 1,
      tokens,
    };
    const payload = new Uint8Array(payloadBytes(header)).fill(0x45);
    const values = new Float32Array(payload.buffer);
    const normals = seededNormals(tokens * kvHeads * headDim, seed);
    for (let token = 0; token < tokens; token++) {
      for (let head = 0; head < kvHeads; head++) {
        const from = (token * kvHeads + head) * headDim;
        const key = normals.subarray(from, from + headDim);
        const at = ((token >> 4) * kvHeads + head) * 16 + (token % 16);
        values.set(rotate(key, token, frequencies), at * headDim);
      }
    }
    const digest = digestPayload(payload, header, 0);
    return { tokens, base, digest, values };
  }

  /** Σ exp(q · k / √d) over all keys of a round: what the digest estimates. */
  function exactWeight(
    { tokens, base, values }: ReturnType<typeof randomRound>,
    query: Float32Array,
    position: number,
    kvHead: number,
  ): number {
    const turned = rotate(query, position - base, frequencies);
    let sum = 0;
    for (let token = 0; token < tokens; token++) {
      const key = keyOf(values, token, kvHead);
      const dot = key.reduce((total, k, d) => total + k * turned[d]!, 0);
      sum += Math.exp(dot / Math.sqrt(headDim));
    }
    return sum;
  }

  const cases = fc
    .record({
      tokens: fc.array(fc.integer({ min: 1, max: 50 }), {
        minLength: 1,
        maxLength: 6,
      }),
      rows: fc.integer({ min: 1, max: 3 }),
      seed: fc.integer({ min: 0, max: 1e6 }),
    })
    .map(({ tokens, rows, seed }) => {
      let end = 0;
      const rounds = tokens.map((n, i) =>
        randomRound(n, (end += n) - n, seed + i),
      );
      const question = {
        queries: seededNormals(rows * heads * headDim, seed + 100),
        positions: Array.from({ length: rows }, (_, row) => end + row),
        heads,
        kvHeads,
        headDim,
        rotation: { frequencies, factor: 1 },
        scale: 1 / Math.sqrt(headDim),
      };
      return { rounds, question };
    });

  test("every key is within its page's box, and so is the mean", () => {
    fc.assert(
      fc.property(cases, ({ rounds }) => {
        const outside: number[][] = [];
        for (const { tokens, digest, values } of rounds) {
          for (let token = 0; token < tokens; token++) {
            for (let head = 0; head < kvHeads; head++) {
              const box = ((token >> 4) * kvHeads + head) * 3 * headDim;
              keyOf(values, token, head).forEach((key, d) => {
                const at = box + d;
                const least = digest[at]!;
                const greatest = digest[at + headDim]!;
                const mean = digest[at + 2 * headDim]!;
                const slack = 1e-6;
                if (key < least || key > greatest) outside.push([token, d]);
                if (mean < least - slack || mean > greatest + slack)
                  outside.push([token, d]);
              });
            }
          }
        }
        expect(outside).toEqual([]);
      }),
    );
  });

  test("masses are shares: none below 0, together 1", () => {
    fc.assert(
      fc.property(cases, ({ rounds, question }) => {
        const mass = estimateMass(rounds, question);
        expect(mass).toHaveLength(rounds.length);
        expect(Math.min(...mass)).toBeGreaterThanOrEqual(0);
        expect(mass.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 10);
      }),
    );
  });

  test("where a chat stands changes nothing", () => {
    fc.assert(
      fc.property(cases, fc.nat(5000), ({ rounds, question }, by) => {
        const moved = estimateMass(
          rounds.map((round) => ({ ...round, base: round.base + by })),
          {
            ...question,
            positions: question.positions.map((position) => position + by),
          },
        );
        estimateMass(rounds, question).forEach((mass, i) =>
          expect(moved[i]).toBeCloseTo(mass, 8),
        );
      }),
    );
  });

  test("a page counts with its tokens, a score between its box's and its mean's", () => {
    const shares = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(cases, shares, ({ rounds, question }, boundShare) => {
        const { queries, positions } = question;
        const wanted = rounds.map(() => 0);
        for (const [row, position] of positions.entries()) {
          for (let head = 0; head < heads; head++) {
            const at = (row * heads + head) * headDim;
            const query = queries.subarray(at, at + headDim);
            const kvHead = Math.floor((head * kvHeads) / heads);
            const weights = rounds.map(({ tokens, base, digest }) => {
              const turned = rotate(query, position - base, frequencies);
              let weight = 0;
              for (let page = 0; 16 * page < tokens; page++) {
                const box = (page * kvHeads + kvHead) * 3 * headDim;
                let score = 0;
                turned.forEach((q, d) => {
                  const [least, greatest, mean] = [0, 1, 2].map(
                    (part) => q * digest[box + part * headDim + d]!,
                  );
                  score += boundShare * Math.max(least!, greatest!);
                  score += (1 - boundShare) * mean!;
                });
                const valid = Math.min(16, tokens - 16 * page);
                weight += valid * Math.exp(score / Math.sqrt(headDim));
              }
              return weight;
            });
            const total = weights.reduce((a, b) => a + b, 0);
            weights.forEach(
              (weight, i) =>
                (wanted[i]! += weight / total / positions.length / heads),
            );
          }
        }
        const mass = estimateMass(rounds, { ...question, boundShare });
        mass.forEach((share, i) => expect(share).toBeCloseTo(wanted[i]!, 9));
      }),
    );
  });

  test("a round's true mass lies between what its means and what its boxes promise", () => {
    fc.assert(
      fc.property(cases, ({ rounds: [round], question }) => {
        // The digest of a round of one token is exact: beside it, only the other's share is estimated.
        const one = randomRound(1, 0, 7);
        const { queries, positions } = question;
        let exact = 0;
        for (const [row, position] of positions.entries()) {
          for (let head = 0; head < heads; head++) {
            const at = (row * heads + head) * headDim;
            const query = queries.subarray(at, at + headDim);
            const kvHead = Math.floor((head * kvHeads) / heads);
            const weight = exactWeight(round!, query, position, kvHead);
            const beside = exactWeight(one, query, position, kvHead);
            exact += weight / (weight + beside) / positions.length / heads;
          }
        }
        const [low, usual, high] = [0, undefined, 1].map(
          (boundShare) =>
            estimateMass([round!, one], {
              ...question,
              ...(boundShare !== undefined && { boundShare }),
            })[0]!,
        );
        expect(low).toBeLessThanOrEqual(exact + 1e-6);
        expect(high).toBeGreaterThanOrEqual(exact - 1e-6);
        expect(usual).toBeGreaterThanOrEqual(low! - 1e-12);
        expect(usual).toBeLessThanOrEqual(high! + 1e-12);
      }),
    );
  });
});
