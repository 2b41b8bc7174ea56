/**
 * A vocabulary as a tree of bytes, so that a whole subtree is left out where its first byte may not stand. The nodes
 * lie in the order in which a walk meets them:
 *
 *     node    0    1    2    3    4        tokens "a", "ab", "c"; children right behind their parent
 *     byte    -    a    b    c
 *     depth   0    1    2    1
 *     end     4    3    3    4             the first node that is not below this one
 */
export class TokenTrie {
  /** Ids, rounded up to whole words of 32 bits. */
  readonly words: number;
  /** The bytes of each token; undefined for those that are no text. */
  readonly tokens: readonly (Uint8Array | undefined)[];
  /** Bytes of the longest token. */
  readonly maxBytes: number;
  readonly all: TrieNodes;
  /** The tokens that are not plain; see `plain`. */
  readonly notPlain: TrieNodes;
  /** By token: of how many characters it is if it is plain; else 0. */
  readonly #characters: Uint16Array;
  readonly #plain = new Map<number, Uint32Array>();
  readonly #maxCharacters: number;

  /** @param rows of the model's table of logits, if it has more than there are tokens */
  constructor(
    tokens: readonly (Uint8Array | undefined)[],
    rows = tokens.length,
  ) {
    this.tokens = tokens;
    this.words = Math.ceil(rows / 32);
    this.#characters = new Uint16Array(tokens.length);
    const ids: number[] = [];
    const notPlain: number[] = [];
    let maxBytes = 0;
    for (const [id, bytes] of tokens.entries()) {
      if (bytes === undefined || bytes.length === 0) continue;
      ids.push(id);
      maxBytes = Math.max(maxBytes, bytes.length);
      this.#characters[id] = plainCharacters(bytes);
      if (this.#characters[id] === 0) notPlain.push(id);
    }
    this.maxBytes = maxBytes;
    this.#maxCharacters = this.#characters.reduce((a, b) => Math.max(a, b), 0);
    this.all = trieOf(tokens, ids);
    this.notPlain = trieOf(tokens, notPlain);
  }

  /**
   * A bit for each plain token of so many characters at most; not to be changed. Plain are those of whole characters,
   * none of which a string must escape.
   */
  plain(most: number): Uint32Array {
    const key = Math.min(most, this.#maxCharacters);
    const known = this.#plain.get(key);
    if (known !== undefined) return known;
    const mask = new Uint32Array(this.words);
    for (const [id, count] of this.#characters.entries())
      if (count > 0 && count <= key) setBit(mask, id);
    this.#plain.set(key, mask);
    return mask;
  }
}

export interface TrieNodes {
  readonly length: number;
  readonly byte: Uint8Array;
  readonly depth: Uint16Array;
  readonly end: Uint32Array;
  /** The first token that ends here, or -1. */
  readonly token: Int32Array;
  /** By token: another of the same bytes, or -1. */
  readonly same: Int32Array;
}

export function setBit(mask: Uint32Array, id: number): void {
  mask[id >>> 5]! |= 1 << (id & 31);
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** How many characters, if none of them must be escaped; else 0. */
function plainCharacters(bytes: Uint8Array): number {
  let count = 0;
  let isAscii = true;
  for (const byte of bytes) {
    if (byte < 0x20 || byte === 0x22 || byte === 0x5c) return 0;
    if ((byte & 0xc0) !== 0x80) count++;
    if (byte >= 0x80) isAscii = false;
  }
  if (isAscii) return count;
  try {
    decoder.decode(bytes);
    return count;
  } catch {
    return 0;
  }
}

function trieOf(
  tokens: readonly (Uint8Array | undefined)[],
  ids: readonly number[],
): TrieNodes {
  const built = insertAll(tokens, ids);
  const { count, bytes, firstChild, nextSibling, tokenAt } = built;
  const byte = new Uint8Array(count);
  const depth = new Uint16Array(count);
  const end = new Uint32Array(count);
  const token = new Int32Array(count);
  let next = 0;
  // Each open node: where it came from, and where it lies now.
  const open: { old: number; placed: number }[] = [];
  const enter = (old: number): void => {
    byte[next] = bytes[old]!;
    depth[next] = open.length;
    token[next] = tokenAt[old]!;
    open.push({ old, placed: next++ });
  };
  enter(0);
  let child = firstChild[0]!;
  while (open.length > 0) {
    if (child !== 0) {
      enter(child);
      child = firstChild[child]!;
      continue;
    }
    const { old, placed } = open.pop()!;
    end[placed] = next;
    child = nextSibling[old]!;
  }
  return { length: count, byte, depth, end, token, same: built.same };
}

/** Nodes in the order in which tokens make them; node 0 is the root. */
function insertAll(
  tokens: readonly (Uint8Array | undefined)[],
  ids: readonly number[],
) {
  const most = ids.reduce((sum, id) => sum + tokens[id]!.length, 1);
  const bytes = new Uint8Array(most);
  const firstChild = new Uint32Array(most);
  const nextSibling = new Uint32Array(most);
  const tokenAt = new Int32Array(most).fill(-1);
  const same = new Int32Array(tokens.length).fill(-1);
  const children = new ChildTable(most);
  let count = 1;
  for (const id of ids) {
    let node = 0;
    for (const value of tokens[id]!) {
      const known = children.find(node, value, count);
      if (known === count) {
        bytes[count] = value;
        nextSibling[count] = firstChild[node]!;
        firstChild[node] = count++;
      }
      node = known;
    }
    same[id] = tokenAt[node]!;
    tokenAt[node] = id;
  }
  return { count, bytes, firstChild, nextSibling, tokenAt, same };
}

/** Children by parent and byte: a table with open addressing, for millions of them. */
class ChildTable {
  readonly #keys: Float64Array;
  readonly #values: Uint32Array;
  readonly #mask: number;

  constructor(count: number) {
    const size = 2 ** Math.ceil(Math.log2(2 * count + 2));
    this.#keys = new Float64Array(size);
    this.#values = new Uint32Array(size);
    this.#mask = size - 1;
  }

  /** The child there; `fresh` becomes it if there is none. */
  find(parent: number, byte: number, fresh: number): number {
    const key = parent * 256 + byte + 1;
    let at = (Math.imul(key | 0, 0x9e3779b1) >>> 0) & this.#mask;
    while (this.#keys[at] !== 0) {
      if (this.#keys[at] === key) return this.#values[at]!;
      at = (at + 1) & this.#mask;
    }
    this.#keys[at] = key;
    this.#values[at] = fresh;
    return fresh;
  }
}
