/**
 * The cached KV of a chat and single layers over it, in double precision: keys
 * stand rotated by their position within their round, and rows may be any few.
 */
import { linear } from "./linear";
import { llama, type LlamaLayer, type LlamaModel } from "./llama";
import { rmsNorm } from "./rms-norm";
import { inverseFrequencies, rotate } from "./rope";

/** Of each layer, [tokens, kvHeads, headDim]; keys rotated by their position within the round. */
export interface RoundKv {
  k: Float64Array[];
  v: Float64Array[];
}

export interface PlacedTokens {
  tokens: ArrayLike<number>;
  /** The position of the first one; the others follow. */
  base: number;
}

export interface PastRound extends PlacedTokens {
  /** As it is stored; computed in the context of this chat by default. A stale round's must be given. */
  kv?: RoundKv;
  /** Whether the KV was computed in a context other than the chat's current one. */
  isStale?: boolean;
}

export interface FusionChat {
  /** The prefix: prefilled under its own tokens alone, never stale. */
  system: PlacedTokens;
  /** Rounds and documents in the order of the chat. */
  history: readonly PastRound[];
  question: PlacedTokens;
}

/** Inputs to attention from the rows of one layer. */
export interface LayerRows {
  rows: readonly number[];
  /** Normalised, not rotated: [rows, heads, headDim]. */
  q: Float64Array;
}

/** The tokens and the KV of a chat; round 0 is the system prompt, the last one the question. */
export class FusionCache {
  readonly model: LlamaModel;
  readonly rounds: readonly PlacedTokens[];
  readonly tokens: number[];
  readonly roundOf: number[];
  readonly positions: number[];
  /** Each round's first token, and one past the last. */
  readonly starts: number[] = [0];
  readonly heads: number;
  readonly kvHeads: number;
  readonly d: number;
  private readonly kv: RoundKv[];
  private readonly frequencies: Float64Array;

  constructor(model: LlamaModel, chat: FusionChat) {
    this.model = model;
    const { config } = model;
    this.heads = config.num_attention_heads;
    this.kvHeads = config.num_key_value_heads;
    this.d = config.head_dim ?? config.hidden_size / this.heads;
    this.frequencies = inverseFrequencies(
      config.rope_theta,
      this.d,
      config.rope_scaling,
    );
    this.rounds = [chat.system, ...chat.history, chat.question];
    this.tokens = this.rounds.flatMap(({ tokens }) => Array.from(tokens));
    this.roundOf = this.rounds.flatMap(({ tokens }, round) =>
      Array.from(tokens, () => round),
    );
    this.positions = this.rounds.flatMap(({ tokens, base }) =>
      Array.from(tokens, (_, i) => base + i),
    );
    for (const { tokens } of this.rounds)
      this.starts.push(this.starts.at(-1)! + tokens.length);

    const exact = encode(model, [chat.system, ...chat.history]);
    this.kv = [
      exact[0]!,
      ...chat.history.map(({ kv, isStale }, i) => {
        if (isStale && !kv) throw new Error("a stale round lacks its KV");
        return copyOf(kv ?? exact[i + 1]!);
      }),
      this.empty(chat.question.tokens.length),
    ];
  }

  /** The token indices of a round. */
  tokensOf(round: number): number[] {
    const from = this.starts[round]!;
    return Array.from(this.rounds[round]!.tokens, (_, i) => from + i);
  }

  /** KV of every round as it stands. */
  contents(): RoundKv[] {
    return this.kv.map(copyOf);
  }

  /** Computes q, k and v of rows, and overwrites their K and V. */
  write(
    layer: number,
    rows: readonly number[],
    x: ReadonlyMap<number, Float64Array>,
  ): LayerRows {
    const { d } = this;
    const flat = flatten(rows.map((row) => x.get(row)!));
    const at = `model.layers.${layer}`;
    const { rms_norm_eps: eps, hidden_size: inputs } = this.model.config;
    const project = (name: string) => {
      const values = linear(flat, this.need(`${at}.self_attn.${name}.weight`), {
        inputs,
        bias: this.find(`${at}.self_attn.${name}.bias`),
        norm: { weight: this.need(`${at}.input_layernorm.weight`), eps },
      });
      const norm = this.find(
        `${at}.self_attn.${name.replace("proj", "norm")}.weight`,
      );
      return norm ? rmsNorm(values, norm, eps) : values;
    };
    const k = project("k_proj");
    const v = project("v_proj");
    const width = this.kvHeads * d;
    rows.forEach((row, i) => {
      const round = this.roundOf[row]!;
      const local = row - this.starts[round]!;
      const part = [i * width, (i + 1) * width] as const;
      const key = turn(k.subarray(...part), local, this.frequencies);
      this.kv[round]!.k[layer]!.set(key, local * width);
      this.kv[round]!.v[layer]!.set(v.subarray(...part), local * width);
    });
    return { rows, q: project("q_proj") };
  }

  /** q · k of one row with each of the keys, [keys][heads]: the query turns by what its position lies behind the key's base. */
  dots(layer: number, { rows, q }: LayerRows, i: number, keys: number[]) {
    const { heads, d } = this;
    const queries = this.rounds.map(({ base }) =>
      turn(
        q.subarray(i * heads * d, (i + 1) * heads * d),
        this.positions[rows[i]!]! - base,
        this.frequencies,
      ),
    );
    return keys.map((key) => {
      const round = this.roundOf[key]!;
      return Array.from({ length: heads }, (_, head) => {
        const at = this.at(key, head);
        let dot = 0;
        for (let j = 0; j < d; j++)
          dot +=
            queries[round]![head * d + j]! * this.kv[round]!.k[layer]![at + j]!;
        return dot;
      });
    });
  }

