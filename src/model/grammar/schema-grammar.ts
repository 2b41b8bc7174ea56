/**
 * The grammar of a schema's values as JSON. Members stand in the schema's order, so that the model does not have to
 * choose it; every text of the grammar is valid by the schema, but not every valid text is in the grammar.
 *
 * What a schema leaves open is written as narrowly as makes sense: members that `properties` does not name only
 * where `additionalProperties` allows them by name, items behind `prefixItems` only where `items` does, and a schema
 * that only speaks of objects makes objects.
 */
import { admits } from "./admits";
import { Flattener } from "./flatten";
import { itemPlaces, memberPlaces, otherPlaces, type Plain } from "./plain";
import { type JsonLayout, JsonText } from "./json-text";
import { findProductive, type GrammarNode, isProductive } from "./nodes";
import { decimals, integers } from "./numbers";
import {
  isObject,
  type JsonKind,
  type Place,
  place,
  schemaError,
} from "./schema-keywords";

export interface Grammar {
  readonly text: JsonText;
  readonly root: GrammarNode;
}

const MAX_DEPTH = 100;
const MAX_NODES = 200_000;

/**
 * @param schema a JSON schema, or "json" for any object
 * @throws SchemaError
 */
export function schemaGrammar(schema: unknown, layout: JsonLayout): Grammar {
  const text = new JsonText(layout);
  const root = schema === "json" ? { type: "object" } : schema;
  if (typeof root !== "boolean" && !isObject(root))
    throw schemaError("#", 'it must be an object, or "json" in its place.');
  if (isDeeper(root, MAX_DEPTH))
    throw schemaError("#", `it is nested more than ${MAX_DEPTH} deep.`);
  const compiler = new Compiler(text, root);
  const value = compiler.node([place(root, "#")]);
  compiler.finish();
  findProductive(text.nodes.rules);
  if (!isProductive(value)) throw schemaError("#", "no value is valid by it.");
  return { text, root: text.nodes.sequence(text.space, value) };
}

/** Also of what contains itself, which has no depth. */
function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return (
    depth === 0 || Object.values(value).some((one) => isDeeper(one, depth - 1))
  );
}

class Compiler {
  readonly #text: JsonText;
  readonly #flattener: Flattener;
  /** Nodes by the schemas that hold together. */
  readonly #made = new Map<string, GrammarNode>();
  readonly #ids = new Map<object, number>();
  readonly #todo: (() => void)[] = [];

  constructor(text: JsonText, root: unknown) {
    this.#text = text;
    this.#flattener = new Flattener(root);
  }

