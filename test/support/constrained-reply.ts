/** Replies drawn at random from what a constraint allows, as a model without any sense would make them. */
import {
  type Constraint,
  type Vocabulary,
} from "../../src/model/grammar/constraint";
import { TokenTrie } from "../../src/model/grammar/token-trie";

const encoder = new TextEncoder();

/** Each byte is a token, and 256 ends a reply. */
export const byteVocabulary: Vocabulary = {
  trie: new TokenTrie([
    ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
    undefined,
  ]),
  endTokens: [256],
  encode: (text) => [...encoder.encode(text)],
};

/** The ids of a mask. */
export function idsOf(mask: Uint32Array): number[] {
  const ids: number[] = [];
  for (const [word, bits] of mask.entries())
    for (let bit = 0; bit < 32; bit++)
      if ((bits >>> bit) & 1) ids.push(word * 32 + bit);
  return ids;
}

/**
 * Draws until the reply ends, more and more often a token that leads there.
 *
 * @param hurry after so many tokens, none but those
 */
export function drawReply(
  constraint: Constraint,
  vocabulary: Vocabulary,
  random: () => number,
  hurry: number,
): number[] {
  const tokens: number[] = [];
  while (!constraint.isEnded) {
    const ids = idsOf(constraint.allowed());
    if (ids.length === 0)
      throw new Error(`Nothing may follow ${textOf(vocabulary, tokens)}`);
    if (tokens.length > hurry + 1000)
      throw new Error(`No end: ${textOf(vocabulary, tokens)}`);
    const isHurried = random() < tokens.length / hurry;
    const from = isHurried ? closing(vocabulary, ids) : ids;
    const token = from[Math.floor(random() * from.length)]!;
    constraint.accept(token);
    if (!constraint.isEnded) tokens.push(token);
  }
  return tokens;
}

/** Tokens by what they do in JSON, sorted out once for a vocabulary. */
interface Kinds {
  brackets: ReadonlySet<number>;
  quotes: ReadonlySet<number>;
  /** Short ones that open nothing and leave no number unfinished. */
  short: ReadonlySet<number>;
}

const known = new WeakMap<Vocabulary, Kinds>();

function kindsOf(vocabulary: Vocabulary): Kinds {
  const before = known.get(vocabulary);
  if (before !== undefined) return before;
  const kinds = {
    brackets: new Set<number>(),
    quotes: new Set<number>(),
    short: new Set<number>(),
  };
  for (const [id, bytes] of vocabulary.trie.tokens.entries()) {
    if (bytes === undefined || bytes.length > 2) continue;
    const isOf = (signs: string) =>
      bytes.every((byte) => signs.includes(String.fromCharCode(byte)));
    if (isOf("]}")) kinds.brackets.add(id);
    else if (isOf('"')) kinds.quotes.add(id);
    else if (!isOf("[{,-eE. \n\t\\")) kinds.short.add(id);
  }
  known.set(vocabulary, kinds);
  return kinds;
}

/** Ends, else what closes something, else what opens nothing, else all. */
/** Of these tokens those that lead to the end of a reply. */
export function closing(
  vocabulary: Vocabulary,
  ids: readonly number[],
): readonly number[] {
  const ends = ids.filter((id) => vocabulary.endTokens.includes(id));
  if (ends.length > 0) return ends;
  const { brackets, quotes, short } = kindsOf(vocabulary);
  // Many tokens: inside a string.
  const order = ids.length > 200 ? [quotes, short] : [brackets, quotes, short];
  const choices = order.map((some) => ids.filter((id) => some.has(id)));
  return choices.find((some) => some.length > 0) ?? ids;
}

export function bytesOf(
  { trie }: Vocabulary,
  tokens: readonly number[],
): Uint8Array {
  return Uint8Array.from(tokens.flatMap((id) => [...trie.tokens[id]!]));
}

export function textOf(
  vocabulary: Vocabulary,
  tokens: readonly number[],
): string {
  return new TextDecoder().decode(bytesOf(vocabulary, tokens));
}

/** Whether a constraint over single bytes allows this text, and is complete behind it. */
export function takes(constraint: Constraint, text: string): boolean {
  return goesOn(constraint, encoder.encode(text)) && constraint.isComplete;
}

/** Whether a constraint over single bytes allows these; it has accepted those before the first that it does not. */
export function goesOn(
  constraint: Constraint,
  bytes: Iterable<number>,
): boolean {
  for (const byte of bytes) {
    const mask = constraint.allowed();
    if (((mask[byte >>> 5]! >>> (byte & 31)) & 1) === 0) return false;
    constraint.accept(byte);
  }
  return true;
}
