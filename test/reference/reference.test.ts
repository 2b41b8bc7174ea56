import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import {
  parseSafetensors,
  rondoTinyFiles,
  roundOfEachToken,
  type RondoTinyReference,
} from "../golden/rondo-tiny";
import {
  interleaved,
  parseStories260K,
  stories260KDecoder,
  stories260KFiles,
  type Stories260KReference,
} from "../golden/stories260K";
import {
  presetNames,
  randomModel,
  type PresetName,
} from "../fixtures/random-model";
import { attention, PAGE_TOKENS, type PageEntry } from "./attention";
import { embed } from "./embed";
import { linear } from "./linear";
import { llama, type LlamaConfig, type LlamaModel } from "./llama";
import { rmsNorm } from "./rms-norm";
import { ropeAppend } from "./rope-append";
import { inverseFrequencies, rotate } from "./rope";
import { roundMass } from "./round-mass";
import { sample } from "./sample";
import { seededInts, seededNormals } from "../support/random";
import "../support/matchers";

async function bytes(url: URL): Promise<ArrayBuffer> {
  return Uint8Array.from(await readFile(url)).buffer;
}

async function json<T>(url: URL): Promise<T> {
  return JSON.parse(await readFile(url, "utf8")) as T;
}

function argmax(values: ArrayLike<number>): number {
  return Array.from(values).indexOf(Math.max(...Array.from(values)));
}

function row(values: Float64Array, at: number, width: number): Float64Array {
  return values.subarray(at * width, (at + 1) * width);
}

/** Each value as near as the digits stored of it tell. */
function expectStored(
  got: ArrayLike<number>,
  stored: readonly number[],
  limit: (value: number) => number,
): void {
  expect(got.length).toBe(stored.length);
  const off = stored.flatMap((value, i) =>
    Math.abs(got[i]! - value) <= limit(value)
      ? []
      : [`value ${i}: got ${got[i]}, stored ${value}`],
  );
  expect(off).toEqual([]);
}

/** Half a unit of the ninth significant digit, and a little for rounding. */
const nineDigits = (value: number) => 5e-9 * Math.abs(value) + 1e-12;
/** Half a unit of the seventh decimal, and a little for rounding. */
const sevenDecimals = () => 0.5e-7 + 1e-11;
/** Rounding of double precision, through a few layers. */
const ROUNDING = 1e-11;

describe("stories260K", () => {
  const detailed = [0, 1, 31, 199];
  let reference: Stories260KReference;
  let config: LlamaConfig;
  let run: ReturnType<typeof llama>;

  beforeAll(async () => {
    reference = await json(stories260KFiles.reference);
    const model = parseStories260K(await bytes(stories260KFiles.model));
    config = model.config;
    const { tokens } = reference;
    run = llama(model, { tokens, attentionRows: detailed });
  }, 60_000);

  test("greedy decoding gives the published text byte for byte", async () => {
    const answers = run.logits.map(argmax);
    expect(answers.slice(0, -1)).toEqual(reference.tokens.slice(1));

    const decode = stories260KDecoder(await bytes(stories260KFiles.tokenizer));
    const text = decode([reference.tokens[0]!, ...answers]);
    expect(text).toBe(await readFile(stories260KFiles.text, "utf8"));
  });

  test("the five largest logits are the recorded ones at every position", () => {
    reference.per_position_top5.forEach(({ ids, logits, logsumexp }, at) => {
      const got = run.logits[at]!;
      const falling = [...got.keys()].sort((a, b) => got[b]! - got[a]!);
      expect(falling.slice(0, 5)).toEqual(ids);
      expectStored(
        ids.map((id) => got[id]!),
        logits,
        nineDigits,
      );
      const sum = got.reduce((total, logit) => total + Math.exp(logit), 0);
      expectStored([Math.log(sum)], [logsumexp], nineDigits);
    });
  });

  test.each(detailed)(
    "every stage is the recorded one at position %i",
    (at) => {
      const detail = reference.detail[at]!;
      const d = config.head_dim!;
      const width = config.hidden_size;
      const kvWidth = config.num_key_value_heads * d;
      expectStored(run.logits[at]!, detail.logits, nineDigits);
      detail.layers.forEach((expected, layer) => {
        const got = run.layers[layer]!;
        const q = interleaved(row(got.q, at, width), d);
        const k = interleaved(row(got.k, at, kvWidth), d);
        expectStored(q, expected.q_rot, nineDigits);
        expectStored(k, expected.k_rot, nineDigits);
        expectStored(row(got.v, at, kvWidth), expected.v, nineDigits);
        const between = row(got.afterAttention, at, width);
        expectStored(between, expected.after_attn, nineDigits);
        const after = row(got.residual, at, width);
        expectStored(after, expected.after_ffn, nineDigits);

        const probabilities = got.attention.get(at)!;
        expected.attn_probs.forEach((keys, head) => {
          const from = head * reference.tokens.length;
          const seen = probabilities.subarray(from, from + at + 1);
          expectStored(seen, keys, nineDigits);
        });
      });
    },
  );
});

