/**
 * Holds a reply to a schema: after each token, which tokens may follow. Only tokens after which the reply can still
 * become valid are allowed, and those that end it only where it is valid.
 *
 *     const vocabulary = prepareVocabulary(tokenizer, { endTokens, rows });   // once for a model
 *     const constraint = compileConstraint(vocabulary, schema);               // once for a reply
 *     constraint.allowed()   // a bit for each token
 *     constraint.accept(token)
 */
import type { Segment, Tokenizer } from "../text/tokenizer";
import { Automaton, type Stack, type State } from "./automaton";
import type { JsonLayout, JsonText } from "./json-text";
import { type Grammar, schemaGrammar } from "./schema-grammar";
import { tokenBytes } from "./token-bytes";
import { setBit, TokenTrie, type TrieNodes } from "./token-trie";

/** What is prepared once for a model. */
export interface Vocabulary {
  readonly trie: TokenTrie;
  /** Those that end a reply. */
  readonly endTokens: readonly number[];
  /** The tokens of a text that stands inside another. */
  readonly encode: (text: string) => number[];
}

export interface ConstraintOptions {
  /** `single-line` if not given. */
  layout?: JsonLayout | undefined;
}

export interface VocabularyOptions {
  endTokens: Iterable<number>;
  /** Rows of the model's table of logits, if it has more than there are tokens. */
  rows?: number;
  /** Texts of marking tokens that replies may have, such as `<tool_call>`. */
  marks?: readonly string[];
}

export function prepareVocabulary(
  tokenizer: Tokenizer,
  { endTokens, rows, marks = [] }: VocabularyOptions,
): Vocabulary {
  const known = marks.filter((mark) => tokenizer.markers.includes(mark));
  return {
    trie: new TokenTrie(tokenBytes(tokenizer, known), rows),
    endTokens: [...endTokens],
    encode: (text) => tokenizer.encodeSegments(segmentsOf(text, known), "text"),
  };
}

/** A text in which these marks are tokens. */
function segmentsOf(
  text: string,
  [mark, ...marks]: readonly string[],
): Segment[] {
  if (mark === undefined) return [{ content: text }];
  return text
    .split(mark)
    .flatMap((part, i) => [
      ...(i === 0 ? [] : [{ template: mark }]),
      ...segmentsOf(part, marks),
    ]);
}

/**
 * @param schema a JSON schema, or "json" for any object
 * @throws SchemaError
 */
export function compileConstraint(
  vocabulary: Vocabulary,
  schema: unknown,
  { layout = "single-line" }: ConstraintOptions = {},
): Constraint {
  return constrain(vocabulary, schemaGrammar(schema, layout));
}

/** Holds a reply to any grammar. */
export function constrain(
  vocabulary: Vocabulary,
  { text, root }: Grammar,
): Constraint {
  const automaton = new Automaton(text.nodes, root);
  const masks = new Masks(vocabulary, automaton, text);
  return new Constraint(vocabulary, automaton, masks, automaton.start);
}

/** The most bytes that are looked ahead. */
const MAX_FORCED_BYTES = 4096;

export class Constraint {
  readonly #vocabulary: Vocabulary;
  readonly #automaton: Automaton;
  readonly #masks: Masks;
  #state: State;
  #isEnded = false;

  constructor(
    vocabulary: Vocabulary,
    automaton: Automaton,
    masks: Masks,
    state: State,
  ) {
    this.#vocabulary = vocabulary;
    this.#automaton = automaton;
    this.#masks = masks;
    this.#state = state;
  }

  /** Whether the reply is valid as it stands. */
  get isComplete(): boolean {
    return this.#state.isAccepting;
  }

  /** Whether an end token was accepted. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /**
   * A bit for each token that may follow, the lowest of each word first; not to be changed. All 0 once the reply has
   * ended. Also all 0 where the vocabulary has no token for what must follow: those without all 256 bytes.
   */
  allowed(): Uint32Array {
    return this.#isEnded ? this.#masks.none : this.#masks.of(this.#state);
  }

