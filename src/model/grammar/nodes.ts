/**
 * Grammars of bytes: immutable nodes, of which equal ones are one object, so that an automaton's states can be
 * compared by identity. A node says which texts may stand at a place; rules give names to nodes, and may be
 * recursive.
 */

/** 1 for each byte that may stand here. */
export type ByteSet = Uint8Array;

export type GrammarNode = {
  readonly id: number;
} & (
  | { readonly kind: "nothing" }
  | { readonly kind: "empty" }
  | { readonly kind: "byte"; readonly set: ByteSet }
  | {
      readonly kind: "literal";
      readonly bytes: Uint8Array;
      readonly at: number;
    }
  | {
      readonly kind: "pair";
      readonly first: GrammarNode;
      readonly rest: GrammarNode;
    }
  | { readonly kind: "choice"; readonly of: readonly GrammarNode[] }
  | {
      readonly kind: "repeat";
      readonly of: GrammarNode;
      readonly min: number;
      readonly max: number;
    }
  | { readonly kind: "rule"; readonly rule: Rule }
);

export interface Rule {
  node: GrammarNode | undefined;
  /** Whether it has a finite text; see `findProductive`. */
  isProductive: boolean;
}

type Shape = GrammarNode extends infer N
  ? N extends unknown
    ? Omit<N, "id">
    : never
  : never;

const encoder = new TextEncoder();

/** Makes the nodes of one grammar. */
export class Nodes {
  /** Matches no text at all. */
  readonly nothing: GrammarNode;
  /** Matches the empty text. */
  readonly empty: GrammarNode;
  readonly rules: Rule[] = [];
  readonly #made = new Map<string, GrammarNode>();

  constructor() {
    this.nothing = this.#make("n", { kind: "nothing" });
    this.empty = this.#make("e", { kind: "empty" });
  }

  /** How many nodes there are. */
  get size(): number {
    return this.#made.size;
  }

  /** One byte out of inclusive ranges. */
  byte(
    ...ranges: readonly (readonly [from: number, to: number])[]
  ): GrammarNode {
    const set = new Uint8Array(256);
    for (const [from, to] of ranges) set.fill(1, from, to + 1);
    const key = ranges.length === 0 ? "" : set.join("");
    return key === ""
      ? this.nothing
      : this.#make(`b${key}`, { kind: "byte", set });
  }

  /** This text in UTF-8. */
  text(text: string): GrammarNode {
    return this.literal(encoder.encode(text));
  }

  literal(bytes: Uint8Array, at = 0): GrammarNode {
    if (at === bytes.length) return this.empty;
    const left = bytes.subarray(at);
    return this.#make(`l${left.join()}`, {
      kind: "literal",
      bytes: left,
      at: 0,
    });
  }

  /** One of these texts. What they begin with in common is read once, however many they are. */
  oneOf(texts: Iterable<string>): GrammarNode {
    const sorted = [...new Set(texts)].sort();
    return this.#tree(
      sorted.map((text) => encoder.encode(text)),
      0,
    );
  }

  /** Of texts that share their bytes before `at`. */
  #tree(texts: readonly Uint8Array[], at: number): GrammarNode {
    const [first] = texts;
    if (first === undefined) return this.nothing;
    let end = at;
    while (
      end < first.length &&
      texts.every((bytes) => bytes[end] === first[end])
    )
      end++;
    const shared = this.literal(first.subarray(0, end), at);
    if (texts.length === 1) return shared;
    const byNext = new Map<number, Uint8Array[]>();
    for (const bytes of texts) {
      const next = bytes[end] ?? -1;
      const group = byNext.get(next);
      if (group === undefined) byNext.set(next, [bytes]);
      else group.push(bytes);
    }
    const groups = [...byNext.values()];
    const rest = groups.map((group) => this.#tree(group, end));
    return this.sequence(shared, this.choice(...rest));
  }

  sequence(...of: readonly GrammarNode[]): GrammarNode {
    return of.reduceRight((rest, first) => this.#pair(first, rest), this.empty);
  }

  choice(...of: readonly GrammarNode[]): GrammarNode {
    const all = new Set(
      of.flatMap((one) => (one.kind === "choice" ? one.of : [one])),
    );
    all.delete(this.nothing);
    const list = [...all];
    if (list.length < 2) return list[0] ?? this.nothing;
    const ids = list.map(({ id }) => id).join();
    return this.#make(`c${ids}`, { kind: "choice", of: list });
  }

  optional(node: GrammarNode): GrammarNode {
    return this.choice(this.empty, node);
  }

  /** So many times, `max` included. */
  repeat(of: GrammarNode, min: number, max: number): GrammarNode {
    if (min > max) return this.nothing;
    if (max === 0 || of === this.empty) return this.empty;
    if (of === this.nothing) return min === 0 ? this.empty : this.nothing;
    if (min === 1 && max === 1) return of;
    return this.#make(`r${of.id},${min},${max}`, {
      kind: "repeat",
      of,
      min,
      max,
    });
  }

  /** A rule whose node is set later. */
  rule(): Rule & { readonly reference: GrammarNode } {
    const rule = { node: undefined, isProductive: false };
    const id = this.rules.push(rule);
    const reference = this.#make(`#${id}`, { kind: "rule", rule });
    return Object.assign(rule, { reference });
  }

  #pair(first: GrammarNode, rest: GrammarNode): GrammarNode {
    if (first === this.nothing || rest === this.nothing) return this.nothing;
    if (first === this.empty) return rest;
    if (rest === this.empty) return first;
    return this.#make(`p${first.id},${rest.id}`, { kind: "pair", first, rest });
  }

  #make(key: string, shape: Shape): GrammarNode {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const node = { ...shape, id: this.#made.size } as GrammarNode;
    this.#made.set(key, node);
    return node;
  }
}

/**
 * Marks the rules that have a finite text. One that needs itself has none ("a node has a child, which is a
 * node"), and no automaton may enter it: it would never come out.
 */
export function findProductive(rules: readonly Rule[]): void {
  let isChanged = true;
  while (isChanged) {
    isChanged = false;
    const seen = new Map<GrammarNode, boolean>();
    for (const rule of rules) {
      if (rule.isProductive || rule.node === undefined) continue;
      if (!isProductive(rule.node, seen)) continue;
      rule.isProductive = true;
      isChanged = true;
    }
  }
}

/** Whether a node has a finite text, as far as its rules are marked. */
export function isProductive(
  node: GrammarNode,
  seen = new Map<GrammarNode, boolean>(),
): boolean {
  const known = seen.get(node);
  if (known !== undefined) return known;
  const is = (() => {
    switch (node.kind) {
      case "nothing":
        return false;
      case "empty":
      case "byte":
      case "literal":
        return true;
      case "pair":
        return isProductive(node.first, seen) && isProductive(node.rest, seen);
      case "choice":
        return node.of.some((one) => isProductive(one, seen));
      case "repeat":
        return node.min === 0 || isProductive(node.of, seen);
      case "rule":
        return node.rule.isProductive;
      default:
        return node satisfies never;
    }
  })();
  seen.set(node, is);
  return is;
}
