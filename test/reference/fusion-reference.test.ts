import { describe, expect, test } from "vitest";
import { randomModel } from "../fixtures/random-model";
import { fuse, type FusionOptions, type FusionVariant } from "./fusion";
import {
  encode,
  type FusionChat,
  type PastRound,
  type PlacedTokens,
  type RoundKv,
} from "./fusion-cache";
import { llama, type LlamaModel } from "./llama";
import { roundMass } from "./round-mass";
import { seededInts } from "../support/random";
import "../support/matchers";

const TOLERANCE = 1e-9;
const shape = { hiddenSize: 32, intermediateSize: 48, vocabSize: 97 } as const;
const models: [string, LlamaModel][] = [
  ["Llama", randomModel({ ...shape, layers: 4, heads: 4, headDim: 8 })],
  [
    "Qwen2",
    randomModel({ ...shape, layers: 3, architecture: "Qwen2ForCausalLM" }),
  ],
  [
    "Qwen3, untied",
    randomModel({ ...shape, preset: "untied-head", layers: 4 }),
  ],
];
const [, model] = models[0]!;
const variants = ["a3", "lite", "watershed", "edges"] as const;

const [system, one, two, three, question] = [5, 9, 7, 12, 6].map((n, i) =>
  seededInts(n, 97, 20 + i),
) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array];
const pieces = [system, one, two, three, question];

/** Each behind the one before. */
function placed(...parts: Uint32Array[]): PlacedTokens[] {
  let base = 0;
  return parts.map((tokens) => {
    const at = base;
    base += tokens.length;
    return { tokens, base: at };
  });
}

/** Round one was deleted: two and three are stale, as they stand behind it. */
function afterDelete(of: LlamaModel): FusionChat {
  const old = encode(of, placed(system, one, two, three));
  const [prefix, ...rest] = placed(system, two, three, question);
  return {
    system: prefix!,
    history: rest
      .slice(0, 2)
      .map((round, i) => ({ ...round, kv: old[i + 2]!, isStale: true })),
    question: rest[2]!,
  };
}

/** Two is a document encoded behind the system prompt; one and three are exact. */
function withDocument(of: LlamaModel): FusionChat {
  const document = encode(of, placed(system, two))[1]!;
  const [prefix, first, second, third, asked] = placed(...pieces);
  const history: PastRound[] = [
    first!,
    { ...second!, kv: document, isStale: true },
    third!,
  ];
  return { system: prefix!, history, question: asked! };
}

/** A run of the whole chat without any cache. */
function fullPrefill(chat: FusionChat) {
  const rounds = [chat.system, ...chat.history, chat.question];
  const tokens = rounds.flatMap((round) => Array.from(round.tokens));
  const asked = chat.question.tokens.length;
  const logitRows = [...tokens.keys()].slice(-asked);
  const positions = rounds.flatMap(({ tokens, base }) =>
    Array.from(tokens, (_, i) => base + i),
  );
  const roundOf = rounds.flatMap(({ tokens }, i) =>
    Array.from(tokens, () => i),
  );
  return { tokens, positions, rounds: roundOf, logitRows };
}

function expectLogits(got: Float64Array[], expected: Float64Array[]): void {
  expect(got).toHaveLength(expected.length);
  got.forEach((logits, i) =>
    expect(logits).toBeCloseToArray(expected[i]!, TOLERANCE),
  );
}

function expectKv(got: RoundKv[], expected: RoundKv[]): void {
  got.forEach(({ k, v }, round) => {
    k.forEach((values, layer) => {
      const { k: keys, v: rest } = expected[round]!;
      expect(values).toBeCloseToArray(keys[layer]!, TOLERANCE);
      expect(v[layer]!).toBeCloseToArray(rest[layer]!, TOLERANCE);
    });
  });
}

