/** What a document's text goes through on its way, as far as it needs no browser. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { documentKind } from "../../src/documents/document-kind";
import { normaliseText } from "../../src/documents/normalise-text";
import { linesOf, type PlacedText } from "../../src/documents/pdf-lines";
import { textOfLines } from "../../src/documents/pdf-paragraphs";

describe("a document's kind", () => {
  it.each([
    ["pdf", "a.PDF", "", ""],
    ["pdf", "a", "application/pdf", ""],
    ["pdf", "a", "", "%PDF-1.7"],
    ["pdf", "a.txt", "text/plain", "%PDF-1.7\n%\u00E2\u00E3"],
    ["text", "a.txt", "text/plain", "%PDF-1.7"],
    ["html", "a.html", "", ""],
    ["html", "a", "text/html; charset=utf-8", ""],
    ["html", "a", "", "\n<!DOCTYPE html>"],
    ["html", "a.tmp", "", "\u00EF\u00BB\u00BF<html lang=en>"],
    ["text", "a.md", "", "<html>"],
    ["text", "a.svg", "image/svg+xml", "<svg>"],
    ["text", "pdf", "", ""],
    ["text", "a.constructor", "", ""],
    ["html", "a.toString", "__proto__", "<html>"],
  ])("is %s for %s of type “%s” with “%s”", (kind, name, type, content) => {
    const bytes = Uint8Array.from([...content], (c) => c.charCodeAt(0));
    expect(documentKind({ name, type }, bytes)).toBe(kind);
  });
});

describe("normal text", () => {
  it.each([
    ["has LF for every line end", "a\r\nb\rc\u2028d\fe", "a\nb\nc\nd\ne"],
    [
      "has no mark or control character",
      "\uFEFFa\u0007\u001B[1mb\u0090\tc",
      "a[1mb\tc",
    ],
    ["has no spaces at line ends", "a  \n\t\nb\u00A0\n", "a\n\nb"],
    ["has at most two blank lines", "a\n\n\nb\n\n\n\nc", "a\n\n\nb\n\nc"],
    ["begins with a line, indented or not", "\n \n  a\n", "  a"],
    ["keeps how characters are composed", "e\u0301 \u00E9", "e\u0301 \u00E9"],
  ])("%s", (_, text, normal) => expect(normaliseText(text)).toBe(normal));

  it("stays as it is", () => {
    const unit = fc.constantFrom(..." \t\r\n\f\uFEFF\u00A0ab");
    fc.assert(
      fc.property(fc.string({ unit }), (text) => {
        const normal = normaliseText(text);
        expect(normaliseText(normal)).toBe(normal);
      }),
    );
  });

  it("is made in linear time of a long run of spaces", () => {
    const text = `${" ".repeat(1_000_000)}a`;
    expect(normaliseText(text)).toBe(text);
  });
});

/** A line in 10-unit letters that are 5 wide. */
interface Placed {
  x?: number;
  y: number;
  height?: number;
}

function piece(str: string, { x = 0, y, height = 10 }: Placed): PlacedText {
  const width = (str.length * height) / 2;
  const transform = [height, 0, 0, height, x, y];
  return { str, dir: "ltr", transform, width, height, hasEOL: true };
}

/** The same, turned by 90 degrees. */
const turned = (item: PlacedText): PlacedText => {
  const [a, , , d, x, y] = item.transform as [
    number,
    0,
    0,
    number,
    number,
    number,
  ];
  return { ...item, transform: [0, a, -d, 0, -y, x] };
};

const block = (...texts: string[]) =>
  texts.map((text, i) => piece(text, { y: 700 - 12 * i }));

const textOf = (items: PlacedText[]) => textOfLines(linesOf(items));

