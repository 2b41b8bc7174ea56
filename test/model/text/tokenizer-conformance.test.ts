/** Token ids against those of other implementations; see SOURCE.md beside the vectors. */
import { describe, expect, it } from "vitest";
import {
  fixture,
  fixtureJson,
  tokenizerOf,
  type TokenizerName,
} from "../../support/tokenizers";

interface Vector {
  text: string;
  ids: number[];
  decoded: string;
}

describe("llama.cpp's vectors for Qwen2", () => {
  const folder = "tokenizers/qwen2.5/qwen2.gguf";
  const texts = fixture(`${folder}.inp`).split("\n__ggml_vocab_test__\n");
  const lines = fixture(`${folder}.out`).split("\n");

  it("number 47, the last of them empty", () => {
    expect(texts).toHaveLength(47);
    expect(texts.at(-1)).toBe("");
  });

  for (const [i, text] of texts.entries()) {
    it(JSON.stringify(text).slice(0, 60), () => {
      const ids = (lines[i] ?? "").split(" ").filter(Boolean).map(Number);
      expect(tokenizerOf("qwen25").encodeText(text)).toEqual(ids);
      // The normalizer composes characters (NFC); all else comes back as it was.
      expect(tokenizerOf("qwen25").decode(ids)).toBe(text.normalize("NFC"));
    });
  }
});

describe("transformers.js's vectors", () => {
  const models = fixtureJson(
    "tokenizer-vectors/transformersjs_tokenization.json",
  ) as Record<string, { cases: (Vector & { name: string })[] }>;
  const run: Record<string, TokenizerName> = {
    "Xenova/Qwen1.5-0.5B-Chat": "qwen25",
  };
  /** Their tokenizer.json is not among the fixtures. */
  const notRun = [
    "Xenova/CodeGPT-tokenizer",
    "Xenova/TinyLLama-v0",
    "Xenova/claude-tokenizer",
    "Xenova/deepseek-coder-1.3b-instruct",
    "Xenova/gemma2-tokenizer",
    "Xenova/gpt-4",
    "Xenova/gpt-4o",
    "Xenova/gpt2",
    "Xenova/llama-tokenizer",
    "Xenova/llama3-tokenizer",
    "Xenova/llama3-tokenizer-new",
    "Xenova/tamillama_tiny_30m",
    "bigcode/santacoder",
    "huggingface-course/codeparrot-ds",
    "openai-community/gpt2",
    "tiiuae/falcon-7b",
    "tiiuae/falcon-rw-1b",
  ];

  it("are run for every model whose tokenizer is here", () => {
    expect(Object.keys(models).sort()).toEqual(
      [...Object.keys(run), ...notRun].sort(),
    );
  });

  for (const [model, name] of Object.entries(run)) {
    for (const vector of models[model]!.cases) {
      it(`${model} ${vector.name}`, () => {
        expect(tokenizerOf(name).encodeText(vector.text)).toEqual(vector.ids);
        expect(tokenizerOf(name).decode(vector.ids)).toBe(vector.decoded);
      });
    }
  }
});

describe("Hugging Face tokenizers' vectors", () => {
  const cases: [TokenizerName, string][] = [
    ["smolLm2", "smollm2-135m-instruct/vectors.json"],
    ["sentencePieceLike", "sentencepiece-like/vectors.json"],
    ["sentencePieceLikeFirst", "sentencepiece-like/vectors-first.json"],
  ];
  /** @huggingface/tokenizers' ByteFallback takes U+FEFF for a byte order mark and drops it. */
  const decodedOtherwise = ["x \ufeffy", "\ufeffHi"];

  for (const [name, path] of cases) {
    for (const { text, ids, decoded } of fixtureJson(
      `tokenizers/${path}`,
    ) as Vector[]) {
      it(`${name} ${JSON.stringify(text).slice(0, 60)}`, () => {
        expect(tokenizerOf(name).encode(text)).toEqual(ids);
        const hasByteFallback = name !== "smolLm2";
        if (hasByteFallback && decodedOtherwise.includes(text)) {
          expect(tokenizerOf(name).decode(ids)).toBe(
            decoded.replace("\ufeff", ""),
          );
        } else {
          expect(tokenizerOf(name).decode(ids)).toBe(decoded);
        }
      });
    }
  }
});
