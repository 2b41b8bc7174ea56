/** A GGUF file's metadata about chats, as the objects of tokenizer_config.json and generation_config.json. */
import type { GgufMetadata } from "./metadata";
import { ggufTokens, tokenId } from "./tokens";

/** Names of sampler settings, in generation_config.json and in general.sampling. */
const SAMPLER = [
  ["temperature", "temp"],
  ["top_k", "top_k"],
  ["top_p", "top_p"],
  ["min_p", "min_p"],
  ["repetition_penalty", "penalty_repeat"],
] as const;

/**
 * The object of a tokenizer_config.json.
 *
 * @throws ModelFormatError
 */
export function ggufTokenizerConfig(
  metadata: GgufMetadata,
  tokens = ggufTokens(metadata),
): object {
  const textOf = (key: string): string | null => {
    const id = tokenId(metadata, key, tokens);
    return id === undefined ? null : tokens.texts[id]!;
  };
  const template = metadata.text("tokenizer.chat_template");
  return {
    bos_token: textOf("bos"),
    eos_token: textOf("eos"),
    unk_token: textOf("unknown"),
    pad_token: textOf("padding"),
    add_bos_token:
      metadata.boolean("tokenizer.ggml.add_bos_token") ??
      beginsWithBos(metadata),
    clean_up_tokenization_spaces: false,
    ...(template !== undefined && { chat_template: template }),
  };
}

/** Values of tokenizer.ggml.pre of tokenizers whose texts begin with BOS. */
const BEGINNING = ["llama3", "llama-v3", "llama-bpe", "tekken"];

/** Whether texts begin with BOS where the file does not say: as in llama.cpp. */
function beginsWithBos(metadata: GgufMetadata): boolean {
  const isSentencePiece = metadata.text("tokenizer.ggml.model") === "llama";
  const pre = metadata.text("tokenizer.ggml.pre") ?? "";
  return isSentencePiece || BEGINNING.includes(pre);
}

/**
 * The object of a generation_config.json.
 *
 * @throws ModelFormatError
 */
export function ggufGenerationConfig(
  metadata: GgufMetadata,
  tokens = ggufTokens(metadata),
): object {
  const named = ["eos", "eot", "eom"].flatMap(
    (key) => tokenId(metadata, key, tokens) ?? [],
  );
  const sampler = SAMPLER.flatMap(([name, key]) => {
    const value = metadata.number(`general.sampling.${key}`);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    eos_token_id: [...new Set(named)],
    ...Object.fromEntries(sampler),
  };
}
