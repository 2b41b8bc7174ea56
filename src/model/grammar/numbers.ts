/**
 * Numbers of JSON between two bounds, digit by digit: what is allowed as a next digit can always be continued to a
 * number within them. All are so short that a reply can't go on with digits forever, and that no two texts are the
 * same double: a text beyond a bound is never rounded onto it.
 */
import type { GrammarNode, Nodes } from "./nodes";

export interface NumberBounds {
  minimum?: number | undefined;
  maximum?: number | undefined;
  exclusiveMinimum?: number | undefined;
  exclusiveMaximum?: number | undefined;
}

/** Doubles tell numbers of so many digits apart. */
const SIGNIFICANT_DIGITS = 15;
const LARGEST = 10n ** BigInt(SIGNIFICANT_DIGITS) - 1n;

/** Integers, written without a point or an exponent. */
export function integers(nodes: Nodes, bounds: NumberBounds): GrammarNode {
  const [low, high] = integerBounds(bounds);
  const negative = nodes.sequence(
    nodes.text("-"),
    naturals(nodes, larger(1n, -high), -low),
  );
  return nodes.choice(negative, naturals(nodes, larger(0n, low), high));
}

/** All numbers. Bounded ones are written without an exponent. */
export function decimals(nodes: Nodes, bounds: NumberBounds): GrammarNode {
  if (Object.values(bounds).every((bound) => bound === undefined))
    return anyNumber(nodes);
  const [low, high] = [lowerBound(bounds), upperBound(bounds)];
  if (low === undefined || high === undefined) return nodes.nothing;
  // What is below zero, as its distance from it; there is no "-0".
  const negative = between(
    nodes,
    high.sign < 0 ? high : { ...ZERO, isIn: false },
    low.sign < 0 ? low : undefined,
  );
  const positive = between(
    nodes,
    low.sign < 0 ? ZERO : low,
    high.sign < 0 ? undefined : high,
  );
  return nodes.choice(nodes.sequence(nodes.text("-"), negative), positive);
}

function anyNumber(nodes: Nodes): GrammarNode {
  const digit = digits(nodes, 0, 9);
  return nodes.sequence(
    nodes.optional(nodes.text("-")),
    naturals(nodes, 0n, LARGEST),
    nodes.optional(
      nodes.sequence(
        nodes.text("."),
        nodes.repeat(digit, 1, SIGNIFICANT_DIGITS),
      ),
    ),
    nodes.optional(
      nodes.sequence(
        nodes.choice(nodes.text("e"), nodes.text("E")),
        nodes.optional(nodes.choice(nodes.text("+"), nodes.text("-"))),
        nodes.repeat(digit, 1, 2),
      ),
    ),
  );
}

function integerBounds(bounds: NumberBounds): [low: bigint, high: bigint] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = bounds;
  let low = -LARGEST;
  let high = LARGEST;
  if (minimum !== undefined) low = larger(low, BigInt(Math.ceil(minimum)));
  if (exclusiveMinimum !== undefined)
    low = larger(low, BigInt(Math.floor(exclusiveMinimum)) + 1n);
  if (maximum !== undefined) high = smaller(high, BigInt(Math.floor(maximum)));
  if (exclusiveMaximum !== undefined)
    high = smaller(high, BigInt(Math.ceil(exclusiveMaximum)) - 1n);
  return [low, high];
}

/** Integers from `low`, which is not negative, to `high`. */
function naturals(nodes: Nodes, low: bigint, high: bigint): GrammarNode {
  if (low > high) return nodes.nothing;
  if (low === 0n)
    return nodes.choice(nodes.text("0"), naturals(nodes, 1n, high));
  const [from, to] = [String(low), String(high)];
  if (from.length === to.length) return sameLength(nodes, from, to);
  const longer = nodes.sequence(
    digits(nodes, 1, 9),
    nodes.repeat(digits(nodes, 0, 9), from.length, to.length - 2),
  );
  return nodes.choice(
    sameLength(nodes, from, "9".repeat(from.length)),
    longer,
    sameLength(nodes, "1".padEnd(to.length, "0"), to),
  );
}

