/** A tokenizer.json of byte-level BPE as a GGUF file's metadata. */
import type { Metadata } from "./gguf-file";

interface TokenizerJson {
  model: { vocab: Record<string, number>; merges: (string | string[])[] };
  added_tokens: { id: number; content: string; special: boolean }[];
}

/** tokenizer.ggml.token_type */
const [NORMAL, CONTROL, USER_DEFINED] = [1, 3, 4];

/** @param pre how words are cut, in llama.cpp's names */
export function tokenizerMetadata(
  json: unknown,
  pre: string,
  template: string,
): Metadata {
  const { model, added_tokens } = json as TokenizerJson;
  const tokens: string[] = [];
  const kinds: number[] = [];
  for (const [text, id] of Object.entries(model.vocab)) {
    tokens[id] = text;
    kinds[id] = NORMAL;
  }
  for (const { id, content, special } of added_tokens) {
    tokens[id] = content;
    kinds[id] = special ? CONTROL : USER_DEFINED;
  }
  const merges = model.merges.map((pair) =>
    Array.isArray(pair) ? pair.join(" ") : pair,
  );
  return {
    "tokenizer.ggml.model": ["string", "gpt2"],
    "tokenizer.ggml.pre": ["string", pre],
    "tokenizer.ggml.tokens": ["string[]", tokens],
    "tokenizer.ggml.token_type": ["i32[]", kinds],
    "tokenizer.ggml.merges": ["string[]", merges],
    // In ChatML's models the second and third added tokens open and close a turn.
    "tokenizer.ggml.bos_token_id": ["u32", added_tokens[1]!.id],
    "tokenizer.ggml.eos_token_id": ["u32", added_tokens[2]!.id],
    "tokenizer.chat_template": ["string", template],
  };
}
