/** A tokenizer.json as the metadata of a GGUF file: what llama.cpp's converter would write. */
import type { GgufEntry } from "./gguf-file";

interface TokenizerJson {
  model: {
    vocab: Record<string, number>;
    merges: (string | [string, string])[];
  };
  added_tokens: { id: number; content: string; special: boolean }[];
}

/** @param pre tokenizer.ggml.pre; undefined for SentencePiece's kind, which has scores and no merges */
export function ggufVocabulary(
  tokenizerJson: unknown,
  pre: string | undefined,
): [key: string, entry: GgufEntry][] {
  const { model, added_tokens } = tokenizerJson as TokenizerJson;
  const tokens: string[] = [];
  const types: number[] = [];
  for (const [text, id] of Object.entries(model.vocab)) {
    const isByte = pre === undefined && /^<0x[0-9A-F]{2}>$/.test(text);
    tokens[id] = text;
    types[id] = isByte ? 6 : 1;
  }
  for (const { id, content, special } of added_tokens) {
    tokens[id] = content;
    types[id] = content === "<unk>" ? 2 : special ? 3 : 4;
  }
  const merges = model.merges.map((merge) =>
    typeof merge === "string" ? merge : merge.join(" "),
  );
  const ranks = new Map(
    merges.map((merge, rank) => [merge.replace(" ", ""), rank]),
  );
  const scores = tokens.map((text) => -(ranks.get(text) ?? 0));

  const kind: [string, GgufEntry][] =
    pre === undefined
      ? [
          ["tokenizer.ggml.model", ["string", "llama"]],
          ["tokenizer.ggml.scores", ["f32[]", scores]],
          ["tokenizer.ggml.unknown_token_id", ["u32", 0]],
        ]
      : [
          ["tokenizer.ggml.model", ["string", "gpt2"]],
          ["tokenizer.ggml.pre", ["string", pre]],
          ["tokenizer.ggml.merges", ["string[]", merges]],
        ];
  return [
    ...kind,
    ["tokenizer.ggml.tokens", ["string[]", tokens]],
    ["tokenizer.ggml.token_type", ["i32[]", types]],
  ];
}
