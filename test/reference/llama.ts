/**
 * The whole network in double precision: Llama, and what particulars.ts makes of it for other models. Absolute
 * positions, dense attention, no cache.
 */
import { embed } from "./embed";
import { linear } from "./linear";
import { rmsNorm } from "./rms-norm";
import {
  type LayerParticulars,
  type ParticularFields,
  type Particulars,
  particularsOf,
} from "./particulars";
import { inverseFrequencies, rotate } from "./rope";

/** What the forward pass reads of a config.json. */
export interface LlamaConfig extends ParticularFields {
  vocab_size: number;
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  num_key_value_heads: number;
  /** hidden_size / num_attention_heads by default. */
  head_dim?: number;
  rms_norm_eps: number;
  tie_word_embeddings: boolean;
}

export interface LlamaModel {
  config: LlamaConfig;
  /** By their Hugging Face names; biases and norms of heads where the model has them. */
  tensors: ReadonlyMap<string, { values: Float32Array | Float64Array }>;
}

export interface LlamaRun {
  tokens: ArrayLike<number>;
  /** One integer a token, gaps allowed, or a layer's own; 0, 1, 2, ... by default. */
  positions?: ArrayLike<number> | ((layer: number) => ArrayLike<number>);
  /** Each token's round, 0 the system prompt's; all 0 by default. */
  rounds?: ArrayLike<number>;
  /** Whether a row attends to another round than its own and the system prompt's; all by default. */
  selects?: (layer: number, round: number, row: number) => boolean;
  /** The rows whose logits are wanted; all by default. */
  logitRows?: readonly number[];
  /** The rows whose attention probabilities are wanted; none by default. */
  attentionRows?: readonly number[];
  wantsMass?: boolean;
  /** The context asked for; see particulars.ts. */
  contextTokens?: number;
}

export interface LlamaLayer {
  /** Normalised, rotated to its position: [rows, heads, headDim]. */
  q: Float64Array;
  /** Normalised, rotated to its position: [rows, kvHeads, headDim]. */
  k: Float64Array;
  /** [rows, kvHeads, headDim]. */
  v: Float64Array;
  /** The residual between attention and MLP: [rows, hidden]. */
  afterAttention: Float64Array;
  /** The residual after the layer: [rows, hidden]. */
  residual: Float64Array;
  /** For each of the attention rows, [heads, tokens]. */
  attention: Map<number, Float64Array>;
  /** [rows, heads, rounds]; empty where not wanted. */
  mass: Float64Array;
}

export interface LlamaResult {
  /** For each of the logit rows, [vocabulary]. */
  logits: Float64Array[];
  layers: LlamaLayer[];
  /** One more than the largest round. */
  rounds: number;
}

