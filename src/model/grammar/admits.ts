/** Whether a value of an `enum` or `const` is valid by what else a schema asks for. */
import { itemPlaces, kindOf, memberPlaces, type Plain } from "./plain";
import type { NumberBounds } from "./numbers";
import type { Place } from "./schema-keywords";

type Parts = (places: readonly Place[]) => readonly Plain[];

/** @param parts gives the alternatives of a member or an item */
export function admits(plain: Plain, value: unknown, parts: Parts): boolean {
  const kind = kindOf(value);
  if (kind === undefined || !plain.kinds.has(kind)) return false;
  const holds = (places: readonly Place[] | undefined, part: unknown) =>
    places !== undefined &&
    parts(places).some(
      (one) =>
        (one.values === undefined ||
          one.values.some(
            (known) => JSON.stringify(known) === JSON.stringify(part),
          )) &&
        admits(one, part, parts),
    );
  switch (kind) {
    case "null":
    case "boolean":
      return true;
    case "number":
      return isWithin(plain, value as number);
    case "string": {
      const length = [...(value as string)].length;
      return length >= plain.minLength && length <= plain.maxLength;
    }
    case "array": {
      const items = value as unknown[];
      return (
        items.length >= plain.minItems &&
        items.length <= plain.maxItems &&
        items.every((item, i) => holds(itemPlaces(plain.array, i), item))
      );
    }
    case "object": {
      const members = Object.entries(value as object);
      return (
        members.length >= plain.minProperties &&
        members.length <= plain.maxProperties &&
        plain.required.every((name) => Object.hasOwn(value as object, name)) &&
        members.every(([name, member]) =>
          holds(memberPlaces(plain.object, name), member),
        )
      );
    }
    default:
      return kind satisfies never;
  }
}

function isWithin({ number, isInteger }: Plain, value: number): boolean {
  const {
    minimum = -Infinity,
    maximum = Infinity,
    exclusiveMinimum = -Infinity,
    exclusiveMaximum = Infinity,
  }: NumberBounds = number;
  return (
    (!isInteger || Number.isInteger(value)) &&
    value >= minimum &&
    value <= maximum &&
    value > exclusiveMinimum &&
    value < exclusiveMaximum
  );
}