  /** The keys among `open` rounds that a row sees. */
  keysOf(row: number, open: (round: number) => boolean): number[] {
    return [...this.tokens.keys()].filter(
      (key) =>
        open(this.roundOf[key]!) &&
        this.positions[key]! <= this.positions[row]!,
    );
  }

  /** Attention and MLP of rows, whose residuals move on; returns the attention's mass, [rows, heads, rounds]. */
  finish(
    layer: number,
    layerRows: LayerRows,
    x: Map<number, Float64Array>,
    open: (round: number) => boolean = () => true,
  ): Float64Array {
    const { heads, d } = this;
    const { rows } = layerRows;
    const attended = new Float64Array(rows.length * heads * d);
    const mass = new Float64Array(rows.length * heads * this.rounds.length);
    rows.forEach((row, i) => {
      const keys = this.keysOf(row, open);
      const dots = this.dots(layer, layerRows, i, keys);
      for (let head = 0; head < heads; head++) {
        const to = i * heads + head;
        const shares = softmax(dots.map((dot) => dot[head]! / Math.sqrt(d)));
        keys.forEach((key, n) => {
          const round = this.roundOf[key]!;
          mass[to * this.rounds.length + round]! += shares[n]!;
          const values = this.kv[round]!.v[layer]!;
          const at = this.at(key, head);
          for (let j = 0; j < d; j++)
            attended[to * d + j]! += shares[n]! * values[at + j]!;
        });
      }
    });

    const at = `model.layers.${layer}`;
    const config = this.model.config;
    const { hidden_size: inputs, rms_norm_eps: eps } = config;
    const between = linear(
      attended,
      this.need(`${at}.self_attn.o_proj.weight`),
      {
        inputs: heads * d,
        residual: flatten(rows.map((row) => x.get(row)!)),
      },
    );
    const norm = {
      weight: this.need(`${at}.post_attention_layernorm.weight`),
      eps,
    };
    const gate = this.need(`${at}.mlp.gate_proj.weight`);
    const up = this.need(`${at}.mlp.up_proj.weight`);
    const inner = linear(between, flatten([gate, up]), {
      inputs,
      norm,
      gated: "silu",
    });
    const after = linear(inner, this.need(`${at}.mlp.down_proj.weight`), {
      inputs: config.intermediate_size,
      residual: between,
    });
    rows.forEach((row, i) =>
      x.set(row, after.slice(i * inputs, (i + 1) * inputs)),
    );
    return mass;
  }

  private find(name: string) {
    return this.model.tensors.get(name)?.values;
  }

  need(name: string) {
    const values = this.find(name);
    if (!values) throw new Error(`the reference lacks tensor ${name}`);
    return values;
  }

  /** Where a key or value of a head begins in its round's KV. */
  private at(token: number, head: number): number {
    const local = token - this.starts[this.roundOf[token]!]!;
    const group = this.heads / this.kvHeads;
    return (local * this.kvHeads + Math.floor(head / group)) * this.d;
  }

  private empty(tokens: number): RoundKv {
    const layers = [...Array(this.model.config.num_hidden_layers).keys()];
    const none = () => new Float64Array(tokens * this.kvHeads * this.d);
    return { k: layers.map(none), v: layers.map(none) };
  }
}

/** KV of rounds that follow each other, by full prefill of all of them. */
export function encode(
  model: LlamaModel,
  rounds: readonly PlacedTokens[],
): RoundKv[] {
  const { config } = model;
  const heads = config.num_key_value_heads;
  const d = config.head_dim ?? config.hidden_size / config.num_attention_heads;
  const frequencies = inverseFrequencies(
    config.rope_theta,
    d,
    config.rope_scaling,
  );
  const tokens = rounds.flatMap((round) => Array.from(round.tokens));
  const positions = rounds.flatMap(({ tokens, base }) =>
    Array.from(tokens, (_, i) => base + i),
  );
  const layers: LlamaLayer[] = llama(model, {
    tokens,
    positions,
    logitRows: [],
  }).layers;
  let from = 0;
  return rounds.map(({ tokens, base }) => {
    const part = [
      from * heads * d,
      (from + tokens.length) * heads * d,
    ] as const;
    from += tokens.length;
    return {
      k: layers.map(({ k }) => turn(k.slice(...part), -base, frequencies)),
      v: layers.map(({ v }) => v.slice(...part)),
    };
  });
}

export function softmax(scores: readonly number[]): number[] {
  const largest = scores.reduce(
    (most, score) => Math.max(most, score),
    -Infinity,
  );
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Vectors of as many heads as there are, turned by one angle. */
function turn(
  vectors: Float64Array,
  by: number,
  frequencies: Float64Array,
): Float64Array {
  const d = 2 * frequencies.length;
  const turned = new Float64Array(vectors.length);
  for (let at = 0; at < vectors.length; at += d)
    turned.set(rotate(vectors.subarray(at, at + d), by, frequencies), at);
  return turned;
}

function copyOf({ k, v }: RoundKv): RoundKv {
  return {
    k: k.map((values) => values.slice()),
    v: v.map((values) => values.slice()),
  };
}

function flatten(parts: readonly ArrayLike<number>[]): Float64Array {
  const flat = new Float64Array(
    parts.reduce((total, part) => total + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    flat.set(part, at);
    at += part.length;
  }
  return flat;
}
