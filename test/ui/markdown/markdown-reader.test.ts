// Long and growing Markdown: what it costs to read, in characters, and that all of it comes out.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { markdownBlocks } from "../../../src/ui/markdown/markdown-blocks";
import {
  MarkdownReader,
  WHOLE,
} from "../../../src/ui/markdown/markdown-reader";

/** What a page would show, read by read. */
class Shown {
  readonly reader = new MarkdownReader();
  blocks: string[] = [];
  /** Characters of the read that took most. */
  mostCharacters = 0;
  reads = 0;

  read(text: string, isWhole = false): void {
    const before = this.reader.readCharacters;
    const { at, blocks } = this.reader.read(text, isWhole);
    this.blocks = [...this.blocks.slice(0, at), ...blocks];
    const characters = this.reader.readCharacters - before;
    this.mostCharacters = Math.max(this.mostCharacters, characters);
    this.reads++;
  }

  /** All of a text that is there at once. */
  readOn(text: string): void {
    do this.read(text, true);
    while (this.reader.isBehind);
  }

  /** A text that comes in steps. */
  stream(text: string, step: number): void {
    for (let end = step; end < text.length + step; end += step)
      this.read(text.slice(0, end));
  }
}

const times = (count: number, line: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join("");

/** Texts in which each number stands once, in order: of paragraphs, or of one block. */
const kinds: Record<string, (count: number) => string> = {
  paragraphs: (count) => times(count, (i) => `So it is *said* n${i}.\n\n`),
  "one list": (count) => times(count, (i) => `- an **item** n${i}\n`),
  "one numbered list": (count) => times(count, (i) => `${i + 1}. item n${i}\n`),
  "one table": (count) =>
    `| a | b |\n| - | - |\n${times(count, (i) => `| cell | n${i} |\n`)}`,
  "one quotation": (count) => times(count, (i) => `> said *so* n${i}\n`),
  "code in a fence": (count) =>
    `\`\`\`js\n${times(count, (i) => `a(1, "n${i}");\n`)}\`\`\`\n`,
  "code without an end": (count) =>
    `~~~~ts\n${times(count, (i) => `a(1, "n${i}");\n`)}`,
  "lines without blank ones": (count) => times(count, (i) => `a line n${i}\n`),
  "a line without an end": (count) =>
    times(count, (i) => `words **and** n${i} `),
  prices: (count) => times(count, (i) => `it costs $5 or $6, n${i}\n\n`),
  headings: (count) => times(count, (i) => `## Part n${i}\n`),
};

const numbersIn = (blocks: readonly string[]) =>
  Array.from(blocks.join("").matchAll(/n(\d+)/g), ([, n]) => Number(n));
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("a reply that grows", () => {
  test("costs each step the same, however long it is by then", () => {
    const shown = new Shown();
    const text = kinds.paragraphs!(1500);
    expect(text.length).toBeGreaterThan(WHOLE);
    shown.stream(text, 10);
    expect(shown.mostCharacters).toBeLessThan(100);
    expect(shown.reader.readCharacters).toBeLessThan(8 * text.length);
    expect(shown.blocks).toEqual(markdownBlocks(text));
  });

  test.each(Object.entries(kinds))(
    "never costs a step more than some pages of text: %s",
    (_, kind) => {
      const shown = new Shown();
      const count = 8000;
      shown.stream(kind(count), 500);
      // The most that is open, read twice: to see that it is too much, and as the rest.
      expect(shown.mostCharacters).toBeLessThan(150_000);
      expect(numbersIn(shown.blocks)).toEqual(upTo(count));
    },
  );

  const mark = fc.constantFrom(
    ...["# h", "a", "word ", "\n", "\n", "\n\n", "\n\n", "- ", "1. ", "2", "+"],
    ...["> ", "```", "```js\n", "~~~", "| a | b |\n| - | - |\n", "| 1 | 2 |\n"],
    ...["$$", "\\[", "\\]", "[x]", "<div>", "</div>", "<!--", "-->", "<pre>"],
    ...[
      "    ",
      "\t",
      "===",
      "---",
      "**",
      "`",
      " ",
      "*",
      "\\",
      "![",
      "](",
      ")",
      "|",
    ],
  );

  test("is at each step what all of it would be at once", () => {
    fc.assert(
      fc.property(fc.array(mark, { maxLength: 40 }), (marks) => {
        const shown = new Shown();
        let text = "";
        for (const one of marks) {
          shown.read((text += one));
          expect(shown.blocks).toEqual(markdownBlocks(text));
        }
      }),
      { numRuns: 500 },
    );
  });

  test("is read once more at its end, when all names of links are known", () => {
    const shown = new Shown();
    const text = `See [the docs][1].\n\n${kinds.paragraphs!(20)}[1]: https://example.org`;
    shown.stream(text, 7);
    expect(shown.blocks[0]).toBe("<p>See [the docs][1].</p>\n");
    shown.read(text, true);
    expect(shown.blocks[0]).toContain('href="https://example.org"');
    expect(shown.blocks).toEqual(markdownBlocks(text));
  });

  test("knows what was said of a link before", () => {
    const shown = new Shown();
    shown.stream(
      `[1]: https://example.org\n\n${kinds.paragraphs!(20)}See [it][1].`,
      7,
    );
    expect(shown.blocks.at(-1)).toContain('href="https://example.org"');
  });

  test("may turn out to be another one", () => {
    const shown = new Shown();
    shown.stream(kinds.paragraphs!(50), 100);
    shown.read("Another.");
    expect(shown.blocks).toEqual(["<p>Another.</p>\n"]);
  });

  test("may have lines that end as on Windows, also where one is cut", () => {
    const shown = new Shown();
    const text = kinds["one list"]!(20) + "\n" + kinds.paragraphs!(20);
    shown.stream(text.replaceAll("\n", "\r\n"), 1);
    expect(shown.blocks).toEqual(markdownBlocks(text));
  });
});

describe("a long reply that is there", () => {
  test("is read in one go up to the length of a chapter", () => {
    const shown = new Shown();
    const text = kinds["one table"]!(2000).slice(0, WHOLE);
    shown.readOn(text);
    expect(shown.reads).toBe(1);
    expect(shown.blocks).toEqual(markdownBlocks(text));
  });

  test.each(Object.entries(kinds))(
    "is read in pieces beyond, each character a few times at most: %s",
    (_, kind) => {
      const shown = new Shown();
      const count = 30_000;
      const text = kind(count);
      expect(text.length).toBeGreaterThan(330_000);
      shown.readOn(text);
      expect(shown.reads).toBeGreaterThan(30);
      expect(shown.reader.readCharacters).toBeLessThan(12 * text.length);
      expect(shown.mostCharacters).toBeLessThan(150_000);
      expect(numbersIn(shown.blocks)).toEqual(upTo(count));
    },
  );

  test("has code in several blocks of the same language where it is too long for one", () => {
    for (const kind of ["code in a fence", "code without an end"]) {
      const shown = new Shown();
      shown.readOn(kinds[kind]!(8000));
      expect(shown.blocks.length).toBeGreaterThan(1);
      for (const block of shown.blocks)
        expect(block).toMatch(/^<pre><code class="language-[jt]s">/);
    }
  });

  test("has the table's head above each part of it", () => {
    const shown = new Shown();
    shown.readOn(kinds["one table"]!(8000));
    expect(shown.blocks.length).toBeGreaterThan(1);
    for (const block of shown.blocks) expect(block).toContain("<th>a</th>");
  });

  test("is cut in no character", () => {
    const shown = new Shown();
    const text = "a" + "🦆".repeat(40_000);
    shown.readOn(text);
    const words = shown.blocks.join("").replace(/<\/?p>\s*/g, "");
    expect(words).toBe(text);
    for (const block of shown.blocks)
      expect(/\p{Surrogate}/u.test(block)).toBe(false);
  });

  test.each([">", "- ", "["])(
    "survives nesting deeper than the stack: %s",
    (nested) => {
      const shown = new Shown();
      shown.readOn(nested.repeat(50_000));
      expect(shown.blocks.length).toBeGreaterThan(0);
      expect(shown.mostCharacters).toBeLessThan(150_000);
    },
  );
});
