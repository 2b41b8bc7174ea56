import { describe, expect, test, vi } from "vitest";
import { markdownBlocks } from "../../../src/ui/markdown/markdown-blocks";
import { MarkdownReader } from "../../../src/ui/markdown/markdown-reader";

const html = (markdown: string) => markdownBlocks(markdown).join("").trim();

describe("A price", () => {
  test.for([
    "Costs 10$, or 20$ with tax.",
    "Between 5$-10$ a month.",
    "($5 in US$)",
    "$5 or 6$, at most",
    "5$/mois ou 50$/an",
    "R$5 e US$6$",
    "价格是100$，或者200$。",
    "1.000$; 2.000$",
    "$10 (ten dollars)$",
    "It is 5$ (or 4$).",
  ])("is no formula: %s", (text) => {
    expect(html(text)).toBe(`<p>${text}</p>`);
  });

  test.for(["$x$", "$-5$", "$5x$", "$5 \\text{ kg}$", "$2^n mod 3$", "$5$"])(
    "is not seen in the formula %s",
    (text) => {
      expect(html(`so ${text} is`)).toContain("language-math");
    },
  );
});

describe("Inline HTML", () => {
  test.for([
    ["H<sub>2</sub>O", "H<sub>2</sub>O"],
    ["x<sup>2</sup>", "x<sup>2</sup>"],
    ["<kbd>Ctrl</kbd>+<kbd>C</kbd>", "<kbd>Ctrl</kbd>+<kbd>C</kbd>"],
    ["a <B>b *c*</B>", "a <b>b <em>c</em></b>"],
    ["<b><i>x</i></b>", "<b><i>x</i></b>"],
    ["<u>a</u> <s>b</s>", "<u>a</u> <s>b</s>"],
    ["<b>open", "&lt;b&gt;open"],
    ["a</b>", "a&lt;/b&gt;"],
    ["`<b>x</b>`", "<code>&lt;b&gt;x&lt;/b&gt;</code>"],
    ["<b class=x>y</b>", "&lt;b class=x&gt;y&lt;/b&gt;"],
    ["<b>a <b>b</b>", "&lt;b&gt;a <b>b</b>"],
    ["if a<b and c>d", "if a&lt;b and c&gt;d"],
  ])("is read in %s", ([markdown, expected]) => {
    expect(html(markdown!)).toBe(`<p>${expected}</p>`);
  });

  test("folds details, with Markdown inside", () => {
    expect(
      html(
        "<details>\n<summary>More *here*</summary>\n\n- a\n\n```html\n</details>\n```\n\n</details>\n\nend",
      ),
    ).toBe(
      '<details><summary>More <em>here</em></summary>\n<ul>\n<li>a</li>\n</ul>\n<pre><code class="language-html">&lt;/details&gt;\n</code></pre>\n</details>\n<p>end</p>',
    );
  });

  test("folds details in details, and details in one line", () => {
    expect(
      html("<details><summary>a</summary>b <details>c</details> d</details>"),
    ).toContain("<details><summary>a</summary>");
    expect(
      html(
        "<details><summary>a</summary>\n\n<details open>\n\nb\n\n</details>\n\n</details>",
      ),
    ).toBe(
      "<details><summary>a</summary>\n<details open><summary>Details</summary>\n<p>b</p>\n</details>\n</details>",
    );
  });

  test("shows details that have not ended", () => {
    expect(html("<details><summary>a</summary>\n\nb")).toBe(
      "<details open><summary>a</summary>\n<p>b</p>\n</details>",
    );
  });
});

describe("Fences in a block of Markdown", () => {
  const readme =
    "```markdown\n# Tool\n\n```bash\nnpm i\n```\n\n## Use\n\n```js\nrun();\n```\n```\n";

  test("are part of it", () => {
    const blocks = markdownBlocks(
      `${readme}\nThat is it:\n\n\`\`\`\`md\n\`\`\`\nx\n\`\`\`\n\`\`\`\`\n\nend`,
    );
    expect(blocks).toEqual([
      '<pre><code class="language-markdown"># Tool\n\n```bash\nnpm i\n```\n\n## Use\n\n```js\nrun();\n```\n</code></pre>\n',
      "<p>That is it:</p>\n",
      '<pre><code class="language-md">```\nx\n```\n</code></pre>\n',
      "<p>end</p>\n",
    ]);
  });

  test("are part of it while it is written", () => {
    const reader = new MarkdownReader();
    for (let end = 1; end < readme.length; end++) {
      const { at, blocks } = reader.read(readme.slice(0, end), false);
      expect(at + blocks.length).toBe(1);
    }
  });

  test("end it as ever in other languages", () => {
    expect(markdownBlocks("```js\n```bash\nx\n```\n\nend")).toEqual([
      '<pre><code class="language-js">```bash\nx\n</code></pre>\n',
      "<p>end</p>\n",
    ]);
  });
});

describe("One long line", () => {
  test("of many marks is text, whole", () => {
    const path = String.raw`C:\Users\me\file `;
    const [block, ...others] = markdownBlocks(path.repeat(4000));
    expect(others).toEqual([]);
    expect(block!.split("file")).toHaveLength(4001);
    expect(block).toMatch(/^<p>C:.*<\/p>\n$/s);
  });

  test("is looked through once for formulas, not from each of its marks on", () => {
    const search = vi.spyOn(String.prototype, "indexOf");
    const lines = [
      String.raw`C:\Users\me\file `.repeat(4000),
      String.raw`\d+\w*`.repeat(8000),
      "a<b and *c* of words ".repeat(3000),
      "plain words ".repeat(5000),
    ];
    for (const line of lines) {
      search.mockClear();
      markdownBlocks(line);
      const looks = search.mock.calls.map(([mark], i) =>
        mark === "$" || mark.startsWith("\n")
          ? String(search.mock.contexts[i]).length
          : 0,
      );
      const most = 10 * line.length;
      expect(looks.reduce((sum, length) => sum + length, 0)).toBeLessThan(most);
    }
    search.mockRestore();
  });

  test("has its formulas, wherever they are", () => {
    const code = '<code class="language-math">$x^2$</code>';
    for (const words of ["word ", "wordwithoutend", "https://a.example/b "])
      for (const count of [1, 60, 130, 2000]) {
        const before = words.repeat(count).trim();
        const [block] = markdownBlocks(`${before} $x^2$ and $x^2$`);
        expect(block!.split(code)).toHaveLength(3);
        expect(block!.split("example/b</a>").length).toBe(
          words.startsWith("https") ? count + 1 : 1,
        );
      }
  });
});
