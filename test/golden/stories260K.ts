/** The trained model stories260K, and what it answers; see stories260K/SOURCE.md. */
import type { LlamaConfig } from "../reference/llama";
import type { Tensor, Tensors } from "../support/tensors";

/** Where the files lie, for `fetch` or `readFile`. */
export const stories260KFiles = {
  model: new URL("./stories260K/stories260K.bin", import.meta.url),
  gguf: new URL("./stories260K/stories260Ktok512.gguf", import.meta.url),
  tokenizer: new URL("./stories260K/tok512.bin", import.meta.url),
  reference: new URL("./stories260K/reference_f64.json", import.meta.url),
  text: new URL("./stories260K/expected_greedy_200.txt", import.meta.url),
};

/** reference_f64.json: a double-precision run, rounded to nine digits. */
export interface Stories260KReference {
  /** What was fed: BOS, then the greedy tokens. */
  tokens: number[];
  per_position_top5: {
    ids: number[];
    logits: number[];
    logsumexp: number;
    gap: number;
  }[];
  /** By position. */
  detail: Record<
    string,
    {
      embed: number[];
      layers: {
        /** In pairs (2i, 2i + 1); `interleaved` brings values of ours into that order. */
        q_rot: number[];
        k_rot: number[];
        v: number[];
        /** [heads][keys]. */
        attn_probs: number[][];
        after_attn: number[];
        after_ffn: number[];
      }[];
      final_norm: number[];
      logits: number[];
    }
  >;
}

/**
 * The model of stories260K.bin, with the names and the RoPE convention of a
 * Hugging Face checkpoint: header of seven int32, then float32 tensors, each
 * kind for all layers. The rows of wq and wk come in pairs (2i, 2i + 1), and
 * leave as pairs (i, i + d/2).
 */
export function parseStories260K(file: ArrayBuffer): {
  /** The object of a config.json. */
  config: LlamaConfig & Record<string, unknown>;
  tensors: Tensors;
} {
  const header = new Int32Array(file, 0, 7);
  const [dim, hidden, layers, heads, kvHeads, vocab, context] =
    header as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
  const headDim = dim / heads;
  const kvDim = kvHeads * headDim;
  const tensors = new Map<string, Tensor>();

  let offset = header.byteLength;
  const take = (shape: number[]): Tensor => {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = new Float32Array(file, offset, count);
    offset += values.byteLength;
    return { type: "F32", shape, values };
  };
  const eachLayer = (name: string, shape: number[]) => {
    for (let layer = 0; layer < layers; layer++) {
      const tensor = take(shape);
      const isPaired = name.endsWith("q_proj") || name.endsWith("k_proj");
      tensors.set(
        `model.layers.${layer}.${name}.weight`,
        isPaired ? halvesFromPairs(tensor, headDim) : tensor,
      );
    }
  };

  tensors.set("model.embed_tokens.weight", take([vocab, dim]));
  eachLayer("input_layernorm", [dim]);
  eachLayer("self_attn.q_proj", [dim, dim]);
  eachLayer("self_attn.k_proj", [kvDim, dim]);
  eachLayer("self_attn.v_proj", [kvDim, dim]);
  eachLayer("self_attn.o_proj", [dim, dim]);
  eachLayer("post_attention_layernorm", [dim]);
  eachLayer("mlp.gate_proj", [hidden, dim]);
  eachLayer("mlp.down_proj", [dim, hidden]);
  eachLayer("mlp.up_proj", [hidden, dim]);
  tensors.set("model.norm.weight", take([dim]));

  return {
    config: {
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
      hidden_act: "silu",
      hidden_size: dim,
      intermediate_size: hidden,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: kvHeads,
      head_dim: headDim,
      vocab_size: vocab,
      max_position_embeddings: context,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      rope_scaling: null,
      tie_word_embeddings: true,
      attention_bias: false,
      mlp_bias: false,
      bos_token_id: 1,
      eos_token_id: 2,
    },
    tensors,
  };
}

/** The rows of each head, even ones first. */
function halvesFromPairs({ type, shape, values }: Tensor, headDim: number) {
  const [rows, columns] = shape as [number, number];
  const moved = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const from = row - (row % headDim) + pairedIndex(row % headDim, headDim);
    const source = values.subarray(from * columns, (from + 1) * columns);
    moved.set(source, row * columns);
  }
  return { type, shape, values: moved };
}

/** Where value i of a head stands when the pairs are (2i, 2i + 1). */
function pairedIndex(i: number, headDim: number): number {
  return i < headDim / 2 ? 2 * i : 2 * i - headDim + 1;
}

/** Queries or keys of whole heads in the order of the reference. */
export function interleaved(
  values: ArrayLike<number>,
  headDim: number,
): Float64Array {
  const moved = new Float64Array(values.length);
  for (let at = 0; at < values.length; at++) {
    const i = at % headDim;
    moved[at - i + pairedIndex(i, headDim)] = values[at]!;
  }
  return moved;
}

/**
 * Text of tokens, by tok512.bin: int32 length of the longest, then for each
 * token a float32 score, an int32 length, and its bytes. The first token is
 * the one before the text.
 */
export function stories260KDecoder(
  file: ArrayBuffer,
): (tokens: readonly number[]) => string {
  const view = new DataView(file);
  const pieces: Uint8Array[] = [];
  for (let offset = 4; offset < file.byteLength;) {
    const length = view.getInt32(offset + 4, true);
    pieces.push(new Uint8Array(file, offset + 8, length));
    offset += 8 + length;
  }
  const BOS = 1;

  return (tokens) => {
    const bytes: number[] = [];
    for (let i = 1; i < tokens.length; i++) {
      const piece = pieces[tokens[i]!]!;
      const raw = /^<0x([0-9A-F]{2})>$/.exec(new TextDecoder().decode(piece));
      if (raw) bytes.push(parseInt(raw[1]!, 16));
      else if (tokens[i - 1] === BOS && piece[0] === 0x20) {
        bytes.push(...piece.subarray(1));
      } else bytes.push(...piece);
    }
    return new TextDecoder().decode(Uint8Array.from(bytes));
  };
}