describe.each(models)("fusion of a %s model", (_, model) => {
  test.each(variants)("%s with r = 1 equals full prefill", (variant) => {
    const chat = afterDelete(model);
    const got = fuse(model, chat, { variant, ratio: 1 });
    expectLogits(got.logits, llama(model, fullPrefill(chat)).logits);
    expectKv(got.kv, encode(model, placed(system, two, three, question)));
  });

  test.each(variants)(
    "%s on KV of the true context equals full prefill at any r",
    (variant) => {
      const chat = afterDelete(model);
      const kv = encode(model, placed(system, two, three));
      const history = chat.history.map((round, i) => ({
        ...round,
        kv: kv[i + 1]!,
      }));
      const expected = llama(model, fullPrefill(chat)).logits;
      for (const ratio of [0, 0.15, 0.5, 1]) {
        const { logits } = fuse(
          model,
          { ...chat, history },
          { variant, ratio },
        );
        expectLogits(logits, expected);
      }
    },
  );

  test("what is stale is not full prefill", () => {
    const chat = afterDelete(model);
    const { logits } = fuse(model, chat, { ratio: 0 });
    const expected = llama(model, fullPrefill(chat)).logits;
    expect(logits.at(-1)!).not.toBeCloseToArray(expected.at(-1)!, 1e-3);
  });

  test("nothing stale equals a turn", () => {
    const [prefix, ...rest] = placed(...pieces);
    const chat: FusionChat = {
      system: prefix!,
      history: rest.slice(0, 3),
      question: rest[3]!,
    };
    const run = {
      ...fullPrefill(chat),
      selects: (layer: number, round: number, row: number) =>
        layer <= 1 || row < rest[3]!.base || [1, 3].includes(round),
      wantsMass: true,
    };
    const turn = llama(model, run);
    const mass = roundMass({
      mass: turn.layers[1]!.mass,
      heads: model.config.num_attention_heads,
      rounds: 5,
      rows: run.logitRows,
      ownRound: 4,
    });
    for (const variant of ["a3", "lite", "watershed"] as const) {
      const got = fuse(model, chat, {
        variant,
        ratio: 0.5,
        watershed: 1,
        selected: (shares) => {
          expect(shares).toBeCloseToArray(mass, TOLERANCE);
          return [3, 1];
        },
      });
      expectLogits(got.logits, turn.logits);
      expect(got.rows).toEqual(run.logitRows);
      expect(got.selected).toEqual([1, 3]);
    }
  });

  test.each(["a3", "lite", "watershed"] as const)(
    "one pass (%s) with r = 1 and every round equals prefill of the shorter chat",
    (variant) => {
      const chat = afterDelete(model);
      const options = { variant, ratio: 1, watershed: 1, selected: [1, 2] };
      const got = fuse(model, chat, options);
      expectLogits(got.logits, llama(model, fullPrefill(chat)).logits);
      expectKv(got.kv, encode(model, placed(system, two, three, question)));
    },
  );
});

