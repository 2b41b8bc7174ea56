/** The vocabulary of a GGUF file: its tokens by id, with their types. */
import { isTurnMark } from "../text/turn-tokens";
import type { GgufMetadata } from "./metadata";

/** An entry of tokenizer.json's added_tokens. */
interface AddedToken {
  id: number;
  content: string;
  special: boolean;
}

export interface GgufTokens {
  /** By id. */
  texts: readonly string[];
  /** Ordinary tokens, without marking and added ones. */
  ordinary: ReadonlyMap<string, number>;
  /** Those of them that stand for a byte of a character without a token. */
  byteIds: ReadonlySet<number>;
  /** Tokens matched as a whole: marks of turns and the like, and added words. */
  added: readonly AddedToken[];
}

// Numbers in tokenizer.ggml.token_type.
const ORDINARY = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;
const UNUSED = 5;
const BYTE = 6;

/** The format has no field for these. */
const PLAIN = {
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
};

/** @throws ModelFormatError */
export function ggufTokens(metadata: GgufMetadata): GgufTokens {
  const texts = metadata.present(
    "tokenizer.ggml.tokens",
    metadata.texts("tokenizer.ggml.tokens"),
  );
  const key = "tokenizer.ggml.token_type";
  const types = metadata.numbers(key) ?? guessedTypes(metadata, texts);
  if (types.length !== texts.length) {
    throw metadata.problem(
      `${key}: one for each of ${texts.length} tokens`,
      String(types.length),
    );
  }

  const ordinary = new Map<string, number>();
  const byteIds = new Set<number>();
  const added: AddedToken[] = [];
  for (const [id, content] of texts.entries()) {
    const type = types[id]!;
    // Rows of the embedding table without a token have such names; older files call them added.
    const isFiller = type === UNUSED || content === `[PAD${id}]`;
    if (isFiller || content === "") continue;
    // Some files list marks of turns as words.
    const isSpecial =
      type === CONTROL || type === UNKNOWN || isTurnMark(content);
    if (isSpecial || type === USER_DEFINED) {
      added.push({ ...PLAIN, id, content, special: isSpecial });
    } else if (!ordinary.has(content)) {
      ordinary.set(content, id);
      if (type === BYTE) byteIds.add(id);
    }
  }
  return { texts, ordinary, byteIds, added };
}

/** Of a file that does not say: bytes are written as such, and the tokens that it names are marks. */
function guessedTypes(
  metadata: GgufMetadata,
  texts: readonly string[],
): number[] {
  const named = ["bos", "eos", "eot", "eom", "unknown", "padding"].map((key) =>
    metadata.number(`tokenizer.ggml.${key}_token_id`),
  );
  return texts.map((text, id) => {
    if (/^<0x[0-9A-F]{2}>$/.test(text)) return BYTE;
    return named.includes(id) ? CONTROL : ORDINARY;
  });
}

/**
 * The id at a key.
 *
 * @throws ModelFormatError if no token has that id
 */
export function tokenId(
  metadata: GgufMetadata,
  key: string,
  { texts }: GgufTokens,
): number | undefined {
  const id = metadata.number(`tokenizer.ggml.${key}_token_id`);
  // Some converters write -1 for "none", with a sign or without one.
  if (id === undefined || id === -1 || id === 0xffffffff) return undefined;
  if (texts[id] !== undefined) return id;
  throw metadata.problem(
    `tokenizer.ggml.${key}_token_id: below ${texts.length}`,
    String(id),
  );
}
