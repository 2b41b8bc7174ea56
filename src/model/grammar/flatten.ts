/**
 * Schemas without references and combinations: what all of several schemas ask for together, as a list of plain
 * alternatives. {"anyOf": [A, B], "type": "object"} becomes A and an object, or B and an object.
 */
import type { NumberBounds } from "./numbers";
import {
  areEqual,
  type ArrayLayer,
  kindOf,
  type ObjectLayer,
  type Plain,
} from "./plain";
import {
  checkKeywords,
  type JsonKind,
  kindsSpokenOf,
  pathIn,
  type Place,
  placeIn,
  resolve,
  type SchemaObject,
  schemaError,
} from "./schema-keywords";
import { areDisjoint } from "./disjoint";

const KINDS: readonly JsonKind[] = [
  "null",
  "boolean",
  "number",
  "string",
  "array",
  "object",
];
const MAX_ALTERNATIVES = 500;

/** A schema still to be looked at, and the references that led to it. */
interface Pending {
  readonly at: Place;
  readonly trail: readonly unknown[];
}

export class Flattener {
  readonly #root: unknown;
  /** Alternatives made, of one call. */
  #count = 0;

  constructor(root: unknown) {
    this.#root = root;
  }

  /** The alternatives of all these together; [] if they exclude each other. */
  flatten(places: readonly Place[]): Plain[] {
    this.#count = 0;
    return this.#flatten(
      places.map((at) => ({ at, trail: [] })),
      [],
      [],
    );
  }

  /**
   * @param direct schemas taken in so far
   * @param choices of each, one branch must hold
   */
  #flatten(
    pending: readonly Pending[],
    direct: readonly Place[],
    choices: readonly (readonly Pending[])[],
  ): Plain[] {
    const todo = [...pending];
    const taken = [...direct];
    const open = [...choices];
    const exclusive: { at: Place; branches: readonly Pending[] }[] = [];
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
      const { at, trail } = next;
      const { schema, path } = at;
      if (schema === true) continue;
      if (schema === false) return [];
      checkKeywords(schema, path);
      taken.push(at);
      if (schema["$ref"] !== undefined) {
        const target = resolve(this.#root, schema["$ref"] as string, path);
        if (target.schema === schema || trail.includes(target.schema))
          throw schemaError(pathIn(path, "$ref"), "it refers to itself.");
        todo.push({ at: target, trail: [...trail, target.schema] });
      }
      const branchesOf = (key: string): Pending[] =>
        (schema[key] as unknown[]).map((_, i) => ({
          at: placeIn(at, key, i),
          trail,
        }));
      if (schema["allOf"] !== undefined) todo.push(...branchesOf("allOf"));
      if (schema["anyOf"] !== undefined) open.push(branchesOf("anyOf"));
      if (schema["oneOf"] !== undefined) {
        const branches = branchesOf("oneOf");
        open.push(branches);
        exclusive.push({ at, branches });
      }
    }
    for (const { at, branches } of exclusive)
      this.#checkApart(at, branches, taken);
    const [branches, ...rest] = open;
    if (branches === undefined) {
      if (++this.#count > MAX_ALTERNATIVES)
        throw schemaError(
          taken[0]?.path ?? "#",
          `its combinations have more than ${MAX_ALTERNATIVES} alternatives.`,
        );
      const merged = merge(taken);
      return merged === undefined ? [] : [merged];
    }
    return branches.flatMap((branch) => this.#flatten([branch], taken, rest));
  }

  /** One value must not be valid by two branches of oneOf, and that can't be seen until it is complete. */
  #checkApart(
    { path }: Place,
    branches: readonly Pending[],
    taken: readonly Place[],
  ): void {
    const flat = branches.map((branch) => this.#flatten([branch], taken, []));
    for (let b = 1; b < flat.length; b++)
      for (let a = 0; a < b; a++)
        if (!areDisjoint(flat[a]!, flat[b]!, (all) => this.#parts(all)))
          throw schemaError(
            pathIn(path, "oneOf"),
            `a value could be valid by both ${a} and ${b}, which shows only when it is complete. Use anyOf, or give each a constant that the others don't have.`,
          );
  }

  #parts(places: readonly Place[]): Plain[] {
    return this.#flatten(
      places.map((at) => ({ at, trail: [] })),
      [],
      [],
    );
  }
}

/** What schemas without references and combinations ask for together; undefined if nothing can be that. */
function merge(places: readonly Place[]): Plain | undefined {
  let kinds = new Set(KINDS);
  let isTyped = false;
  let isInteger = false;
  let values: readonly unknown[] | undefined;
  const spoken = new Set<JsonKind>();
  const number: NumberBounds = {};
  const patterns: { source: string; path: string }[] = [];
  const formats: { source: string; path: string }[] = [];
  const object: ObjectLayer[] = [];
  const array: ArrayLayer[] = [];
  const required = new Set<string>();
  for (const at of places) {
    const schema = at.schema as SchemaObject;
    const has = (key: string) => schema[key] !== undefined;
    for (const kind of kindsSpokenOf(schema)) spoken.add(kind);
    if (has("type")) {
      isTyped = true;
      const types = new Set([schema["type"]].flat() as string[]);
      const isOnlyInteger = types.has("integer") && !types.has("number");
      if (isOnlyInteger) {
        types.add("number");
        isInteger = true;
      }
      if (types.has("integer")) types.add("number");
      kinds = new Set([...kinds].filter((kind) => types.has(kind)));
    }
    if (has("multipleOf")) isInteger = true;
    if (has("const")) values = within(values, [schema["const"]]);
    if (has("enum")) values = within(values, schema["enum"] as unknown[]);
    tighten(number, schema);
    for (const [key, found] of [
      ["pattern", patterns],
      ["format", formats],
    ] as const)
      if (has(key))
        found.push({
          source: schema[key] as string,
          path: pathIn(at.path, key),
        });
    if (["properties", "additionalProperties"].some(has))
      object.push(objectLayer(at, schema));
    for (const name of (schema["required"] ?? []) as string[])
      required.add(name);
    if (["items", "prefixItems"].some(has)) array.push(arrayLayer(at, schema));
  }
  if (values !== undefined)
    kinds = new Set(
      [...kinds].filter((kind) =>
        values.some((value) => kindOf(value) === kind),
      ),
    );
  if (kinds.size === 0) return undefined;
  const isImplied = !isTyped && values === undefined && spoken.size > 0;
  const most = (key: string) => Math.max(0, ...numbersOf(places, key));
  const least = (key: string) => Math.min(Infinity, ...numbersOf(places, key));
  return {
    kinds,
    writtenKinds: isImplied
      ? new Set([...kinds].filter((kind) => spoken.has(kind)))
      : kinds,
    isInteger,
    values,
    number,
    minLength: most("minLength"),
    maxLength: least("maxLength"),
    patterns,
    formats,
    object,
    required: [...required],
    minProperties: most("minProperties"),
    maxProperties: least("maxProperties"),
    array,
    minItems: most("minItems"),
    maxItems: least("maxItems"),
    path: places[0]?.path ?? "#",
  };
}

function numbersOf(places: readonly Place[], key: string): number[] {
  return places.flatMap(({ schema }) => {
    const value = (schema as SchemaObject)[key];
    return value === undefined ? [] : [value as number];
  });
}

function tighten(bounds: NumberBounds, schema: SchemaObject): void {
  for (const key of ["minimum", "exclusiveMinimum"] as const)
    if (schema[key] !== undefined)
      bounds[key] = Math.max(bounds[key] ?? -Infinity, schema[key] as number);
  for (const key of ["maximum", "exclusiveMaximum"] as const)
    if (schema[key] !== undefined)
      bounds[key] = Math.min(bounds[key] ?? Infinity, schema[key] as number);
}

function objectLayer(at: Place, schema: SchemaObject): ObjectLayer {
  const names = Object.keys(schema["properties"] ?? {});
  return {
    properties: new Map(
      names.map((name) => [name, placeIn(at, "properties", name)]),
    ),
    additional:
      schema["additionalProperties"] === undefined
        ? undefined
        : placeIn(at, "additionalProperties"),
  };
}

/** Until 2019, a list of `items` was what `prefixItems` is now, and `additionalItems` what `items` is. */
function arrayLayer(at: Place, schema: SchemaObject): ArrayLayer {
  const isOld = Array.isArray(schema["items"]);
  const firstKey = isOld ? "items" : "prefixItems";
  const restKey = isOld ? "additionalItems" : "items";
  const first = (schema[firstKey] ?? []) as unknown[];
  return {
    first: first.map((_, i) => placeIn(at, firstKey, i)),
    rest: schema[restKey] === undefined ? undefined : placeIn(at, restKey),
  };
}

function within(
  values: readonly unknown[] | undefined,
  more: readonly unknown[],
): readonly unknown[] {
  if (values === undefined) return more;
  return values.filter((value) => more.some((one) => areEqual(value, one)));
}
