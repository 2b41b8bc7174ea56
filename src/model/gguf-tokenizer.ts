/** A GGUF file's metadata as the tokenizer.json and tokenizer_config.json that its model has elsewhere. */
import { ModelFormatError } from "../util/errors";
import type { GgufMetadata, GgufValue } from "./gguf-header";

/** How a text is cut into words before byte-level BPE, by tokenizer.ggml.pre. */
const GPT2 =
  "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const modern = (digits: string) =>
  `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const WORDS: Record<string, readonly string[]> = {
  "gpt-2": [GPT2],
  qwen2: [modern("\\p{N}")],
  "llama-bpe": [modern("\\p{N}{1,3}")],
  smollm: ["\\p{N}", GPT2],
};

/** tokenizer.ggml.token_type */
const [CONTROL, USER_DEFINED] = [3, 4];

const ENDS: ReadonlySet<string> = new Set([
  "<|im_end|>",
  "<|endoftext|>",
  "<|eot_id|>",
  "<|eom_id|>",
  "<|end_of_text|>",
]);

export interface GgufTokenizer {
  tokenizer: object;
  config: object;
  /** Ids that end a reply. */
  eosTokenIds: number[];
}

/** @throws ModelFormatError for a tokenizer of another kind */
export function ggufTokenizer(
  metadata: GgufMetadata,
  file: string,
): GgufTokenizer {
  const of = (key: string) => metadata.get(`tokenizer.ggml.${key}`);
  const tokens = texts(of("tokens"));
  const types = (of("token_type") ?? []) as number[];
  const idOf = (key: string): number | undefined => {
    const id = of(`${key}_token_id`);
    return typeof id === "number" ? id : undefined;
  };
  const added = tokens.flatMap((content, id) =>
    content !== "" && (types[id] === CONTROL || types[id] === USER_DEFINED)
      ? [{ ...PLAIN, id, content, special: types[id] === CONTROL }]
      : [],
  );
  const parts = partsOf(metadata, file, tokens);
  const textOf = (key: string) => tokens[idOf(key) ?? -1];
  return {
    tokenizer: {
      version: "1.0",
      added_tokens: added,
      post_processor: null,
      ...parts,
    },
    config: {
      bos_token: textOf("bos"),
      eos_token: textOf("eos"),
      unk_token: textOf("unknown"),
      chat_template: metadata.get("tokenizer.chat_template"),
    },
    eosTokenIds: [
      ...["eos", "eot", "eom"].flatMap((key) => idOf(key) ?? []),
      // Many files name one of those that their models end a reply with.
      ...added
        .filter(({ content, special }) => special && ENDS.has(content))
        .map(({ id }) => id),
    ],
  };
}

/** @throws ModelFormatError */
function partsOf(
  metadata: GgufMetadata,
  file: string,
  tokens: readonly string[],
): object {
  const model = metadata.get("tokenizer.ggml.model");
  const pre = metadata.get("tokenizer.ggml.pre") ?? "gpt-2";
  if (model === "llama") return sentencePieceParts(metadata, tokens);
  const words =
    typeof pre === "string" && Object.hasOwn(WORDS, pre)
      ? WORDS[pre]
      : undefined;
  if (model === "gpt2" && words)
    return byteLevelParts(
      tokens,
      texts(metadata.get("tokenizer.ggml.merges")),
      words,
      pre === "llama-bpe",
    );
  throw new ModelFormatError({
    file,
    expected: `a tokenizer of the kind llama, or gpt2 with words as in ${Object.keys(WORDS).join(", ")}; or a tokenizer.json beside the file`,
    found: `${JSON.stringify(model ?? "none")}, ${JSON.stringify(pre)}`,
  });
}

function byteLevelParts(
  tokens: readonly string[],
  merges: readonly string[],
  words: readonly string[],
  ignoreMerges: boolean,
): object {
  const bytes = {
    type: "ByteLevel",
    add_prefix_space: false,
    trim_offsets: false,
    use_regex: false,
  };
  const splits = words.map((Regex) => ({
    type: "Split",
    pattern: { Regex },
    behavior: "Isolated",
    invert: false,
  }));
  return {
    normalizer: null,
    pre_tokenizer: { type: "Sequence", pretokenizers: [...splits, bytes] },
    decoder: bytes,
    model: {
      type: "BPE",
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: ignoreMerges,
      vocab: vocabulary(tokens),
      merges,
    },
  };
}

/**
 * SentencePiece's BPE joins the pair whose whole has the best score. Such files have scores and no list of
 * pairs: that is made here, as converters to tokenizer.json do.
 */
function sentencePieceParts(
  metadata: GgufMetadata,
  tokens: readonly string[],
): object {
  const scores = (metadata.get("tokenizer.ggml.scores") ?? []) as number[];
  const leads = metadata.get("tokenizer.ggml.add_space_prefix") !== false;
  const vocab = vocabulary(tokens);
  const ids = new Map(tokens.map((text, id) => [text, id]));
  const merges: { score: number; left: number; right: number; text: string }[] =
    [];
  tokens.forEach((text, id) => {
    for (let cut = 1; cut < text.length; cut++) {
      const [left, right] = [text.slice(0, cut), text.slice(cut)];
      const [leftId, rightId] = [ids.get(left), ids.get(right)];
      if (leftId === undefined || rightId === undefined) continue;
      merges.push({
        score: scores[id] ?? 0,
        left: leftId,
        right: rightId,
        text: `${left} ${right}`,
      });
    }
  });
  merges.sort(
    (a, b) => b.score - a.score || a.left - b.left || a.right - b.right,
  );
  const space = { type: "Replace", pattern: { String: " " }, content: "▁" };
  return {
    normalizer: {
      type: "Sequence",
      normalizers: [
        ...(leads ? [{ type: "Prepend", prepend: "▁" }] : []),
        space,
      ],
    },
    pre_tokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(leads ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: "BPE",
      unk_token:
        tokens[Number(metadata.get("tokenizer.ggml.unknown_token_id") ?? 0)],
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab,
      merges: merges.map(({ text }) => text),
    },
  };
}

const PLAIN = {
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
};

function vocabulary(tokens: readonly string[]): Record<string, number> {
  return Object.fromEntries(tokens.map((text, id) => [text, id]));
}

function texts(value: GgufValue | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
