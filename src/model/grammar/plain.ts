/** One alternative of a schema, without references and combinations. */
import type { NumberBounds } from "./numbers";
import { isObject, type JsonKind, type Place } from "./schema-keywords";

/** Layers are what single schemas say of members or items: all of them hold. */
export interface Plain {
  /** Without those that a schema excludes. */
  readonly kinds: ReadonlySet<JsonKind>;
  /** The kinds to write: those that the schemas speak of, where no type is named. */
  readonly writtenKinds: ReadonlySet<JsonKind>;
  readonly isInteger: boolean;
  /** Undefined where any value may stand. */
  readonly values: readonly unknown[] | undefined;
  readonly number: Readonly<NumberBounds>;
  readonly minLength: number;
  readonly maxLength: number;
  /** Regular expressions, each with where it stands. */
  readonly patterns: readonly { source: string; path: string }[];
  readonly formats: readonly { source: string; path: string }[];
  readonly object: readonly ObjectLayer[];
  readonly required: readonly string[];
  readonly minProperties: number;
  readonly maxProperties: number;
  readonly array: readonly ArrayLayer[];
  readonly minItems: number;
  readonly maxItems: number;
  /** Where the first of its schemas stands. */
  readonly path: string;
}

export interface ObjectLayer {
  readonly properties: ReadonlyMap<string, Place>;
  readonly additional: Place | undefined;
}

export interface ArrayLayer {
  readonly first: readonly Place[];
  readonly rest: Place | undefined;
}

/** The schemas that hold for a member of this name; undefined if it may not be there. */
export function memberPlaces(
  layers: readonly ObjectLayer[],
  name: string,
): Place[] | undefined {
  const places = layers.flatMap(({ properties, additional }) => {
    const at = properties.get(name) ?? additional;
    return at === undefined ? [] : [at];
  });
  return places.some(({ schema }) => schema === false) ? undefined : places;
}

/** The schemas that hold for members without a name of their own; undefined if there may be none. */
export function otherPlaces(
  layers: readonly ObjectLayer[],
): Place[] | undefined {
  const places = layers.flatMap(({ additional }) => additional ?? []);
  return places.some(({ schema }) => schema === false) ? undefined : places;
}

/** The schemas that hold for an item; undefined if it may not be there. */
export function itemPlaces(
  layers: readonly ArrayLayer[],
  index: number,
): Place[] | undefined {
  const places = layers.flatMap(
    ({ first, rest }) => first[index] ?? rest ?? [],
  );
  return places.some(({ schema }) => schema === false) ? undefined : places;
}

export function kindOf(value: unknown): JsonKind | undefined {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  const type = typeof value;
  return type === "boolean" ||
    type === "number" ||
    type === "string" ||
    type === "object"
    ? type
    : undefined;
}

/** Whether two values of JSON are the same, in whatever order their members stand. */
export function areEqual(a: unknown, b: unknown): boolean {
  if (Array.isArray(a))
    return (
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((one, i) => areEqual(one, b[i]))
    );
  if (!isObject(a) || !isObject(b)) return a === b;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && areEqual(a[key], b[key]))
  );
}
