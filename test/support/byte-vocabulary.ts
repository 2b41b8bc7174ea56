/**
 * A made-up vocabulary of byte-level BPE as metadata of GGUF files, the same each time: what llama.cpp makes of
 * texts with it is in test/golden/llama-cpp-tokens.json (tools/oracle).
 *
 * Its merges were learned with no regard to words, so that ids show where a tokenizer cuts words.
 */
import type { GgufEntry } from "./gguf-file";

/** Values of tokenizer.ggml.pre. */
export const PRE_NAMES = [
  "gpt-2",
  "phi-2",
  "olmo",
  "granite-docling",
  "smollm",
  "starcoder",
  "refact",
  "command-r",
  "qwen2",
  "deepseek-r1-qwen",
  "llama-bpe",
  "llama3",
  "llama-v3",
  "smaug-bpe",
  "dbrx",
  "gpt-4o",
  "tekken",
  "deepseek-coder",
] as const;

/** What tokenizers cut in different ways: contractions, numbers, capitals, spaces, line ends, signs, scripts. */
export const WORDS = [
  "I'M HERE, you'll say it's 'twas don't WE'RE",
  "123456789 3.14159 v2 12 345 ½ x²",
  "HelloWorld fooBar parseJSONValue ABCdef iPhone",
  "   three  two one \t tab\t\ttabs  ",
  "line\nline\n\nline\r\n\r\n  indented\n\n\n    more",
  "a/b//c:///d {x+=1;} /* c */ ... ?! -- _x_ $5",
  "Привет мир, Ελλάδα ñandú Über Straße",
  "東京タワー 안녕하세요 中文 한국",
  "🙂🙂 👍 «x» “y”",
];

const MERGES = 900;

/** Text that the merges are learned from: the texts, and what may stand beside their words. */
const CORPUS = [
  ...WORDS,
  ...WORDS.map((text) => text.replaceAll(" ", "")),
  ...WORDS.map((text) => text.toUpperCase()),
].join(" ");

export function byteVocabulary(pre: string): [key: string, entry: GgufEntry][] {
  const { alphabet, merges } = learned;
  const tokens = [...alphabet, ...merges.map((merge) => merge.join(""))];
  const types = tokens.map(() => 1);
  return [
    ["tokenizer.ggml.model", ["string", "gpt2"]],
    ["tokenizer.ggml.pre", ["string", pre]],
    ["tokenizer.ggml.tokens", ["string[]", [...tokens, "<|end|>"]]],
    ["tokenizer.ggml.token_type", ["i32[]", [...types, 3]]],
    ["tokenizer.ggml.merges", ["string[]", merges.map((one) => one.join(" "))]],
    ["tokenizer.ggml.bos_token_id", ["u32", tokens.length]],
    ["tokenizer.ggml.eos_token_id", ["u32", tokens.length]],
  ];
}

/** The characters that stand for bytes in GPT-2's vocabulary and its kind. */
function byteCharacters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable =
      (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    return String.fromCodePoint(isPrintable ? byte : next++);
  });
}

/** Joins the commonest pair of neighbours again and again; the first of equals. */
function learn(): { alphabet: string[]; merges: [string, string][] } {
  const alphabet = byteCharacters();
  let pieces = Array.from(
    new TextEncoder().encode(CORPUS),
    (byte) => alphabet[byte]!,
  );
  const merges: [string, string][] = [];
  const made = new Set(alphabet);
  while (merges.length < MERGES) {
    const counts = new Map<string, number>();
    for (let i = 1; i < pieces.length; i++) {
      const pair = `${pieces[i - 1]!} ${pieces[i]!}`;
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    const fresh = [...counts].filter(
      ([pair]) => !made.has(pair.replace(" ", "")),
    );
    if (fresh.length === 0) break;
    const [best] = fresh.reduce((a, b) => (b[1] > a[1] ? b : a));
    const [left, right] = best.split(" ") as [string, string];
    merges.push([left, right]);
    made.add(left + right);
    const joined: string[] = [];
    for (let i = 0; i < pieces.length; i++) {
      const isPair = pieces[i] === left && pieces[i + 1] === right;
      joined.push(isPair ? left + right : pieces[i]!);
      if (isPair) i++;
    }
    pieces = joined;
  }
  return { alphabet, merges };
}

const learned = learn();