describe("rows of S", () => {
  const chat = afterDelete(model);
  const stale = [...Array(two.length + three.length).keys()].map(
    (i) => system.length + i,
  );
  const asked = [...question.keys()].map(
    (i) => system.length + stale.length + i,
  );

  test("their order does not matter", () => {
    const options: FusionOptions = {
      ratio: 0.5,
      watershed: 2,
      selected: [2],
    };
    for (const variant of ["a3", "lite"] as const) {
      const first = fuse(model, chat, { ...options, variant });
      const rows = first.rows.toReversed();
      const again = fuse(model, chat, { ...options, variant, rows });
      expect(again.rows).toEqual(rows);
      expectLogits(again.logits, first.logits);
      expectKv(again.kv, first.kv);
      expect(again.mass).toBeCloseToArray(first.mass, TOLERANCE);
    }
  });

  test.each(variants)("%s with r = 0 has the question's alone", (variant) => {
    expect(fuse(model, chat, { variant, ratio: 0 }).rows).toEqual(asked);
  });

  test("there are never more than candidates", () => {
    const rows = [...stale, ...asked];
    expect(fuse(model, chat, { ratio: 1 }).rows).toEqual(rows);
    // 23 of the 24 tokens before the question, of which 19 are stale.
    expect(fuse(model, chat, { ratio: 0.99 }).rows).toEqual(rows);
    const ratioOf = "stale";
    const { rows: fewer } = fuse(model, chat, { ratio: 0.99, ratioOf });
    expect(fewer).toHaveLength(18 + asked.length);
  });

  test("k is the floor of the share of all tokens before the question", () => {
    const { rows } = fuse(model, chat, { ratio: 0.15 });
    expect(rows).toHaveLength(3 + asked.length);
  });

  test("edges adds four tokens at both ends of each segment", () => {
    const ratio = 0.01;
    const { rows } = fuse(model, chat, { variant: "edges", ratio });
    // Two has 7 tokens, all of them near an end; three has 12.
    const middle = stale.slice(7 + 4, 7 + 8);
    expect(rows).toEqual(
      [...stale, ...asked].filter((row) => !middle.includes(row)),
    );
    const { rows: outer } = fuse(model, chat, {
      variant: "edges",
      ratio,
      edge: 1,
    });
    const near = [5, 11, 12, 23];
    expect(outer).toEqual([...near, ...asked]);
  });

  test("only what is stale is a candidate, and exact rounds are kept as they are", () => {
    const mixed = withDocument(model);
    const got = fuse(model, mixed, { ratio: 1 });
    const document = [...two.keys()].map((i) => 14 + i);
    expect(got.rows.slice(0, -question.length)).toEqual(document);
    const exact = encode(model, placed(...pieces));
    expect(got.kv[1]).toEqual(exact[1]);
    expect(got.kv[3]).toEqual(exact[3]);
    expectKv(got.kv, exact);

    expect([...got.relevance.subarray(0, 5)]).toEqual([0, 0, 0, 0, 0]);
    expect(got.relevance.subarray(5).every((value) => value > 0)).toBe(true);
    const { relevance } = fuse(model, mixed, { ratio: 1, scored: "stale" });
    expect([...relevance.keys()].filter((i) => relevance[i]! > 0)).toEqual(
      document,
    );
  });

  test("K and V are computed for all in the check layer, for S above it, for R above the watershed", () => {
    const options = { watershed: 2, selected: [2] };
    const all = [...stale, ...asked];
    const a3 = fuse(model, chat, { ...options, ratio: 0.5 });
    const inside = a3.rows.filter((row) => row >= 12);
    expect(a3.computed).toEqual([all, all, a3.rows, inside]);
    expect(inside.length).toBeLessThan(a3.rows.length);
    // What stands outside R keeps its old upper half.
    expect(a3.kv[1]!.k[3]).toEqual(chat.history[0]!.kv!.k[3]);

    const variant = "lite";
    const lite = fuse(model, chat, { ...options, variant, ratio: 0.5 });
    expect(lite.computed[1]).toEqual(lite.rows);
  });

  test("the check layer and those below are exact, above it the rest of the cache stays", () => {
    const { kv, rows } = fuse(model, chat, { ratio: 0.5 });
    const exact = encode(model, placed(system, two, three, question));
    const lower = ({ k, v }: RoundKv) => ({
      k: k.slice(0, 2),
      v: v.slice(0, 2),
    });
    expectKv(kv.map(lower), exact.map(lower));

    const { kv: old, tokens, base } = chat.history[1]!;
    const width = old!.v[2]!.length / tokens.length;
    const isKept = Array.from(tokens, (_, i) => {
      const at = (v: Float64Array[]) => [
        ...v[2]!.subarray(i * width, (i + 1) * width),
      ];
      return at(kv[2]!.v).every((value, j) => value === at(old!.v)[j]);
    });
    expect(isKept).toEqual(
      Array.from(tokens, (_, i) => !rows.includes(base + i)),
    );
  });

  test("lite scores cached keys of the check layer, the others fresh ones", () => {
    const truth = encode(model, placed(system, two, three));
    const exact = chat.history.map((round, i) => ({
      ...round,
      kv: truth[i + 1]!,
    }));
    // Stale everywhere but in the keys of layer 1.
    const mixed = chat.history.map((round, i) => ({
      ...round,
      kv: { ...round.kv!, k: truth[i + 1]!.k },
    }));
    const relevance = (
      variant: FusionVariant,
      history: readonly PastRound[],
      options: Partial<FusionOptions> = {},
    ) =>
      fuse(model, { ...chat, history }, { variant, ratio: 0.2, ...options })
        .relevance;
    const a3 = relevance("a3", chat.history);
    expect(relevance("a3", exact)).toBeCloseToArray(a3, TOLERANCE);
    expect(relevance("lite", mixed)).toBeCloseToArray(a3, TOLERANCE);
    expect(relevance("lite", chat.history)).not.toBeCloseToArray(a3, 1e-6);

    const watershed = relevance("watershed", chat.history, { watershed: 2 });
    const second = relevance("a3", chat.history, { checkLayer: 2 });
    expect(watershed).toEqual(second);
    expect(watershed).not.toBeCloseToArray(a3, 1e-6);
  });

  test("a shift of all bases changes nothing beyond rounding", () => {
    const shifted = <T extends PlacedTokens>(round: T) => ({
      ...round,
      base: round.base + 1000,
    });
    const options = { ratio: 0.5, watershed: 2, selected: [2] };
    const got = fuse(
      model,
      {
        system: shifted(chat.system),
        history: chat.history.map(shifted),
        question: shifted(chat.question),
      },
      options,
    );
    const expected = fuse(model, chat, options);
    expectLogits(got.logits, expected.logits);
    expectKv(got.kv, expected.kv);
  });

  test("an unselected round has no influence above the watershed", () => {
    const { kv } = chat.history[0]!;
    const upper = (v: Float64Array[]) =>
      v.map((values, layer) => (layer > 1 ? values.map(() => 7) : values));
    const options = { ratio: 0.5, watershed: 1, selected: [2] };
    const expected = fuse(model, chat, options).logits;
    const history = [
      { ...chat.history[0]!, kv: { k: upper(kv!.k), v: upper(kv!.v) } },
      chat.history[1]!,
    ];
    expect(fuse(model, { ...chat, history }, options).logits).toEqual(expected);
  });

  test("S may not hold a row that is exact", () => {
    expect(() => fuse(model, chat, { ratio: 0, rows: [0] })).toThrow(
      RangeError,
    );
  });
});

