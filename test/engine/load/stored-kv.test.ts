/**
 * Fingerprints of KV that is stored already. A browser's database holds segments under these names; a change
 * here has every chat of such a model prefilled again.
 */
import { expect, test } from "vitest";
import { segmentFingerprint } from "../../../src/engine/load/fingerprint";
import { readConfig } from "../../../src/model/config/config";

const shape = {
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 1024,
  vocab_size: 512,
};
const llama = { ...shape, architectures: ["LlamaForCausalLM"] };
const mistral = { ...shape, architectures: ["MistralForCausalLM"] };
const qwen2 = { ...shape, architectures: ["Qwen2ForCausalLM"] };
const qwen3 = { ...shape, architectures: ["Qwen3ForCausalLM"], head_dim: 32 };

test.each<[model: string, config: object, fingerprint: string]>([
  [
    "a Llama",
    llama,
    "38bf05ce963126e6653119dc2dc227e8d90e56456df09c8a7820af43857e9d93",
  ],
  [
    "a Llama with Llama 3's RoPE",
    {
      ...llama,
      rms_norm_eps: 1e-5,
      rope_theta: 500_000,
      rope_scaling: {
        rope_type: "llama3",
        factor: 32,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
      },
      tie_word_embeddings: true,
    },
    "bc4d94dea96ec2ee0effd8b60d9caa49c63c3e18f4a18f64a32c223fe6a58a55",
  ],
  [
    "a Llama from GGUF, with RoPE by factors",
    {
      ...llama,
      rope_scaling: {
        rope_type: "factors",
        factors: [1, 1, 1, 1, 2, 4, 8, 32],
      },
    },
    "511dc71b4f4032acd02c6de58ecf75391380302397c6e9686cdbb7291238e5ca",
  ],
  [
    "a Llama with biases",
    { ...llama, attention_bias: true, head_dim: 32 },
    "358799ae0901397ddf7f4a16530102093784f241af26f7dd5f2995a7629d5e57",
  ],
  [
    "a Mistral with a window",
    { ...mistral, rms_norm_eps: 1e-5, sliding_window: 512 },
    "1a2246074bbf445a5b9ff332e4cda0be3169a1ea25adc67c78c70de6078e08a7",
  ],
  [
    "a Qwen2 with a window that it does not use",
    {
      ...qwen2,
      rope_theta: 1e6,
      tie_word_embeddings: true,
      sliding_window: 512,
      use_sliding_window: false,
    },
    "089ff0bb0a03a91ac760722c58f58da6ae4dba09abb7c596e130bbb2f90f30af",
  ],
  [
    "a Qwen2 with linear scaling, and a word on biases that it does not heed",
    {
      ...qwen2,
      rope_scaling: { type: "linear", factor: 2 },
      attention_bias: true,
    },
    "c7cb3b21a523d710e72a2c8a3b82a2eecfccdbe0cd0ec34b9dd445e9be2731a0",
  ],
  [
    "a Qwen3",
    {
      ...qwen3,
      rope_parameters: { rope_type: "default", rope_theta: 1e6 },
      tie_word_embeddings: true,
    },
    "9a2ab32a7f4b1be5b571c5c304e89ce3133465ce30a908d7232e87a1b374f2d0",
  ],
  [
    "a Qwen3 with biases",
    { ...qwen3, attention_bias: true },
    "1590fdd942ac755ed3047c89b58951ab426ffb167db3ed133e9c84ebcc6c440b",
  ],
])("KV of %s keeps its name", async (_, config, fingerprint) => {
  const found = await segmentFingerprint({
    config: readConfig(config),
    weightsHash: "w",
    weightFormats: { embedding: "BF16", matrices: ["BF16"] },
    textFingerprint: "t",
    pages: { format: "f16", watershed: 0 },
  });
  expect(found).toBe(fingerprint);
});