  /** @throws RangeError for a token that is not allowed; the constraint stays as it was */
  accept(token: number): void {
    const { endTokens, trie } = this.#vocabulary;
    const isEnd = endTokens.includes(token) && this.isComplete;
    const after = isEnd ? this.#state : this.#after(trie.tokens[token]);
    if (this.#isEnded || after === null)
      throw new RangeError(`Token ${token} is not allowed here.`);
    this.#isEnded = isEnd;
    this.#state = after;
  }

  /**
   * Takes what a reply has already, whatever its tokens are.
   *
   * @returns whether it may begin like that; if not, the constraint stays as it was
   */
  begin(text: string): boolean {
    const after = this.#after(new TextEncoder().encode(text));
    if (after === null) return text === "";
    this.#state = after;
    return true;
  }

  /** The same reply so far, to go on in another way. */
  fork(): Constraint {
    const fork = new Constraint(
      this.#vocabulary,
      this.#automaton,
      this.#masks,
      this.#state,
    );
    fork.#isEnded = this.#isEnded;
    return fork;
  }

  /**
   * The tokens that follow in any case, as the tokenizer makes them; none are accepted yet. Ends before a token that
   * could also be the start of a longer one, with what the model may choose.
   */
  forced(): number[] {
    const states = [this.#state];
    const bytes: number[] = [];
    while (!this.#isEnded && bytes.length < MAX_FORCED_BYTES) {
      const byte = this.#automaton.onlyByte(states.at(-1)!);
      if (byte === undefined) break;
      bytes.push(byte);
      states.push(this.#automaton.step(states.at(-1)!, byte)!);
    }
    return this.#cut(Uint8Array.from(bytes), states);
  }

  /** The tokens of these bytes that no choice behind them can change. */
  #cut(bytes: Uint8Array, states: readonly State[]): number[] {
    const { trie, encode } = this.#vocabulary;
    const text = new TextDecoder().decode(bytes).replace(/\uFFFD+$/, "");
    const kept: number[] = [];
    let at = 0;
    for (const token of text === "" ? [] : encode(text)) {
      const own = trie.tokens[token];
      const isSame = own?.every((byte, i) => bytes[at + i] === byte);
      if (own === undefined || isSame !== true) break;
      if (this.#canGrow(bytes.subarray(at), states.at(-1)!)) break;
      kept.push(token);
      at += own.length;
    }
    return kept;
  }

  /** Whether a token begins with all of these bytes and goes on with what may follow them. */
  #canGrow(bytes: Uint8Array, state: State): boolean {
    const { all, maxBytes } = this.#vocabulary.trie;
    if (bytes.length >= maxBytes) return false;
    const node = descend(all, bytes);
    if (node === undefined) return false;
    const base = all.depth[node]!;
    const states: (State | null)[] = [state];
    for (let i = node + 1; i < all.end[node]!;) {
      const depth = all.depth[i]! - base;
      const next = this.#automaton.step(states[depth - 1]!, all.byte[i]!);
      if (next === null) {
        i = all.end[i]!;
        continue;
      }
      if (all.token[i]! >= 0) return true;
      states[depth] = next;
      i++;
    }
    return false;
  }

  #after(bytes: Uint8Array | undefined): State | null {
    if (bytes === undefined || bytes.length === 0) return null;
    let state: State | null = this.#state;
    for (const byte of bytes) {
      state = this.#automaton.step(state, byte);
      if (state === null) return null;
    }
    return state;
  }
}

/** The node that these bytes lead to from the root. */
function descend(nodes: TrieNodes, bytes: Uint8Array): number | undefined {
  let node = 0;
  for (const byte of bytes) {
    const end = nodes.end[node]!;
    let child = node + 1;
    while (child < end && nodes.byte[child] !== byte) child = nodes.end[child]!;
    if (child >= end) return undefined;
    node = child;
  }
  return node;
}

/** Ends a string; no plain token has it. */
const QUOTE = 0x22;

/** Masks kept, each a bit for each token. */
const MAX_MASKS = 256;

/** The masks of an automaton's states; those last used are kept. */
class Masks {
  readonly none: Uint32Array;
  readonly #vocabulary: Vocabulary;
  readonly #automaton: Automaton;
  readonly #text: JsonText;
  readonly #kept = new Map<State, Uint32Array>();

  constructor(vocabulary: Vocabulary, automaton: Automaton, text: JsonText) {
    this.#vocabulary = vocabulary;
    this.#automaton = automaton;
    this.#text = text;
    this.none = new Uint32Array(vocabulary.trie.words);
  }

  of(state: State): Uint32Array {
    const mask = this.#kept.get(state) ?? this.#make(state);
    this.#kept.delete(state);
    this.#kept.set(state, mask);
    if (this.#kept.size > MAX_MASKS)
      this.#kept.delete(this.#kept.keys().next().value!);
    return mask;
  }

  #make(state: State): Uint32Array {
    const { trie, endTokens } = this.#vocabulary;
    const free = this.#freeCharacters(state);
    const mask =
      free === undefined
        ? new Uint32Array(trie.words)
        : trie.plain(free).slice();
    this.#walk(free === undefined ? trie.all : trie.notPlain, state, mask);
    if (state.isAccepting) for (const token of endTokens) setBit(mask, token);
    return mask;
  }

  /**
   * So many characters may follow inside a string, whichever they are: this tells which plain tokens are allowed
   * without a walk. Undefined where that depends on the characters.
   */
  #freeCharacters({ stacks }: State): number | undefined {
    const { plainByte, character } = this.#text;
    const strings = new Set<Stack>();
    let most = 0;
    for (const { node, next } of stacks) {
      const rest = next?.node;
      const isFree =
        node === plainByte && rest?.kind === "repeat" && rest.of === character;
      if (!isFree) continue;
      strings.add(next!);
      most = Math.max(most, rest.max + 1);
    }
    const isOfString = (stack: Stack): boolean => {
      if (stack.node.kind === "literal" && stack.node.bytes[0] === QUOTE)
        return true;
      let at = stack.next;
      for (let i = 0; i < 4 && at !== undefined; i++, at = at.next)
        if (strings.has(at)) return true;
      return false;
    };
    return strings.size > 0 && stacks.every(isOfString) ? most : undefined;
  }

  #walk(nodes: TrieNodes, start: State, mask: Uint32Array): void {
    const { byte, depth, end, token, same, length } = nodes;
    const automaton = this.#automaton;
    const states: State[] = [start];
    for (let node = 1; node < length;) {
      const level = depth[node]!;
      const before = states[level - 1]!;
      const value = byte[node]!;
      const known = before.after[value];
      const next = known === undefined ? automaton.step(before, value) : known;
      if (next === null) {
        node = end[node]!;
        continue;
      }
      states[level] = next;
      for (let id = token[node]!; id >= 0; id = same[id]!) setBit(mask, id);
      node++;
    }
  }
}