/** Of equally many digits, from `low` to `high`. */
function sameLength(nodes: Nodes, low: string, high: string): GrammarNode {
  const rest = low.length - 1;
  const digit = digits(nodes, 0, 9);
  if (/^0*$/.test(low) && /^9*$/.test(high))
    return nodes.repeat(digit, low.length, low.length);
  const [a, b] = [Number(low[0]), Number(high[0])];
  const then = (first: number, from: string, to: string) =>
    nodes.sequence(nodes.text(String(first)), sameLength(nodes, from, to));
  if (a === b) return then(a, low.slice(1), high.slice(1));
  return nodes.choice(
    then(a, low.slice(1), "9".repeat(rest)),
    nodes.sequence(
      digits(nodes, a + 1, b - 1),
      nodes.repeat(digit, rest, rest),
    ),
    then(b, "0".repeat(rest), high.slice(1)),
  );
}

/** A bound that is not negative: its digits before and behind the point, the latter without zeros at their end. */
interface Bound {
  integer: bigint;
  fraction: string;
  /** Whether the bound itself is within. */
  isIn: boolean;
}

const ZERO: Bound = { integer: 0n, fraction: "", isIn: true };

interface SignedBound extends Bound {
  sign: number;
}

/** Undefined if no number that is written lies above it. */
function lowerBound({
  minimum,
  exclusiveMinimum,
}: NumberBounds): SignedBound | undefined {
  const isOpen =
    exclusiveMinimum !== undefined &&
    (minimum === undefined || exclusiveMinimum >= minimum);
  const value = isOpen ? exclusiveMinimum : minimum;
  if (value !== undefined && value > Number(LARGEST)) return undefined;
  return asBound(value ?? -Infinity, !isOpen);
}

/** Undefined if no number that is written lies below it. */
function upperBound({
  maximum,
  exclusiveMaximum,
}: NumberBounds): SignedBound | undefined {
  const isOpen =
    exclusiveMaximum !== undefined &&
    (maximum === undefined || exclusiveMaximum <= maximum);
  const value = isOpen ? exclusiveMaximum : maximum;
  if (value !== undefined && value < -Number(LARGEST)) return undefined;
  return asBound(value ?? Infinity, !isOpen);
}

function asBound(value: number, isIn: boolean): SignedBound {
  const sign = Math.sign(value);
  if (Math.abs(value) > Number(LARGEST))
    return { sign, integer: LARGEST, fraction: "", isIn: true };
  const [digitsOf = "", exponent = "0"] = String(Math.abs(value)).split("e");
  const [before = "", behind = ""] = digitsOf.split(".");
  // A double below 10^15 has an exponent only if it is small: 1.5e-7.
  const shift = -Number(exponent);
  const fraction = shift > 0 ? "0".repeat(shift - 1) + before + behind : behind;
  return { sign, integer: shift > 0 ? 0n : BigInt(before), fraction, isIn };
}

/** Numbers without a sign between two bounds; nothing without an upper one. */
function between(
  nodes: Nodes,
  low: Bound,
  high: Bound | undefined,
): GrammarNode {
  if (high === undefined || low.integer > high.integer) return nodes.nothing;
  const [from, to] = [String(low.integer), String(high.integer)];
  const spans = (length: number) => spanOf(nodes, low, high, length);
  if (from === to)
    return nodes.sequence(
      nodes.text(from),
      spans(from.length).between(low.fraction, high.fraction),
    );
  const inside: GrammarNode[] = [];
  for (let length = from.length; length <= to.length; length++) {
    const first = larger(low.integer + 1n, 10n ** BigInt(length - 1));
    const last = smaller(high.integer - 1n, 10n ** BigInt(length) - 1n);
    const whole = naturals(nodes, first, last);
    inside.push(nodes.sequence(whole, spans(length).any()));
  }
  return nodes.choice(
    nodes.sequence(nodes.text(from), spans(from.length).atLeast(low.fraction)),
    ...inside,
    nodes.sequence(nodes.text(to), spans(to.length).atMost(high.fraction)),
  );
}

