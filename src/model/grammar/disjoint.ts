/** Whether no value can be valid by two schemas, as far as it can be seen from their kinds, constants and bounds. */
import type { NumberBounds } from "./numbers";
import {
  areEqual,
  itemPlaces,
  kindOf,
  memberPlaces,
  type Plain,
} from "./plain";
import type { JsonKind, Place } from "./schema-keywords";

type Parts = (places: readonly Place[]) => readonly Plain[];

/** How deep constants are looked for. */
const MAX_DEPTH = 3;

/** @param parts gives the alternatives of a member */
export function areDisjoint(
  a: readonly Plain[],
  b: readonly Plain[],
  parts: Parts,
  depth = 0,
): boolean {
  return a.every((one) => b.every((two) => areApart(one, two, parts, depth)));
}

function areApart(a: Plain, b: Plain, parts: Parts, depth: number): boolean {
  const shared = [...a.kinds].filter((kind) => b.kinds.has(kind));
  return shared.every((kind) => {
    const values = (plain: Plain) =>
      plain.values?.filter((value) => kindOf(value) === kind);
    const [some, others] = [values(a), values(b)];
    if (some !== undefined && others !== undefined)
      return !some.some((one) => others.some((two) => areEqual(one, two)));
    return areKindsApart(kind, a, b, parts, depth);
  });
}

function areKindsApart(
  kind: JsonKind,
  a: Plain,
  b: Plain,
  parts: Parts,
  depth: number,
): boolean {
  switch (kind) {
    case "null":
    case "boolean":
      return false;
    case "number":
      return isBelow(a.number, b.number) || isBelow(b.number, a.number);
    case "string":
      return a.maxLength < b.minLength || b.maxLength < a.minLength;
    case "array":
      return (
        a.maxItems < b.minItems ||
        b.maxItems < a.minItems ||
        hasApart(Math.min(a.minItems, b.minItems), (i) => [
          itemPlaces(a.array, i),
          itemPlaces(b.array, i),
        ])
      );
    case "object":
      return (
        areMembersApart(a, b, parts, depth) ||
        a.required.some((name) => memberPlaces(b.object, name) === undefined) ||
        b.required.some((name) => memberPlaces(a.object, name) === undefined)
      );
    default:
      return kind satisfies never;
  }

  function hasApart(
    count: number,
    pair: (i: number) => [Place[] | undefined, Place[] | undefined],
  ): boolean {
    if (depth >= MAX_DEPTH) return false;
    return Array.from({ length: Math.min(count, 8) }, (_, i) => pair(i)).some(
      ([one, two]) =>
        one === undefined ||
        two === undefined ||
        areDisjoint(parts(one), parts(two), parts, depth + 1),
    );
  }
}

/** Whether a member that both require can't be the same in both. */
function areMembersApart(
  a: Plain,
  b: Plain,
  parts: Parts,
  depth: number,
): boolean {
  if (depth >= MAX_DEPTH) return false;
  return a.required.some((name) => {
    const [one, two] = [
      memberPlaces(a.object, name),
      memberPlaces(b.object, name),
    ];
    if (!b.required.includes(name) || one === undefined || two === undefined)
      return false;
    return areDisjoint(parts(one), parts(two), parts, depth + 1);
  });
}

/** Whether all numbers within `a` lie below those within `b`. */
function isBelow(a: NumberBounds, b: NumberBounds): boolean {
  const { maximum: high = Infinity, exclusiveMaximum: below = Infinity } = a;
  const { minimum: low = -Infinity, exclusiveMinimum: above = -Infinity } = b;
  return high < low || high <= above || below <= low || below <= above;
}