/** One pass over all tokens. */
export function llama(model: LlamaModel, run: LlamaRun): LlamaResult {
  const { config } = model;
  const inputs = config.hidden_size;
  const eps = config.rms_norm_eps;
  const rows = run.tokens.length;
  const tokens = [...Array(rows).keys()];
  const roundOf = tokens.map((token) => run.rounds?.[token] ?? 0);
  const rounds = 1 + Math.max(...roundOf);
  const find = (name: string) => model.tensors.get(name)?.values;
  const need = (name: string) => {
    const values = find(name);
    if (!values) throw new Error(`the reference lacks tensor ${name}`);
    return values;
  };

  const own = particularsOf(config, run.contextTokens);
  const normWeight = (name: string) =>
    Float64Array.from(need(`${name}.weight`), (w) => w + own.normOffset);
  const d = config.head_dim ?? inputs / config.num_attention_heads;
  const [queries, keys] = [
    config.num_attention_heads * d,
    config.num_key_value_heads * d,
  ];

  /** Rows of a matrix that has others before it, in files that join what is multiplied by the same. */
  const joined = (
    at: string,
    parts: Record<string, number>,
    whole: string,
    name: string,
  ) => {
    const alone = find(`${at}.${name}.weight`);
    if (alone) return alone;
    let first = 0;
    for (const [part, outputs] of Object.entries(parts)) {
      if (part === name)
        return need(`${at}.${whole}.weight`).subarray(
          first * inputs,
          (first + outputs) * inputs,
        );
      first += outputs;
    }
    throw new Error(`the reference lacks ${at}.${name}`);
  };

  const embedding = need("model.embed_tokens.weight");
  let x = embed(embedding, inputs, run.tokens).map(
    (value) => value * own.embeddingScale,
  );
  const layers: LlamaLayer[] = [];
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}`;
    const project = (name: string) =>
      linear(
        x,
        joined(
          `${at}.self_attn`,
          { q_proj: queries, k_proj: keys, v_proj: keys },
          "qkv_proj",
          name,
        ),
        {
          inputs,
          bias: find(`${at}.self_attn.${name}.bias`),
          norm: { weight: normWeight(`${at}.input_layernorm`), eps },
        },
      );
    const normHeads = (values: Float64Array, name: string) =>
      find(`${at}.self_attn.${name}.weight`)
        ? rmsNorm(values, normWeight(`${at}.self_attn.${name}`), eps)
        : values;
    /** The residual stream with what a part of the layer adds to it. */
    const added = (
      residual: Float64Array,
      part: Float64Array,
      norm: string | undefined,
    ) => {
      const normed = norm
        ? rmsNorm(part, normWeight(`${at}.${norm}`), eps)
        : part;
      return residual.map((value, i) => value + own.residualScale * normed[i]!);
    };
    const { positions = tokens } = run;
    const attended = attend(
      {
        q: normHeads(project("q_proj"), "q_norm"),
        k: normHeads(project("k_proj"), "k_norm"),
        v: project("v_proj"),
        positions: Array.from(
          typeof positions === "function" ? positions(layer) : positions,
        ),
        roundOf,
        rounds,
        selects: (round, row) => run.selects?.(layer, round, row) ?? true,
        attentionRows: run.attentionRows ?? [],
        wantsMass: run.wantsMass ?? false,
      },
      config,
      own,
      own.layer(layer),
    );
    const afterAttention = added(
      x,
      linear(attended.output, need(`${at}.self_attn.o_proj.weight`), {
        inputs: queries,
        bias: find(`${at}.self_attn.o_proj.bias`),
      }),
      own.norms.afterAttention,
    );

    const h = rmsNorm(
      afterAttention,
      normWeight(`${at}.${own.norms.beforeMlp}`),
      eps,
    );
    const width = config.intermediate_size;
    const ofMlp = (name: string) =>
      linear(
        h,
        joined(
          `${at}.mlp`,
          { gate_proj: width, up_proj: width },
          "gate_up_proj",
          name,
        ),
        { inputs },
      );
    const gate = ofMlp("gate_proj");
    const up = ofMlp("up_proj");
    x = added(
      afterAttention,
      linear(
        up.map((value, i) => value * own.activation(gate[i]!)),
        need(`${at}.mlp.down_proj.weight`),
        { inputs: width },
      ),
      own.norms.afterMlp,
    );
    layers.push({ ...attended, afterAttention, residual: x });
  }

  const norm = { weight: normWeight("model.norm"), eps };
  const head = config.tie_word_embeddings ? embedding : need("lm_head.weight");
  const asked = run.logitRows ?? tokens;
  const askedX = new Float64Array(asked.length * inputs);
  asked.forEach((row, i) =>
    askedX.set(x.subarray(row * inputs, (row + 1) * inputs), i * inputs),
  );
  const flat = linear(askedX, head, { inputs, norm });
  const vocabulary = config.vocab_size;
  const logits = asked.map((_, i) =>
    flat
      .slice(i * vocabulary, (i + 1) * vocabulary)
      .map((value) => value * own.logitScale),
  );
  return { logits, layers, rounds };
}

interface AttendInput {
  /** Not rotated. */
  q: Float64Array;
  k: Float64Array;
  v: Float64Array;
  positions: readonly number[];
  roundOf: readonly number[];
  rounds: number;
  selects: (round: number, row: number) => boolean;
  attentionRows: readonly number[];
  wantsMass: boolean;
}

/** Dense attention at absolute positions, restricted to what each row may see. */
function attend(
  input: AttendInput,
  config: LlamaConfig,
  { rotaryShare, scoreScale }: Particulars,
  { theta, scaling, isRotated, window }: LayerParticulars,
) {
  const { v, positions, roundOf, rounds, wantsMass } = input;
  const rows = positions.length;
  const heads = config.num_attention_heads;
  const kvHeads = config.num_key_value_heads;
  const d = config.head_dim ?? config.hidden_size / heads;
  const rotary = d * rotaryShare;
  const frequencies = inverseFrequencies(theta, rotary, scaling);
  const turned = (vectors: Float64Array, count: number) =>
    isRotated
      ? rotateAll(vectors, count, d, positions, frequencies, scaling?.magnitude)
      : vectors;
  const q = turned(input.q, heads);
  const k = turned(input.k, kvHeads);
  const output = new Float64Array(rows * heads * d);
  const mass = new Float64Array(wantsMass ? rows * heads * rounds : 0);
  const attention = new Map(
    input.attentionRows.map((row) => [row, new Float64Array(heads * rows)]),
  );

  const probabilities = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const seen: number[] = [];
    for (let key = 0; key < rows; key++) {
      const round = roundOf[key]!;
      const isOpen =
        round === roundOf[row] || round === 0 || input.selects(round, row);
      const distance = positions[row]! - positions[key]!;
      if (distance >= 0 && distance < window && isOpen) seen.push(key);
    }

    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor(head / (heads / kvHeads));
      const queryAt = (row * heads + head) * d;
      let largest = -Infinity;
      for (const key of seen) {
        const keyAt = (key * kvHeads + kvHead) * d;
        let dot = 0;
        for (let i = 0; i < d; i++) dot += q[queryAt + i]! * k[keyAt + i]!;
        probabilities[key] = dot * (scoreScale ?? 1 / Math.sqrt(d));
        largest = Math.max(largest, probabilities[key]);
      }
      let sum = 0;
      for (const key of seen) {
        probabilities[key] = Math.exp(probabilities[key]! - largest);
        sum += probabilities[key];
      }
      for (const key of seen) {
        const probability = probabilities[key]! / sum;
        const valueAt = (key * kvHeads + kvHead) * d;
        for (let i = 0; i < d; i++) {
          output[queryAt + i]! += probability * v[valueAt + i]!;
        }
        if (wantsMass) {
          mass[(row * heads + head) * rounds + roundOf[key]!]! += probability;
        }
        attention.get(row)?.set([probability], head * rows + key);
      }
    }
  }
  return { q, k, v, output, mass, attention };
}

function rotateAll(
  vectors: Float64Array,
  heads: number,
  d: number,
  positions: readonly number[],
  frequencies: Float64Array,
  magnitude?: number,
): Float64Array {
  const turned = new Float64Array(vectors.length);
  for (let i = 0; i < vectors.length / d; i++) {
    const vector = vectors.subarray(i * d, (i + 1) * d);
    const position = positions[Math.floor(i / heads)]!;
    turned.set(rotate(vector, position, frequencies, magnitude), i * d);
  }
  return turned;
}