describe("rondo-tiny", () => {
  let reference: RondoTinyReference;
  let model: LlamaModel;
  let rounds: number[];
  let run: ReturnType<typeof llama>;

  beforeAll(async () => {
    reference = await json(rondoTinyFiles.reference);
    model = {
      config: await json(rondoTinyFiles.config),
      tensors: parseSafetensors(await bytes(rondoTinyFiles.model)),
    };
    rounds = roundOfEachToken(reference);
    run = llama(model, { tokens: reference.ids, rounds, wantsMass: true });
  }, 60_000);

  test("the argmax is the recorded one at every position", () => {
    expect(run.logits.map(argmax)).toEqual(reference.argmax);
  });

  test("logits and residuals agree to the last stored decimal", () => {
    for (const [at, expected] of Object.entries(reference.logits)) {
      expectStored(run.logits[Number(at)]!, expected, sevenDecimals);
    }
    for (const [layer, positions] of Object.entries(
      reference.hiddenAfterLayer,
    )) {
      for (const [at, expected] of Object.entries(positions)) {
        const { residual } = run.layers[Number(layer)]!;
        const width = model.config.hidden_size;
        expectStored(row(residual, Number(at), width), expected, sevenDecimals);
      }
    }
  });

  test("the tail's attention falls on the rounds as recorded", () => {
    const [from, to] = reference.tailRows;
    const tail = Array.from({ length: to - from }, (_, i) => from + i);
    const recorded = Object.entries(reference.massOfRoundsFromTailRows);
    for (const [layer, expected] of recorded) {
      const mass = roundMass({
        mass: run.layers[Number(layer)]!.mass,
        heads: model.config.num_attention_heads,
        rounds: run.rounds,
        rows: tail,
        ownRound: run.rounds - 1,
      });
      expect([mass[0], mass[run.rounds - 1]]).toEqual([0, 0]);
      expectStored(mass.slice(1, -1), expected, sevenDecimals);
    }
  });

  test("mass over system, rounds and own sums to 1 for each row and head", () => {
    for (const { mass } of run.layers) {
      for (let at = 0; at < mass.length; at += run.rounds) {
        const sum = row(mass, at / run.rounds, run.rounds).reduce(
          (total, share) => total + share,
          0,
        );
        expect(Math.abs(sum - 1)).toBeLessThan(1e-12);
      }
    }
  });

  test("selecting every round gives full attention", () => {
    const open = llama(model, {
      tokens: reference.ids,
      rounds,
      selects: () => true,
      logitRows: [276],
    });
    expect(open.logits[0]!).toEqual(run.logits[276]!);
  }, 60_000);

  test("a shift of all positions changes nothing beyond rounding", () => {
    const shifted = llama(model, {
      tokens: reference.ids,
      positions: reference.ids.map((_, i) => i + 1000),
      logitRows: [276],
    });
    expect(shifted.logits[0]!).toBeCloseToArray(run.logits[276]!, ROUNDING);
  }, 60_000);
});

