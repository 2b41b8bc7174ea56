/** Says what is wrong with an option that a call does not have, or with an argument. Loaded when there is one. */
import type { WrongArgument } from "./arguments";
import type { CallName } from "./calls";

/** The options of a call by name: 1, or for a group of options the names in it. */
export interface OptionNames {
  readonly [name: string]: 1 | OptionNames;
}

/**
 * @param all the call's options
 * @param path of the unknown name, its groups first; or of what should be an object, [] for the options themselves
 */
export function unknownOption(
  call: CallName,
  all: OptionNames,
  path: readonly string[],
): RangeError {
  const inGroup = namesAt(all, path);
  if (inGroup !== undefined)
    return new RangeError(
      `${path.join(".") || "The options"} of ${call}() must be an object of ${listed(inGroup)}.`,
    );
  const name = path.at(-1)!;
  const group = path.slice(0, -1);
  const where = group.length === 0 ? `${call}()` : group.join(".");
  return new RangeError(
    `${call}() has no option ${path.join(".")}.${rightPlace(name, all, group)} The options of ${where} are ${listed(namesAt(all, group) ?? {})}.`,
  );
}

export function wrongValue(
  call: CallName,
  { name, expected, value }: WrongArgument,
): TypeError {
  return new TypeError(
    `${name} of ${call}() must be ${expected}; it is ${shown(value)}.`,
  );
}

/** A value in a few characters. */
function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80));
  if (Array.isArray(value))
    return value.length === 0
      ? "an empty list"
      : `a list that begins with ${shown(value[0])}`;
  if (typeof value === "function") return "a function";
  if (Object(value) === value)
    return `an object of ${Object.keys(value as object).join(", ") || "nothing"}`;
  return String(value);
}

/** Where the call has an option of this name, as a sentence with a space before it; "" if nowhere. */
function rightPlace(
  name: string,
  all: OptionNames,
  group: readonly string[],
): string {
  if (Object.hasOwn(all, name))
    return ` It belongs beside ${group.join(".")}, not into it.`;
  const right = Object.keys(all).find((one) =>
    Object.hasOwn(namesAt(all, [one]) ?? {}, name),
  );
  return right === undefined
    ? ""
    : ` It belongs into ${right}: { ${right}: { ${name}: … } }.`;
}

function namesAt(
  all: OptionNames,
  path: readonly string[],
): OptionNames | undefined {
  let names: OptionNames = all;
  for (const name of path) {
    const next = Object.hasOwn(names, name) ? names[name] : undefined;
    if (typeof next !== "object") return undefined;
    names = next;
  }
  return names;
}

function listed(names: OptionNames): string {
  return Object.keys(names).sort().join(", ");
}
