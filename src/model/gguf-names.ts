/** What tensors of GGUF files are called elsewhere. */

const OUTER: Record<string, string> = {
  "token_embd.weight": "model.embed_tokens.weight",
  "output_norm.weight": "model.norm.weight",
  "output.weight": "lm_head.weight",
};

const OF_LAYER: Record<string, string> = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  attn_q_norm: "self_attn.q_norm",
  attn_k_norm: "self_attn.k_norm",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};

/** The name in a checkpoint of Hugging Face's; undefined where it has no such tensor. */
export function checkpointName(name: string): string | undefined {
  if (Object.hasOwn(OUTER, name)) return OUTER[name];
  const [, layer, part, kind] =
    /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(name) ?? [];
  if (layer === undefined || !Object.hasOwn(OF_LAYER, part!)) return undefined;
  return `model.layers.${layer}.${OF_LAYER[part!]}.${kind}`;
}