describe("the network", () => {
  const rounds = [4, 6, 9, 5, 8].flatMap((n, i) => Array<number>(n).fill(i));
  const last = rounds.length - 1;
  const model = randomModel({ preset: "six-layers", seed: 4 });
  const width = model.config.hidden_size;
  const tokens = seededInts(rounds.length, model.config.vocab_size, 5);
  const full = llama(model, { tokens });

  test("gives an unselected round no influence, whatever it says", () => {
    const selects = (_: number, round: number) => round !== 2;
    const kept = llama(model, { tokens, rounds, selects });
    const changed = tokens.map((t, i) => (rounds[i] === 2 ? (t + 7) % 512 : t));
    const other = llama(model, { tokens: changed, rounds, selects });
    expect(other.logits[last]!).toEqual(kept.logits[last]!);
    expect(kept.logits[last]!).not.toBeCloseToArray(full.logits[last]!, 1e-3);

    // The same without the round, and with a gap in the positions.
    const rest = [...rounds.keys()].filter((i) => rounds[i] !== 2);
    const without = llama(model, {
      tokens: rest.map((i) => tokens[i]!),
      rounds: rest.map((i) => rounds[i]!),
      positions: rest,
    });
    const expected = kept.logits[last]!;
    expect(without.logits.at(-1)!).toBeCloseToArray(expected, ROUNDING);
  });

  test("lets each layer and each row select for itself", () => {
    const run = llama(model, {
      tokens,
      rounds,
      selects: (layer, round, row) => layer <= 2 || round > 1 || row < last,
    });
    expect(run.layers[2]!.residual).toEqual(full.layers[2]!.residual);
    const at = (layer: number, of: typeof run) => of.layers[layer]!.residual;
    const before = last * width;
    expect(at(5, run).subarray(0, before)).toEqual(
      at(5, full).subarray(0, before),
    );
    expect(row(at(3, run), last, width)).not.toBeCloseToArray(
      row(at(3, full), last, width),
      1e-3,
    );
  });

  test("may place each layer's tokens elsewhere", () => {
    const run = llama(model, {
      tokens,
      positions: (layer) => [...rounds.keys()].map((i) => i + 100 * layer),
      logitRows: [last],
    });
    expect(run.logits[0]!).toBeCloseToArray(full.logits[last]!, ROUNDING);
  });
});