  /** A value by all of these. Its rule is filled in by `finish`. */
  node(places: readonly Place[]): GrammarNode {
    const schemas = places.flatMap(({ schema }) =>
      typeof schema === "boolean" ? [] : [this.#idOf(schema)],
    );
    if (places.some(({ schema }) => schema === false))
      return this.#text.nodes.nothing;
    if (schemas.length === 0) return this.#text.any;
    const key = [...new Set(schemas)].sort((a, b) => a - b).join();
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const rule = this.#text.nodes.rule();
    this.#made.set(key, rule.reference);
    this.#todo.push(() => {
      const { nodes } = this.#text;
      const plains = this.#flattener.flatten(places);
      rule.node = nodes.choice(...plains.map((plain) => this.#plain(plain)));
      if (nodes.size > MAX_NODES)
        throw schemaError(
          places[0]!.path,
          "it is too large: shorten lists, or lower maxLength.",
        );
    });
    return rule.reference;
  }

  finish(): void {
    for (let next = this.#todo.shift(); next; next = this.#todo.shift()) next();
  }

  #idOf(schema: object): number {
    const id = this.#ids.get(schema) ?? this.#ids.size;
    this.#ids.set(schema, id);
    return id;
  }

  #plain(plain: Plain): GrammarNode {
    const { nodes } = this.#text;
    refuseTexts(plain);
    if (plain.values !== undefined) {
      const parts = (places: readonly Place[]) =>
        this.#flattener.flatten(places);
      const valid = plain.values.filter((one) => admits(plain, one, parts));
      const isSimple = (one: unknown) => Object(one) !== one;
      return nodes.choice(
        nodes.oneOf(valid.filter(isSimple).map((one) => JSON.stringify(one))),
        ...valid
          .filter((one) => !isSimple(one))
          .map((one) => this.#text.value(one)),
      );
    }
    const all = [...plain.writtenKinds].map((kind) => this.#kind(kind, plain));
    return nodes.choice(...all);
  }

  #kind(kind: JsonKind, plain: Plain): GrammarNode {
    const text = this.#text;
    const { nodes } = text;
    switch (kind) {
      case "null":
        return nodes.text("null");
      case "boolean":
        return nodes.choice(nodes.text("true"), nodes.text("false"));
      case "number":
        return plain.isInteger
          ? integers(nodes, plain.number)
          : decimals(nodes, plain.number);
      case "string":
        return text.string(plain.minLength, plain.maxLength);
      case "array":
        return text.array(this.#items(plain));
      case "object":
        return text.object(this.#members(plain));
      default:
        return kind satisfies never;
    }
  }

  #items({ array, minItems, maxItems }: Plain): GrammarNode {
    const text = this.#text;
    const { nodes } = text;
    const named = Math.max(0, ...array.map(({ first }) => first.length));
    const hasRest =
      named === 0 ||
      minItems > named ||
      array.some(({ rest }) => rest !== undefined);
    const restPlaces = hasRest ? itemPlaces(array, named) : undefined;
    const rest = restPlaces ? this.node(restPlaces) : nodes.nothing;
    /** The items from here on, without a comma before them. */
    const from = (index: number): GrammarNode => {
      if (index >= named) {
        const least = Math.max(0, minItems - index);
        const most = maxItems - index;
        return most < 0
          ? nodes.nothing
          : text.list(
              rest,
              least,
              rest === nodes.nothing ? Math.min(most, 0) : most,
            );
      }
      const end = index >= minItems ? nodes.empty : nodes.nothing;
      const places = index < maxItems ? itemPlaces(array, index) : undefined;
      if (places === undefined) return end;
      const item = this.node(places);
      const more = behind(index + 1);
      return nodes.choice(end, nodes.sequence(item, more));
    };
    /** The same, each with a comma before it. */
    const behind = (index: number): GrammarNode => {
      const end = index >= minItems ? nodes.empty : nodes.nothing;
      if (index >= maxItems) return end;
      if (index >= named)
        return nodes.repeat(
          nodes.sequence(text.comma, rest),
          Math.max(0, minItems - index),
          maxItems - index,
        );
      const places = itemPlaces(array, index);
      if (places === undefined) return end;
      return nodes.choice(
        end,
        nodes.sequence(text.comma, this.node(places), behind(index + 1)),
      );
    };
    return from(0);
  }

  #members(plain: Plain): GrammarNode {
    const text = this.#text;
    const { nodes } = text;
    const { object, required, minProperties, maxProperties, path } = plain;
    const declared = object.flatMap(({ properties }) => [...properties.keys()]);
    const names = [...new Set([...declared, ...required])];
    const isOpen =
      declared.length === 0
        ? true
        : object.some(({ additional }) => additional !== undefined);
    const others = isOpen ? otherPlaces(object) : undefined;
    if (others !== undefined && minProperties > required.length)
      throw schemaError(
        path,
        "replies can't be held to minProperties where members are free: a name may come twice. Name them in properties and required.",
      );
    const counts = minProperties > required.length || maxProperties < Infinity;
    const other =
      others === undefined
        ? nodes.nothing
        : text.member(text.stringBut(names), this.node(others));

    const made = new Map<string, GrammarNode>();
    /** The members from one on, when so many stand before them; only whether there are any, unless they are counted. */
    const from = (index: number, before: number): GrammarNode => {
      const key = `${index},${before}`;
      const known = made.get(key);
      if (known !== undefined) return known;
      const node = index < names.length ? named(index, before) : free(before);
      made.set(key, node);
      return node;
    };
    const after = (before: number) => (counts ? before + 1 : 1);
    const named = (index: number, before: number): GrammarNode => {
      const name = names[index]!;
      const places = memberPlaces(object, name);
      const isRequired = required.includes(name);
      const skipped = isRequired ? nodes.nothing : from(index + 1, before);
      if (places === undefined || before >= maxProperties) return skipped;
      const member = text.member(
        nodes.text(JSON.stringify(name)),
        this.node(places),
      );
      const comma = before === 0 ? nodes.empty : text.comma;
      const rest = from(index + 1, after(before));
      return nodes.choice(nodes.sequence(comma, member, rest), skipped);
    };
    const free = (before: number): GrammarNode => {
      const least = Math.max(0, minProperties - before);
      const most = maxProperties - before;
      if (most < 0) return nodes.nothing;
      if (other === nodes.nothing)
        return least === 0 || !counts ? nodes.empty : nodes.nothing;
      return before === 0
        ? text.list(other, 0, most)
        : nodes.repeat(nodes.sequence(text.comma, other), 0, most);
    };
    return from(0, 0);
  }
}

/** The formats that validators check; others are remarks. */
const FORMATS = new Set(
  "date,time,date-time,duration,email,idn-email,hostname,idn-hostname,ipv4,ipv6,uuid,uri,uri-reference,uri-template,iri,iri-reference,regex,json-pointer,relative-json-pointer".split(
    ",",
  ),
);

function refuseTexts({ patterns, formats }: Plain): void {
  const [pattern] = patterns;
  if (pattern !== undefined)
    throw schemaError(
      pattern.path,
      "replies can't be held to a pattern. Leave it out, and check it when the reply is there.",
    );
  const format = formats.find(({ source }) => FORMATS.has(source));
  if (format !== undefined)
    throw schemaError(
      format.path,
      `replies can't be held to the format ${format.source}. Leave it out, and check it when the reply is there.`,
    );
}