describe("lines of a PDF", () => {
  it.each([
    [
      "that reach the edge are joined",
      ["one two three", "four fives six", "seven"],
      "one two three four fives six seven",
    ],
    [
      "that end early stay lines",
      ["const a = 1;", "f(a);", "for (const b of a)", "g(b);", "h();"],
      "const a = 1;\nf(a);\nfor (const b of a)\ng(b);\nh();",
    ],
    ["divide words", ["a long sen-", "tence here"], "a long sentence here"],
    [
      "keep hyphens that are the word's own",
      ["state-of-the-", "art Anglo-", "Saxon 1990-", "95 houses"],
      "state-of-the-art Anglo-Saxon 1990-95 houses",
    ],
    [
      "lose soft hyphens",
      ["a long Sen\u00AD", "Tence here"],
      "a long SenTence here",
    ],
    [
      "have no spaces where none are written",
      ["日本語の文章は", "続きます。"],
      "日本語の文章は続きます。",
    ],
    [
      "begin anew with a bullet",
      ["• first thing to say", "• second thing to s"],
      "• first thing to say\n• second thing to s",
    ],
  ])("%s", (_, lines, text) => {
    expect(textOf(block(...lines))).toBe(text);
    expect(textOf(block(...lines).map(turned))).toBe(text);
  });

  it("are a new paragraph after a gap, in another size, and in another column", () => {
    expect(
      textOf([
        piece("Heading", { y: 740, height: 16 }),
        ...block("one two three", "four fives six"),
        piece("after a gap it", { y: 660 }),
        piece("goes on a bit", { y: 648 }),
        piece("The column on", { x: 300, y: 700 }),
        piece("the right side", { x: 300, y: 688 }),
      ]),
    ).toBe(
      "Heading\n\none two three four fives six\n\nafter a gap it goes on a bit\n\nThe column on the right side",
    );
  });

  it("are a new paragraph when indented, but not when they hang", () => {
    const full = (x: number, i: number) =>
      piece("one two three four five".slice(x / 5), { x, y: 700 - 12 * i });
    const lineEnds = (...items: PlacedText[]) =>
      [...textOf(items)].filter((c) => c === "\n").length;
    expect(lineEnds(full(0, 0), full(20, 1), full(0, 2))).toBe(1);
    expect(lineEnds(full(0, 0), full(20, 1), full(20, 2))).toBe(0);
  });

  it("go on in the next column where a sentence does", () => {
    const left = block("one two three", "four fives six");
    const right = (text: string) => piece(text, { x: 300, y: 700 });
    expect(textOf([...left, right("goes on")])).toMatch(
      /four fives six goes on$/,
    );
    expect(textOf([...left, right("Begins")])).toMatch(/six\n\nBegins$/);
  });

  it("keep code and short paragraphs among prose", () => {
    const lines = block(
      "Prose that goes on to the ed-",
      "ge of the page, as prose does,",
      "and ends.",
      "Short.",
      "f() {",
      "return 1;",
      "}",
    );
    lines[5]!.transform[4] = 20;
    expect(textOf(lines)).toBe(
      "Prose that goes on to the edge of the page, as prose does, and ends.\nShort.\nf() {\nreturn 1;\n}",
    );
  });

  it("have wide gaps where they are justified, and columns where they are rows", () => {
    const at = (str: string, x: number, y: number, hasEOL: boolean) => ({
      ...piece(str, { x, y }),
      hasEOL,
    });
    const gap = [at("wide", 0, 676, false), at("gap", 85, 676, true)];
    expect(
      textOf([
        ...block("one two three four ", "five six seven ei-"),
        ...gap,
        piece("ends here", { y: 664 }),
      ]),
    ).toBe(
      "one two three four five six seven ei-wide gap ends here".replace(
        "ei-",
        "ei",
      ),
    );
    const row = (y: number) => [
      at("wide", 0, y, false),
      at("gap", 85, y, true),
    ];
    expect(
      textOf([...block("one two three.", "four"), ...row(650), ...row(626)]),
    ).toBe("one two three. four\n\nwide\tgap\nwide\tgap");
  });

  it("are made of pieces, with spaces and columns as they were placed", () => {
    const at = (str: string, x: number, y = 700) => ({
      ...piece(str, { x, y }),
      hasEOL: false,
    });
    const lines = linesOf([
      at("un", 0),
      at("broken", 10),
      at(" ", 40),
      at("word", 45),
      at("", 65),
      at("7.50", 200),
      { ...at("", 220), hasEOL: true },
      at("next", 0, 688),
    ]);
    expect(lines.map(({ text }) => text)).toEqual([
      "unbroken word\t7.50",
      "next",
    ]);
    expect(lines.map(({ hasColumns }) => hasColumns)).toEqual([true, false]);
  });
});