describe("attention over pages", () => {
  const heads = 6;
  const kvHeads = 2;
  const headDim = 16;
  const frequencies = inverseFrequencies(10_000, headDim);
  const roundLengths = [5, 20, 16, 33, 7];
  const tokens = roundLengths.reduce((sum, length) => sum + length, 0);
  const stride = (heads + 2 * kvHeads) * headDim;
  const qkv = seededNormals(tokens * stride, 3);
  const norms = {
    qNorm: seededNormals(headDim, 4).map((w) => 1 + 0.1 * w),
    kNorm: seededNormals(headDim, 5).map((w) => 1 + 0.1 * w),
    eps: 1e-6,
  };

  /** The rounds in pages of a pool, in an order of no meaning; each round's base as given. */
  function paged(bases: number[]) {
    const local = roundLengths.flatMap((length) => [...Array(length).keys()]);
    const { q, k, v } = ropeAppend({
      qkv,
      heads,
      kvHeads,
      headDim,
      localPositions: local,
      frequencies,
      ...norms,
    });
    const pages: PageEntry[] = [];
    const poolPages = 23;
    const size = poolPages * kvHeads * PAGE_TOKENS * headDim;
    // What lies between the valid tokens must not matter.
    const keys = new Float64Array(size).fill(NaN);
    const values = new Float64Array(size).fill(NaN);
    let token = 0;
    roundLengths.forEach((length, round) => {
      for (let first = 0; first < length; first += PAGE_TOKENS) {
        const page = (5 + 7 * pages.length) % poolPages;
        const valid = Math.min(PAGE_TOKENS, length - first);
        pages.push({ page, base: bases[round]!, first, valid, round });
        for (let t = 0; t < valid; t++, token++) {
          for (let head = 0; head < kvHeads; head++) {
            const at = ((page * kvHeads + head) * PAGE_TOKENS + t) * headDim;
            keys.set(row(k, token * kvHeads + head, headDim), at);
            values.set(row(v, token * kvHeads + head, headDim), at);
          }
        }
      }
    });
    const positions = local.map((place, i) => bases[roundOf(i)]! + place);
    const shape = { heads, kvHeads, headDim, frequencies };
    return attention({ queries: q, positions, pages, keys, values, ...shape });
  }

  function roundOf(token: number): number {
    let end = 0;
    return roundLengths.findIndex((length) => token < (end += length));
  }

  /** Every key rotated to where it stands, and no pages. */
  function dense(positions: number[]) {
    const output = new Float64Array(tokens * heads * headDim);
    const mass = new Float64Array(tokens * heads * roundLengths.length);
    const vector = (token: number, head: number, norm?: Float32Array) => {
      const at = token * stride + head * headDim;
      const values = qkv.subarray(at, at + headDim);
      return norm ? rmsNorm(values, norm, norms.eps) : values;
    };
    for (let i = 0; i < tokens; i++) {
      for (let head = 0; head < heads; head++) {
        const kvHead = head < 3 ? 0 : 1;
        const q = rotate(
          vector(i, head, norms.qNorm),
          positions[i]!,
          frequencies,
        );
        const weights = positions.map((position, j) => {
          if (position > positions[i]!) return 0;
          const key = vector(j, heads + kvHead, norms.kNorm);
          const k = rotate(key, position, frequencies);
          return Math.exp(q.reduce((sum, x, n) => sum + x * k[n]!, 0) / 4);
        });
        const sum = weights.reduce((total, weight) => total + weight, 0);
        weights.forEach((weight, j) => {
          const value = vector(j, heads + kvHeads + kvHead);
          mass[(i * heads + head) * roundLengths.length + roundOf(j)]! +=
            weight / sum;
          for (let n = 0; n < headDim; n++) {
            output[(i * heads + head) * headDim + n]! +=
              (weight / sum) * value[n]!;
          }
        });
      }
    }
    return { output, mass };
  }

  const contiguous = [0, 5, 25, 41, 74];

  test("equals dense attention over keys rotated to their positions", () => {
    const expected = dense([...Array(tokens).keys()]);
    const got = paged(contiguous);
    expect(got.output).toBeCloseToArray(expected.output, ROUNDING);
    expect(got.mass).toBeCloseToArray(expected.mass, ROUNDING);
  });

  test("rounds may lie apart, in another order, or on each other", () => {
    const bases = [0, 200, 100, 100, 300];
    const positions = roundLengths.flatMap((length, round) =>
      Array.from({ length }, (_, place) => bases[round]! + place),
    );
    const expected = dense(positions);
    const got = paged(bases);
    expect(got.output).toBeCloseToArray(expected.output, ROUNDING);
    expect(got.mass).toBeCloseToArray(expected.mass, ROUNDING);
  });

  test("a shift of all bases changes nothing beyond rounding", () => {
    const got = paged(contiguous.map((base) => base + 3000));
    const expected = paged(contiguous);
    expect(got.output).toBeCloseToArray(expected.output, ROUNDING);
  });

  test("a row that sees no key gives zeros", () => {
    const got = attention({
      queries: new Float64Array(2 * headDim).fill(1),
      positions: [3, 9],
      heads: 1,
      kvHeads: 1,
      headDim,
      frequencies,
      pages: [{ page: 0, base: 8, first: 0, valid: 2, round: 1 }],
      keys: new Float64Array(PAGE_TOKENS * headDim).fill(1),
      values: new Float64Array(PAGE_TOKENS * headDim).fill(2),
    });
    expect(row(got.output, 0, headDim)).toEqual(new Float64Array(headDim));
    expect(row(got.output, 1, headDim)).toBeCloseToArray(
      new Float64Array(headDim).fill(2),
      ROUNDING,
    );
    expect([...got.mass]).toEqual([0, 0, 0, 1]);
  });
});

