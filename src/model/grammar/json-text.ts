/** The parts of JSON's grammar: strings, white space, and values of any kind. */
import { characters, type CodePoints, complement } from "./characters";
import { type GrammarNode, Nodes } from "./nodes";
import { decimals } from "./numbers";

/**
 * How values are laid out.
 *
 * - `single-line`: {"a": 1, "b": [2, 3]}, as most models write it; what is certain needs no step of the model
 * - `flexible`: with or without spaces, on one line or several with indents
 */
export type JsonLayout = "single-line" | "flexible";

/** What a string must escape: quotes, backslashes and control characters. */
const ESCAPED: CodePoints = [
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
];
/** Longer indents are of no use, and a model could go on with them forever. */
const MAX_INDENT = 32;

/** The parts, made once for a grammar. */
export class JsonText {
  readonly nodes = new Nodes();
  readonly comma: GrammarNode;
  readonly colon: GrammarNode;
  /** Inside brackets, and before and behind a value. */
  readonly space: GrammarNode;
  /** One character in a string, written as itself, of those that take one byte. */
  readonly plainByte: GrammarNode;
  /** One character in a string, written as itself or escaped. */
  readonly character: GrammarNode;
  #any: GrammarNode | undefined;

  constructor(layout: JsonLayout) {
    const { nodes } = this;
    const indent = nodes.byte([0x20, 0x20], [0x09, 0x09]);
    const space = nodes.choice(
      nodes.empty,
      nodes.text(" "),
      nodes.sequence(nodes.text("\n"), nodes.repeat(indent, 0, MAX_INDENT)),
    );
    const isFlexible = layout === "flexible";
    this.space = isFlexible ? space : nodes.empty;
    const sign = (text: string) =>
      isFlexible
        ? nodes.sequence(space, nodes.text(text), space)
        : nodes.text(`${text} `);
    this.comma = sign(",");
    this.colon = sign(":");
    this.plainByte = nodes.byte([0x20, 0x21], [0x23, 0x5b], [0x5d, 0x7f]);
    this.character = nodes.choice(
      this.plainByte,
      characters(nodes, [[0x80, 0x10ffff]]),
      nodes.sequence(nodes.text("\\"), escapes(nodes)),
    );
  }

  /** A string of so many characters. */
  string(min: number, max: number): GrammarNode {
    return this.quoted(this.nodes.repeat(this.character, min, max));
  }

  quoted(inside: GrammarNode): GrammarNode {
    const quote = this.nodes.text('"');
    return this.nodes.sequence(quote, inside, quote);
  }

  /** A string, written without escapes at its start, that is none of these. */
  stringBut(texts: readonly string[]): GrammarNode {
    return texts.length === 0
      ? this.string(0, Infinity)
      : this.nodes.sequence(
          this.nodes.text('"'),
          this.#but(texts.map((text) => [...text])),
        );
  }

  /** The rest of a string and its end, unless it is one of these. */
  #but(texts: readonly (readonly string[])[]): GrammarNode {
    const { nodes } = this;
    const quote = nodes.text('"');
    const next = new Map<string, string[][]>();
    for (const [first, ...rest] of texts)
      if (first !== undefined)
        next.set(first, [...(next.get(first) ?? []), rest]);
    const points = [...next.keys()].map((text) => text.codePointAt(0)!);
    const others = complement([
      ...ESCAPED,
      ...points.map((point) => [point, point] as const),
    ]);
    return nodes.choice(
      texts.some((text) => text.length === 0) ? nodes.nothing : quote,
      ...[...next].map(([first, rest]) =>
        // What must be escaped is not written here: no text goes on with it.
        JSON.stringify(first) === `"${first}"`
          ? nodes.sequence(nodes.text(first), this.#but(rest))
          : nodes.nothing,
      ),
      nodes.sequence(
        characters(nodes, others),
        nodes.repeat(this.character, 0, Infinity),
        quote,
      ),
    );
  }

  /** `{}`, or the members that `inside` gives. */
  object(inside: GrammarNode): GrammarNode {
    return this.#brackets("{", inside, "}");
  }

  array(inside: GrammarNode): GrammarNode {
    return this.#brackets("[", inside, "]");
  }

  /** A list of so many, with commas. */
  list(of: GrammarNode, min: number, max: number): GrammarNode {
    const { nodes } = this;
    if (max === 0) return min === 0 ? nodes.empty : nodes.nothing;
    const more = nodes.repeat(
      nodes.sequence(this.comma, of),
      Math.max(0, min - 1),
      max - 1,
    );
    const some = nodes.sequence(of, more);
    return min === 0 ? nodes.optional(some) : some;
  }

  /** A value of any kind. */
  get any(): GrammarNode {
    if (this.#any !== undefined) return this.#any;
    const { nodes } = this;
    const rule = nodes.rule();
    this.#any = rule.reference;
    rule.node = nodes.choice(
      nodes.text("null"),
      nodes.text("true"),
      nodes.text("false"),
      decimals(nodes, {}),
      this.string(0, Infinity),
      this.array(this.list(this.#any, 0, Infinity)),
      this.object(
        this.list(
          this.member(this.string(0, Infinity), this.#any),
          0,
          Infinity,
        ),
      ),
    );
    return this.#any;
  }

  member(key: GrammarNode, value: GrammarNode): GrammarNode {
    return this.nodes.sequence(key, this.colon, value);
  }

  /** This value alone. */
  value(value: unknown): GrammarNode {
    const { nodes } = this;
    const separated = (parts: readonly GrammarNode[]) =>
      nodes.sequence(
        ...parts.flatMap((part, i) => (i === 0 ? [part] : [this.comma, part])),
      );
    if (Array.isArray(value))
      return this.array(separated(value.map((one) => this.value(one))));
    if (typeof value !== "object" || value === null)
      return nodes.text(JSON.stringify(value));
    const members = Object.entries(value).map(([key, one]) =>
      this.member(nodes.text(JSON.stringify(key)), this.value(one)),
    );
    return this.object(separated(members));
  }

  #brackets(open: string, inside: GrammarNode, close: string): GrammarNode {
    const { nodes, space } = this;
    return nodes.sequence(
      nodes.text(open),
      space,
      inside,
      space,
      nodes.text(close),
    );
  }
}

/** Behind a backslash. Halves of surrogate pairs are written in pairs only. */
function escapes(nodes: Nodes): GrammarNode {
  const hex = nodes.byte([0x30, 0x39], [0x41, 0x46], [0x61, 0x66]);
  const one = (text: string) =>
    nodes.byte(
      ...[...text].map((c) => [c.charCodeAt(0), c.charCodeAt(0)] as const),
    );
  const d = one("dD");
  const unit = nodes.choice(
    nodes.sequence(
      nodes.byte(
        [0x30, 0x39],
        [0x41, 0x43],
        [0x61, 0x63],
        [0x45, 0x46],
        [0x65, 0x66],
      ),
      hex,
      hex,
      hex,
    ),
    nodes.sequence(d, one("01234567"), hex, hex),
  );
  const pair = nodes.sequence(
    d,
    one("89abAB"),
    hex,
    hex,
    nodes.text("\\u"),
    d,
    one("cdefCDEF"),
    hex,
    hex,
  );
  return nodes.choice(
    one('"\\/bfnrt'),
    nodes.sequence(nodes.text("u"), nodes.choice(unit, pair)),
  );
}