test("the fused cache serves the next turn as exact rounds do", () => {
  const chat = afterDelete(model);
  const { kv } = fuse(model, chat, { ratio: 1 });
  const [prefix, ...rest] = placed(system, two, three, question, one);
  const history = rest
    .slice(0, 3)
    .map((round, i) => ({ ...round, kv: kv[i + 1]! }));
  const next = { system: prefix!, history, question: rest[3]! };
  const { logits } = fuse(model, next, { ratio: 0 });
  expectLogits(logits, llama(model, fullPrefill(next)).logits);
});

describe("relevance by hand", () => {
  /**
   * Embeddings of ±1, of which layer 0 leaves everything as it is; no rotation
   * and no change by norms. Of a token (a, b, c, 1): k = (a, b) on one key head;
   * queries (2 ln 2, ln 3) and (0, ln 3). So q · k = 2 (a ln 2 + b ln 3) over
   * both heads, √(H·d) = 2, and e^score = 2^a · 3^b.
   */
  const zeros = (n: number) => ({ values: new Float64Array(n) });
  const ones = { values: new Float64Array(4).fill(1) };
  const layer = (l: number) => {
    const at = `model.layers.${l}`;
    // Rows of q_proj: the four values of both heads, from the constant 1.
    const q = zeros(16);
    [2 * Math.LN2, Math.log(3), 0, Math.log(3)].forEach(
      (value, i) => (q.values[4 * i + 3] = value),
    );
    return Object.entries({
      "input_layernorm.weight": ones,
      "post_attention_layernorm.weight": ones,
      "self_attn.q_proj.weight": q,
      "self_attn.k_proj.weight": {
        values: Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0),
      },
      "self_attn.v_proj.weight": zeros(8),
      "self_attn.o_proj.weight": zeros(16),
      "mlp.gate_proj.weight": zeros(16),
      "mlp.up_proj.weight": zeros(16),
      "mlp.down_proj.weight": zeros(16),
    }).map(([name, tensor]) => [`${at}.${name}`, tensor] as const);
  };
  // e^score: 6, 2/3, 3/2, 1/6.
  const table = [
    [1, 1, -1, 1],
    [1, -1, -1, 1],
    [-1, 1, -1, 1],
    [-1, -1, -1, 1],
  ];
  const byHand: LlamaModel = {
    config: {
      vocab_size: 4,
      hidden_size: 4,
      intermediate_size: 4,
      num_hidden_layers: 3,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      head_dim: 2,
      rms_norm_eps: 0,
      rope_theta: 1,
      rope_scaling: { rope_type: "linear", factor: Infinity },
      tie_word_embeddings: true,
    },
    tensors: new Map([
      [
        "model.embed_tokens.weight",
        { values: Float64Array.from(table.flat()) },
      ],
      ["model.norm.weight", ones],
      ...[0, 1, 2].flatMap(layer),
    ]),
  };
  const round = { tokens: [0, 1, 2, 3], base: 2 };
  const chat: FusionChat = {
    system: { tokens: [0, 0], base: 0 },
    history: [{ ...round, kv: encode(byHand, [round])[0]!, isStale: true }],
    question: { tokens: [1, 1], base: 6 },
  };
  // The first row of the question sees 25/3 of the round and 2/3 of its own, the second 2/3 more.
  const share = 1 / 9 + 3 / 29;
  const expected = [0, 0, 6, 2 / 3, 3 / 2, 1 / 6].map((e) => e * share);

  test.each(["a3", "lite"] as const)("%s", (variant) => {
    const { relevance, pooled, rows } = fuse(byHand, chat, {
      variant,
      ratio: 0.2,
    });
    expect(relevance).toBeCloseToArray(expected, 1e-12);
    const sums = [0, 0, 49 / 6, 25 / 3, 25 / 3, 7 / 3];
    expect(pooled).toBeCloseToArray(
      sums.map((sum) => (sum * share) / 5),
      1e-12,
    );
    // Of the two that share the largest mean, the lower one.
    expect(pooled[3]).toBe(pooled[4]);
    expect(rows).toEqual([3, 6, 7]);
  });

  test("a pool of width 1 takes the largest itself", () => {
    const { rows } = fuse(byHand, chat, { ratio: 0.2, poolWidth: 1 });
    expect(rows).toEqual([2, 6, 7]);
  });
});
