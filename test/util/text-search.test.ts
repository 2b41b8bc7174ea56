/** Searching in text, and the words that are shown around what is found. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { excerptOf, hasWords, wordsOf } from "../../src/util/text-search";

const has = (text: string, query: string) => hasWords(text, wordsOf(query));
const excerpt = (text: string, query: string) =>
  excerptOf(text, wordsOf(query));

describe("A text is found", () => {
  it.each([
    ["My cat is called Miso.", "MISO cat"],
    ["Crème brûlée", "creme brulee"],
    ["creme brulee", "CRÈME"],
    ["cafe\u0301 noir", "café"],
    ["ΟΔΟΣ", "οδος"],
    ["İstanbul", "istanbul"],
    ["שָׁלוֹם", "שלום"],
    ["ﬁne", "fine"],
    ["東京タワー", "東京"],
    ["안녕하세요", "안녕"],
  ])("%s, by %s", (text, query) => expect(has(text, query)).toBe(true));

  it.each([
    ["My cat is called Miso.", "cat dog"],
    ["Miso", "misos"],
  ])("but not %s, by %s", (text, query) =>
    expect(has(text, query)).toBe(false),
  );

  it("by nothing has no words", () => expect(wordsOf(" \n\t ")).toEqual([]));
});

describe("The excerpt", () => {
  it("has the first of the words as it was written, and what is around it in one line", () =>
    expect(excerpt("My cat\nis called  MISÓ, or so.", "so miso")).toEqual({
      before: "My cat is called ",
      found: "MISÓ",
      after: ", or so.",
    }));

  it("takes marks that stand by themselves with their letter", () =>
    expect(excerpt("un cafe\u0301.", "cafe")).toEqual({
      before: "un ",
      found: "cafe\u0301",
      after: ".",
    }));

  it("is cut between words", () => {
    const { before, found, after } = excerpt(
      `${"before ".repeat(50)}Miso${" after".repeat(50)}`,
      "miso",
    )!;
    expect(before).toMatch(/^…(before )+$/);
    expect(found).toBe("Miso");
    expect(after).toMatch(/^( after)+…$/);
    expect(before.length + after.length).toBeLessThan(100);
  });

  it("is without the commonest signs of Markdown", () =>
    expect(excerpt("# Cats\n\n- **Miso**, `a_b`\n> 2 * 3", "miso")).toEqual({
      before: "Cats ",
      found: "Miso",
      after: ", a_b 2 * 3",
    }));

  it("is none where nothing is found", () =>
    expect(excerpt("Miso", "cat")).toBeUndefined());

  it("always shows what was found, wherever it stands in whatever text", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 60 });
    fc.assert(
      fc.property(text, text, (before, after) => {
        const found = excerpt(`${before} Zürich ${after}`, "zurich")!.found;
        expect(found).toBe("Zürich");
      }),
    );
  });
});
