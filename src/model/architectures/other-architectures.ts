/** Architectures that people try and the network does not compute: what it lacks for them. */

const RECURRENT =
  "layers with a recurrent state instead of KV (docs/recurrent-state.md)";
const LAYER_TABLES = "embeddings of each layer, and KV that layers share";
const EXPERTS = "a mixture of experts";

/** By their names in config.json, and in GGUF. */
const LACKING: Readonly<Record<string, string>> = {
  Qwen3NextForCausalLM: RECURRENT,
  qwen3next: RECURRENT,
  Qwen3_5ForCausalLM: RECURRENT,
  Qwen3_5ForConditionalGeneration: RECURRENT,
  qwen35: RECURRENT,
  Lfm2ForCausalLM: RECURRENT,
  lfm2: RECURRENT,
  GraniteMoeHybridForCausalLM: RECURRENT,
  granitehybrid: RECURRENT,
  FalconH1ForCausalLM: RECURRENT,
  "falcon-h1": RECURRENT,
  MambaForCausalLM: RECURRENT,
  Mamba2ForCausalLM: RECURRENT,
  mamba: RECURRENT,
  mamba2: RECURRENT,
  rwkv7: RECURRENT,
  Gemma3nForCausalLM: LAYER_TABLES,
  Gemma3nForConditionalGeneration: LAYER_TABLES,
  gemma3n: LAYER_TABLES,
  Gemma4ForCausalLM: LAYER_TABLES,
  Gemma4ForConditionalGeneration: LAYER_TABLES,
  gemma4: LAYER_TABLES,
  Gemma3ForConditionalGeneration:
    "images (its text alone, in GGUF, can be loaded)",
  Gemma2ForCausalLM: "caps of logits",
  gemma2: "caps of logits",
  MixtralForCausalLM: EXPERTS,
  Qwen2MoeForCausalLM: EXPERTS,
  qwen2moe: EXPERTS,
  Qwen3MoeForCausalLM: EXPERTS,
  qwen3moe: EXPERTS,
  GptOssForCausalLM: EXPERTS,
  "gpt-oss": EXPERTS,
  GraniteMoeForCausalLM: EXPERTS,
  granitemoe: EXPERTS,
  DeepseekV2ForCausalLM: EXPERTS,
  DeepseekV3ForCausalLM: EXPERTS,
  deepseek2: EXPERTS,
  Llama4ForCausalLM: EXPERTS,
  Llama4ForConditionalGeneration: EXPERTS,
  llama4: EXPERTS,
  T5ForConditionalGeneration: "an encoder",
  t5: "an encoder",
  BertModel: "an encoder",
  bert: "an encoder",
};

/** A name as an error message shows it: with what the network lacks, where that is known. */
export function nameWithLack(name: string): string {
  const lack = LACKING[name];
  return lack === undefined ? name : `${name}, which needs ${lack}`;
}
