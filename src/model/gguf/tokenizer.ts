/**
 * The tokenizer in a GGUF file's metadata as the object of a tokenizer.json: byte-level BPE as of GPT-2, or
 * SentencePiece's BPE as of Llama 2 and Gemma.
 */
import type { GgufMetadata } from "./metadata";
import { type GgufTokens, ggufTokens, tokenId } from "./tokens";

/** How tokenizers of byte-level BPE differ; the metadata only has a name for it. */
interface PreTokenizer {
  /** Each splits the pieces of the one before. */
  patterns: readonly string[];
  normalizer: object | null;
  /** Whether a word that is a token is used as it is, without merges. */
  isWholeFirst: boolean;
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const SPACES = "\\s+(?!\\S)|\\s+";
const GPT2 = `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|${SPACES}`;

/** GPT-4's kind, which splits numbers after so many digits. */
function words(digits: string): string {
  return `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|${SPACES}`;
}

/** GPT-4o's kind, which also splits words before a capital letter. */
function casedWords(contractions: string, digits: string): string {
  const [upper, lower] = ["\\p{Lu}\\p{Lt}", "\\p{Ll}"].map(
    (letters) => `[${letters}\\p{Lm}\\p{Lo}\\p{M}]`,
  );
  const before = "[^\\r\\n\\p{L}\\p{N}]?";
  return `${before}${upper}*${lower}+${contractions}|${before}${upper}+${lower}*${contractions}|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|${SPACES}`;
}

const gpt2: PreTokenizer = {
  patterns: [GPT2],
  normalizer: null,
  isWholeFirst: false,
};
const smollm = { ...gpt2, patterns: ["\\p{N}", GPT2] };
const qwen = { ...gpt2, patterns: [words("\\p{N}")] };
const qwen2 = { ...qwen, normalizer: { type: "NFC" } };
const gpt4 = { ...gpt2, patterns: [words("\\p{N}{1,3}")] };
const llama3 = { ...gpt4, isWholeFirst: true };
const gpt4o = {
  ...gpt2,
  patterns: [casedWords(`${CONTRACTIONS}?`, "\\p{N}{1,3}")],
};
const tekken = {
  ...gpt2,
  patterns: [casedWords("", "\\p{N}")],
  isWholeFirst: true,
};
const deepSeekCoder = {
  ...gpt2,
  patterns: [
    "[\\r\\n]",
    "\\s?\\p{L}+",
    "\\s?\\p{P}+",
    "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+",
    "\\p{N}",
  ],
};

/** By tokenizer.ggml.pre, with the models that it stands for where the name does not say so. */
const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizer> = new Map([
  ["gpt-2", gpt2],
  ["phi-2", gpt2],
  ["olmo", gpt2],
  ["granite-docling", gpt2],
  ["smollm", smollm],
  ["starcoder", smollm],
  ["refact", smollm], // Granite 3
  ["command-r", smollm],
  ["qwen2", qwen2],
  ["deepseek-r1-qwen", qwen],
  ["llama-bpe", llama3],
  ["llama3", llama3],
  ["llama-v3", llama3],
  ["smaug-bpe", gpt4], // SmolLM3
  ["dbrx", gpt4], // Granite 4, OLMo 2
  ["gpt-4o", gpt4o], // Phi-4-mini
  ["tekken", tekken], // Mistral Nemo
  ["deepseek-coder", deepSeekCoder],
]);

const ADVICE = "or a tokenizer.json beside the file";

/**
 * The object of a tokenizer.json.
 *
 * @throws ModelFormatError for a kind of tokenizer that the metadata does not fully describe
 */
export function ggufTokenizer(
  metadata: GgufMetadata,
  read?: GgufTokens,
): object {
  const key = "tokenizer.ggml.model";
  const kind = metadata.present(key, metadata.text(key));
  const tokens = read ?? ggufTokens(metadata);
  const shared = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: tokens.added,
  };
  switch (kind) {
    case "gpt2":
      return { ...shared, ...byteLevel(metadata, tokens) };
    case "llama":
      return { ...shared, ...sentencePiece(metadata, tokens) };
    default:
      throw metadata.problem(`${key}: gpt2 or llama, ${ADVICE}`, kind);
  }
}

function byteLevel(metadata: GgufMetadata, tokens: GgufTokens): object {
  const key = "tokenizer.ggml.pre";
  const pre = metadata.text(key) ?? "nothing";
  const preTokenizer = PRE_TOKENIZERS.get(pre);
  if (preTokenizer === undefined) {
    const known = [...PRE_TOKENIZERS.keys()].join(", ");
    throw metadata.problem(`${key}: ${known}, ${ADVICE}`, pre);
  }
  const { patterns, normalizer, isWholeFirst } = preTokenizer;
  const merges = metadata.present(
    "tokenizer.ggml.merges",
    metadata.texts("tokenizer.ggml.merges"),
  );

  const bytes = {
    type: "ByteLevel",
    add_prefix_space: false,
    trim_offsets: false,
    use_regex: false,
  };
  const splits = patterns.map((Regex) => ({
    type: "Split",
    pattern: { Regex },
    behavior: "Isolated",
    invert: false,
  }));
  return {
    normalizer,
    pre_tokenizer: { type: "Sequence", pretokenizers: [...splits, bytes] },
    post_processor: null,
    decoder: bytes,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: isWholeFirst,
      vocab: Object.fromEntries(tokens.ordinary),
      merges,
    },
  };
}

/** BPE over words with "▁" for spaces, and byte tokens for characters without a token. */
function sentencePiece(metadata: GgufMetadata, tokens: GgufTokens): object {
  const unknown = tokenId(metadata, "unknown", tokens);
  const unknownText = unknown === undefined ? null : tokens.texts[unknown]!;
  const vocabulary = new Map(tokens.ordinary);
  if (unknownText !== null) vocabulary.set(unknownText, unknown!);
  const hasLead = metadata.boolean("tokenizer.ggml.add_space_prefix") ?? true;
  const replace = (from: string, to: string) => ({
    type: "Replace",
    pattern: { String: from },
    content: to,
  });
  const lead = { type: "Prepend", prepend: "▁" };
  const noLead = { type: "Strip", content: " ", start: 1, stop: 0 };
  return {
    normalizer: {
      type: "Sequence",
      normalizers: [...(hasLead ? [lead] : []), replace(" ", "▁")],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: "Sequence",
      decoders: [
        replace("▁", " "),
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(hasLead ? [noLead] : []),
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: unknownText,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(vocabulary),
      merges: [],
      scores: joinScores(metadata, tokens),
    },
  };
}

/**
 * Scores by id; see scored-bpe.ts. Null where no join makes the token: the bytes, and what is matched as a whole.
 *
 * @throws ModelFormatError if a token lacks a score
 */
function joinScores(
  metadata: GgufMetadata,
  { texts, ordinary, byteIds }: GgufTokens,
): (number | null)[] {
  const key = "tokenizer.ggml.scores";
  const scores = metadata.present(key, metadata.numbers(key));
  if (scores.length !== texts.length) {
    throw metadata.problem(
      `${key}: one for each of ${texts.length} tokens`,
      String(scores.length),
    );
  }
  const joined = texts.map((): number | null => null);
  for (const id of ordinary.values())
    if (!byteIds.has(id)) joined[id] = scores[id]!;
  return joined;
}