describe("RoPE", () => {
  test("scores depend on the distance alone", () => {
    const frequencies = inverseFrequencies(10_000, 8);
    const q = seededNormals(8, 1);
    const k = seededNormals(8, 2);
    const score = (i: number, j: number) =>
      rotate(q, i, frequencies).reduce(
        (sum, x, n) => sum + x * rotate(k, j, frequencies)[n]!,
        0,
      );
    expect([score(9, 4)]).toBeCloseToArray([score(1005, 1000)], ROUNDING);
    expect([score(9, 4)]).not.toBeCloseToArray([score(10, 4)], 1e-3);
  });

  test("llama3 scaling leaves short waves, stretches long ones, and blends between", () => {
    const scaling = {
      rope_type: "llama3",
      factor: 32,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    };
    const plain = inverseFrequencies(500_000, 64);
    const scaled = inverseFrequencies(500_000, 64, scaling);
    const ratios = Array.from(scaled, (f, i) => f / plain[i]!);
    // Waves below 8192 / 4 tokens, above 8192 / 1, and the few in between.
    expect(ratios.slice(0, 15)).toEqual(Array(15).fill(1));
    expect(ratios.slice(18)).toBeCloseToArray(Array(14).fill(1 / 32), ROUNDING);
    // 2π · 500000^(i/32) tokens at i = 15, 16, 17; the share kept is (8192 / wave − 1) / 3.
    const blended = [15, 16, 17].map((i) => {
      const wave = 2 * Math.PI * 500_000 ** (i / 32);
      const share = (8192 / wave - 1) / 3;
      return share + (1 - share) / 32;
    });
    expect(ratios.slice(15, 18)).toBeCloseToArray(blended, ROUNDING);
  });

  test("linear scaling divides every frequency", () => {
    const scaled = inverseFrequencies(10_000, 8, { type: "linear", factor: 4 });
    const expected = inverseFrequencies(10_000, 8).map((f) => f / 4);
    expect(scaled).toEqual(expected);
  });
});

test("a linear layer normalises, adds a bias, gates and adds a residual", () => {
  const silu = (x: number) => x / (1 + Math.exp(-x));
  const plain = linear([1, 2, 3, 4], [1, 0, 0, 1, 1, 1], { inputs: 2 });
  expect([...plain]).toEqual([1, 2, 3, 3, 4, 7]);

  // rms of (3, 4) is √12.5; the norm's weight doubles the second value.
  const got = linear([3, 4], [1, 0, 0, 1], {
    inputs: 2,
    norm: { weight: [1, 2], eps: 0 },
    bias: [0.5, -1],
    gated: "silu",
    residual: [10],
  });
  const [a, b] = [3 / Math.sqrt(12.5), 8 / Math.sqrt(12.5)];
  expect(got).toBeCloseToArray([10 + silu(a + 0.5) * (b - 1)], ROUNDING);
});

test("embedding gathers rows, repeated ones too", () => {
  expect([...embed([1, 2, 3, 4, 5, 6], 2, [2, 0, 2])]).toEqual([
    5, 6, 1, 2, 5, 6,
  ]);
});

test("round mass leaves out the system and the own round, and sums to 1", () => {
  // Two rows, two heads, rounds 0 to 3.
  const mass = [
    [0.5, 0.2, 0.1, 0.2],
    [0.7, 0.1, 0.1, 0.1],
    [0.1, 0.6, 0.2, 0.1],
    [0.0, 0.1, 0.0, 0.9],
  ].flat();
  const shape = { mass, heads: 2, rounds: 4, ownRound: 3 };
  const both = roundMass({ ...shape, rows: [0, 1] });
  expect(both).toBeCloseToArray([0, 1 / 1.4, 0.4 / 1.4, 0], ROUNDING);
  const one = roundMass({ ...shape, rows: [1], chosenHeads: [0] });
  expect(one).toBeCloseToArray([0, 0.75, 0.25, 0], ROUNDING);
});