/** What may follow an integer of so many digits: nothing, or a point and digits within bounds. */
function spanOf(nodes: Nodes, low: Bound, high: Bound, length: number) {
  const digit = digits(nodes, 0, 9);
  const kept = SIGNIFICANT_DIGITS - length;
  /** Any digits, so many of them already written. */
  const rest = (written: number) => nodes.repeat(digit, 0, kept - written);
  /** Not only zeros. */
  const aboveZero = (written: number): GrammarNode =>
    written >= kept
      ? nodes.nothing
      : nodes.choice(
          nodes.sequence(digits(nodes, 1, 9), rest(written + 1)),
          nodes.sequence(nodes.text("0"), aboveZero(written + 1)),
        );
  const zeros = (written: number) =>
    nodes.repeat(nodes.text("0"), 0, kept - written);
  const first = (text: string) => nodes.text(text.slice(0, 1));
  const parts = (text: string): [digit: number, more: string] => [
    Number(text[0] ?? "0"),
    text.slice(1),
  ];

  const atLeast = (bound: string, written: number): GrammarNode => {
    if (bound === "") return low.isIn ? rest(written) : aboveZero(written);
    const [least, more] = parts(bound);
    return nodes.choice(
      nodes.sequence(first(bound), atLeast(more, written + 1)),
      nodes.sequence(digits(nodes, least + 1, 9), rest(written + 1)),
    );
  };
  const atMost = (bound: string, written: number): GrammarNode => {
    if (bound === "") return high.isIn ? zeros(written) : nodes.nothing;
    const [most, more] = parts(bound);
    return nodes.choice(
      nodes.empty,
      nodes.sequence(first(bound), atMost(more, written + 1)),
      nodes.sequence(digits(nodes, 0, most - 1), rest(written + 1)),
    );
  };
  const inside = (from: string, to: string, written: number): GrammarNode => {
    if (from === "" && low.isIn) return atMost(to, written);
    if (to === "") return nodes.nothing;
    const [least, above] = parts(from);
    const [most, below] = parts(to);
    if (least > most) return nodes.nothing;
    if (least === most)
      return nodes.sequence(
        nodes.text(String(least)),
        inside(above, below, written + 1),
      );
    return nodes.choice(
      nodes.sequence(nodes.text(String(least)), atLeast(above, written + 1)),
      nodes.sequence(digits(nodes, least + 1, most - 1), rest(written + 1)),
      nodes.sequence(nodes.text(String(most)), atMost(below, written + 1)),
    );
  };
  const fraction = (node: GrammarNode) => withPoint(nodes, node);
  return {
    any: () => fraction(rest(0)),
    atLeast: (bound: string) => fraction(atLeast(bound, 0)),
    atMost: (bound: string) => fraction(atMost(bound, 0)),
    between: (from: string, to: string) =>
      // Equal bounds: the number itself, and zeros behind it.
      from === to
        ? low.isIn && high.isIn
          ? fraction(nodes.sequence(nodes.text(from), zeros(from.length)))
          : nodes.nothing
        : fraction(inside(from, to, 0)),
  };
}

/** A point before digits; neither if there may be none. */
function withPoint(nodes: Nodes, digitsOf: GrammarNode): GrammarNode {
  const mayBeNone = isNullable(digitsOf);
  const some = nodes.sequence(nodes.text("."), withoutEmpty(nodes, digitsOf));
  return mayBeNone ? nodes.optional(some) : some;
}

function isNullable(node: GrammarNode): boolean {
  if (node.kind === "choice") return node.of.some(isNullable);
  if (node.kind === "repeat") return node.min === 0;
  return node.kind === "empty";
}

/** The same but for the empty text; for the nodes made here, which are empty only as a whole. */
function withoutEmpty(nodes: Nodes, node: GrammarNode): GrammarNode {
  if (node.kind === "choice")
    return nodes.choice(...node.of.map((one) => withoutEmpty(nodes, one)));
  if (node.kind === "repeat")
    return nodes.repeat(node.of, Math.max(1, node.min), node.max);
  return node.kind === "empty" ? nodes.nothing : node;
}

function digits(nodes: Nodes, from: number, to: number): GrammarNode {
  return from > to ? nodes.nothing : nodes.byte([48 + from, 48 + to]);
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
