import { describe, expect, it } from "vitest";
import {
  directionOf,
  readingOrder,
  reordered,
} from "../../src/documents/text-direction";

/** What is seen from left to right, and what is read. */
const RIGHT_TO_LEFT: [seen: string, read: string][] = [
  ["םלוע םולש", "שלום עולם"],
  ["!םולש", "שלום!"],
  ["Rondo chat לע", "על Rondo chat"],
  ["2024-05-31 ךיראת", "תאריך 2024-05-31"],
  ["₪12.50 ריחמ", "מחיר ₪12.50"],
  ["1.50\tםיחופת", "תפוחים\t1.50"],
  ["two\tone", "one\ttwo"],
  ["𞤀𞤁 12", "12 𞤁𞤀"],
];
const LEFT_TO_RIGHT: [seen: string, read: string][] = [
  ["no such letters, 12 %", "no such letters, 12 %"],
  ["the word םלוע םולש, here", "the word שלום עולם, here"],
  ["(םולש)", "(שלום)"],
];

describe("a line from right to left", () => {
  it.each(RIGHT_TO_LEFT)("seen as “%s” reads “%s”", (seen, read) => {
    expect(reordered(seen, "rtl")).toBe(read);
    expect(reordered(read, "rtl")).toBe(seen);
  });

  it("has brackets that pair, whichever way they are named", () => {
    expect(readingOrder(["(ב) א"], "rtl")).toEqual(["א (ב)"]);
    expect(readingOrder([")ב( א"], "rtl")).toEqual(["א (ב)"]);
    expect(readingOrder(["1) ב", "ג (2"], "rtl")).toEqual(["ב (1", "2) ג"]);
  });

  it("has its marks behind their letters, also where the page has them before", () => {
    const read = "שָׁלוֹם";
    const letters = read.match(/\p{L}\p{M}*/gu)!.reverse();
    const marksBehind = letters.join("");
    const marksBefore = [...read].reverse().join("");
    expect(readingOrder([marksBefore], "rtl")).toEqual([read]);
    expect(
      readingOrder([marksBehind], "rtl").map((t) => t.normalize()),
    ).toEqual([read.normalize()]);
  });
});

describe("a line from left to right", () => {
  it.each(LEFT_TO_RIGHT)("seen as “%s” reads “%s”", (seen, read) => {
    expect(readingOrder([seen], "ltr")).toEqual([read]);
  });
});

describe("the direction of lines", () => {
  it("is that of most of their letters", () => {
    expect(directionOf(["שלום Rondo", "עולם"])).toBe("rtl");
    expect(directionOf(["Rondo says שלום", "12 %"])).toBe("ltr");
    expect(directionOf([])).toBe("ltr");
  });
});