describe("the sampler", () => {
  test("temperature 0 takes the largest logit, the lowest token on ties", () => {
    const got = sample([1, 5, 5, 2], { temperature: 0, seed: 9 });
    expect(got).toEqual({ token: 1, kept: [1], margin: 0 });
  });

  test("the repetition penalty pulls seen tokens down, whatever their sign", () => {
    const settings = { temperature: 0, repetitionPenalty: 2 };
    expect(sample([3, 2, -1], settings, [0, 0]).token).toBe(1);
    expect(sample([-3, -1, -1.5], settings, [1]).token).toBe(2);
  });

  test("top-k keeps ties with the k-th largest", () => {
    const settings = { temperature: 1, topK: 2 };
    expect(sample([1, 3, 2, 2, 0], settings).kept).toEqual([1, 2, 3]);
  });

  test("top-p keeps the likeliest that reach p, of what top-k has left", () => {
    const logits = [0.1, 0.4, 0.2, 0.3].map(Math.log);
    const kept = (settings: { topP: number; topK?: number }) =>
      sample(logits, { temperature: 1, ...settings }).kept;
    expect(kept({ topP: 0.65 })).toEqual([1, 3]);
    expect(kept({ topP: 0.75 })).toEqual([1, 2, 3]);
    // 0.4 of the remaining 0.7 is more than half.
    expect(kept({ topP: 0.55, topK: 2 })).toEqual([1]);
    expect(kept({ topP: 0.01 })).toEqual([1]);
  });

  test("top-p keeps ties at its edge", () => {
    const settings = { temperature: 1, topP: 0.5 };
    expect(sample([2, 1, 1, 1], settings).kept).toEqual([0, 1, 2, 3]);
  });

  test("min-p keeps what is likely enough beside the likeliest", () => {
    const logits = [0.5, 0.3, 0.15, 0.05].map(Math.log);
    const settings = { temperature: 1, minP: 0.25 };
    expect(sample(logits, settings).kept).toEqual([0, 1, 2]);
  });

  test("the same seed and step draw the same token, others draw others", () => {
    const logits = new Float64Array(512);
    const draw = (seed: number, step: number) =>
      sample(logits, { temperature: 1, seed, step }).token;
    expect(draw(7, 3)).toBe(draw(7, 3));
    const drawn = new Set([...Array(100).keys()].map((step) => draw(7, step)));
    expect(drawn.size).toBeGreaterThan(80);
    expect(draw(8, 3)).not.toBe(draw(7, 3));
  });

  test.each([
    { name: "over seeds", settings: (i: number) => ({ seed: i, step: 5 }) },
    { name: "over steps", settings: (i: number) => ({ seed: 5, step: i }) },
  ])("tokens come as often as their probability says, $name", (way) => {
    const logits = [2, 1, 0.5, 0, -0.5, -1, -2, 1.5];
    const temperature = 0.8;
    const weights = logits.map((logit) => Math.exp(logit / temperature));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const draws = 20_000;
    const counts = logits.map(() => 0);
    for (let i = 0; i < draws; i++) {
      const { token } = sample(logits, { temperature, ...way.settings(i) });
      counts[token!]!++;
    }
    const chiSquare = counts.reduce((sum, count, token) => {
      const expected = (draws * weights[token]!) / total;
      return sum + (count - expected) ** 2 / expected;
    }, 0);
    // 7 degrees of freedom: 24.3 is exceeded once in a thousand.
    expect(chiSquare).toBeLessThan(24.3);
  });
});

describe("random models", () => {
  const size = (values: Float64Array) =>
    Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

  test.each(presetNames)(
    "%s keeps its activations near 1, and attends to more than one key",
    (preset: PresetName) => {
      const model = randomModel({ preset, seed: 2, type: "BF16" });
      const count = 24;
      const tokens = seededInts(count, model.config.vocab_size, 3);
      const rows = [count - 1];
      const run = llama(model, {
        tokens,
        logitRows: rows,
        attentionRows: rows,
      });
      expect(run.layers.length).toBe(model.config.num_hidden_layers);
      for (const { residual, attention } of run.layers) {
        expect(size(residual)).toBeGreaterThan(0.1);
        expect(size(residual)).toBeLessThan(5);
        const largest = Math.max(...attention.get(count - 1)!);
        expect(largest).toBeGreaterThan(0.1);
        expect(largest).toBeLessThan(0.99);
      }
      expect(size(run.logits[0]!)).toBeGreaterThan(0.3);
      expect(size(run.logits[0]!)).toBeLessThan(5);
    },
    60_000,
  );

  test("a model is the same for the same seed, and another for another", () => {
    const values = (seed: number) =>
      randomModel({ seed }).tensors.get("model.norm.weight")!.values;
    expect(values(1)).toEqual(values(1));
    expect(values(1)).not.toEqual(values(2));
  });
});
