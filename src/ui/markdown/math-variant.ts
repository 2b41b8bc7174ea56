/**
 * Letters of another style, such as 𝐱 or ℝ. MathML Core dropped letter styles; Unicode has letters of each style
 * instead.
 */
import { ownValue } from "../../util/own-value";

interface Variant {
  /** Code points of A, a and 0 in the style. */
  upper: number;
  lower: number;
  digit?: number;
  /** Of Α and α. */
  greek?: readonly [upper: number, lower: number];
  /** Letters with code points outside the block. */
  others?: string;
}

const VARIANTS: Record<string, Variant> = {
  bold: {
    upper: 0x1d400,
    lower: 0x1d41a,
    digit: 0x1d7ce,
    greek: [0x1d6a8, 0x1d6c2],
  },
  italic: { upper: 0x1d434, lower: 0x1d44e, others: "hℎ" },
  "bold-italic": {
    upper: 0x1d468,
    lower: 0x1d482,
    digit: 0x1d7ce,
    greek: [0x1d71c, 0x1d736],
  },
  script: {
    upper: 0x1d49c,
    lower: 0x1d4b6,
    others: "BℬEℰFℱHℋIℐLℒMℳRℛeℯgℊoℴ",
  },
  fraktur: { upper: 0x1d504, lower: 0x1d51e, others: "CℭHℌIℑRℜZℨ" },
  "double-struck": {
    upper: 0x1d538,
    lower: 0x1d552,
    digit: 0x1d7d8,
    others: "CℂHℍNℕPℙQℚRℝZℤ",
  },
  "sans-serif": { upper: 0x1d5a0, lower: 0x1d5ba, digit: 0x1d7e2 },
  "bold-sans-serif": { upper: 0x1d5d4, lower: 0x1d5ee, digit: 0x1d7ec },
  "sans-serif-italic": { upper: 0x1d608, lower: 0x1d622 },
  monospace: { upper: 0x1d670, lower: 0x1d68a, digit: 0x1d7f6 },
};

/** `text` in the style that MathML calls `name`; as it is where there is no such style, or no such letter. */
export function inVariant(text: string, name: string): string {
  const variant = ownValue(VARIANTS, name);
  return variant === undefined
    ? text
    : Array.from(text, (letter) => styled(letter, variant)).join("");
}

function styled(letter: string, variant: Variant): string {
  const { upper, lower, digit, greek, others = "" } = variant;
  const at = others.indexOf(letter);
  if (at >= 0 && at % 2 === 0) return others[at + 1]!;
  const from = (first: string, to: number | undefined) =>
    to === undefined
      ? letter
      : String.fromCodePoint(
          letter.codePointAt(0)! - first.codePointAt(0)! + to,
        );
  if (/^[A-Z]$/.test(letter)) return from("A", upper);
  if (/^[a-z]$/.test(letter)) return from("a", lower);
  if (/^[0-9]$/.test(letter)) return from("0", digit);
  if (/^[Α-Ω]$/.test(letter)) return from("Α", greek?.[0]);
  if (/^[α-ω]$/.test(letter)) return from("α", greek?.[1]);
  return letter;
}
