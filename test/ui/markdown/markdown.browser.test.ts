import { describe, expect, test } from "vitest";
import { markdownBlocks } from "../../../src/ui/markdown/markdown-blocks";
import { plainText, renderMarkdown } from "../../../src/ui/markdown/markdown";
import { keptChat } from "../../support/kept-chat";
import {
  announced,
  find,
  findAll,
  mountChat,
  openKept,
  readyAtOnce,
  say,
  settle,
  shownText,
} from "../mount";

function html(markdown: string): string {
  const box = document.createElement("div");
  box.append(renderMarkdown(markdown));
  return box.innerHTML.trim();
}

describe("Markdown", () => {
  test.for([
    [
      "Some *em* and **strong**.",
      "<p>Some <em>em</em> and <strong>strong</strong>.</p>",
    ],
    ["a\nb", "<p>a<br>b</p>"],
    ["`x < y`", "<p><code>x &lt; y</code></p>"],
    ["~~old~~", "<p><del>old</del></p>"],
    ["# Title", "<h3>Title</h3>"],
    ["###### Deep", "<h6>Deep</h6>"],
    ["> said", "<blockquote>\n<p>said</p>\n</blockquote>"],
    [
      "3. three\n4. four",
      '<ol start="3">\n<li>three</li>\n<li>four</li>\n</ol>',
    ],
    ["---", "<hr>"],
    ["one<br>two", "<p>one<br>two</p>"],
  ])("renders %j", ([markdown, expected]) => {
    expect(html(markdown!)).toBe(expected);
  });

  test("renders tables with their alignment", () => {
    expect(html("| a | b |\n| - | -: |\n| 1 | 2 |")).toContain(
      '<td align="right">2</td>',
    );
  });

  test("renders fenced code with its language, as text", () => {
    expect(html("```html\n<script>alert(1)</script>\n```")).toBe(
      '<pre><code class="language-html">&lt;script&gt;alert(1)&lt;/script&gt;\n</code></pre>',
    );
  });

  test("shows raw HTML as the text it is", () => {
    expect(html("so <b onclick=x()>bold</b>")).toBe(
      "<p>so &lt;b onclick=x()&gt;bold&lt;/b&gt;</p>",
    );
    expect(renderMarkdown("<div>\n<p>hi\n</div>").textContent).toContain(
      "<div>\n<p>hi\n</div>",
    );
  });

  test("turns an image into a link, so that nothing is fetched", () => {
    expect(html("![a cat](https://example.org/cat.png)")).toBe(
      '<p><a href="https://example.org/cat.png" target="_blank" rel="noopener noreferrer">a cat</a></p>',
    );
  });

  test("shows a task's box as a character", () => {
    expect(plainText("- [x] bake\n- [ ] eat")).toMatch(/☑ bake\s+☐ eat/);
  });

  test("is plain words for a screen reader", () => {
    expect(plainText("**Miso** is a [cat](https://example.org).")).toBe(
      "Miso is a cat.",
    );
  });

  test("splits into blocks whose joint text is the whole", () => {
    const markdown = "# T\n\npara\n\n- a\n- b\n\n```\ncode\n```\n\nend";
    expect(markdownBlocks(markdown)).toHaveLength(5);
  });

  test("survives nesting deeper than the stack", () => {
    for (const mark of [">", "- ", "[", "*", "(", "<", "`", "!["]) {
      const fragment = renderMarkdown(mark.repeat(20_000));
      expect(fragment.childNodes.length).toBeGreaterThan(0);
    }
  });
});

describe("A code block", () => {
  test("has a button that copies its text", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Code, please.");
    engine.replies[0]!.text("```ts\nconst a = 1 < 2;\n```");
    await settle();
    let copied = "";
    const { clipboard } = navigator;
    const writeText = (text: string) => Promise.resolve(void (copied = text));
    Object.defineProperty(navigator, "clipboard", {
      value: { writeText },
      configurable: true,
    });
    find("rondo-copy-button", "button").click();
    await settle();
    Object.defineProperty(navigator, "clipboard", {
      value: clipboard,
      configurable: true,
    });
    expect(copied).toBe("const a = 1 < 2;\n");
    expect(shownText(find("rondo-copy-button"))).toBe("Copied");
    expect(shownText(find(".code-head"))).toContain("ts");
  });
});

describe("A long reply", () => {
  const COUNT = 8000;
  const text = Array.from(
    { length: COUNT },
    (_, i) => `Paragraph **${i}** of a long reply.\n\n`,
  ).join("");
  const blocks = () => findAll(".block", find("rondo-markdown").shadowRoot!);

  test("that was kept comes in pieces, from its beginning on, and the page stays at its end", async () => {
    await openKept(keptChat("long", [["Tell me everything.", text]]));
    const first = blocks()[0]!;
    const begun = blocks().length;
    expect(begun).toBeGreaterThan(100);
    expect(begun).toBeLessThan(COUNT);
    await expect.poll(() => blocks().length, { timeout: 60_000 }).toBe(COUNT);
    await settle();
    expect(blocks()[0]).toBe(first);
    expect(shownText(blocks().at(-1)!)).toBe(
      `Paragraph ${COUNT - 1} of a long reply.`,
    );
    const { clientHeight, scrollHeight, scrollTop } = find('[role="log"]');
    expect(scrollHeight - clientHeight - scrollTop).toBeLessThan(2);
  });

  test("has its caret at its very end while it is being written", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Tell me everything.");
    engine.replies[0]!.text("So it is.\n\n".repeat(250));
    await settle();
    const carets = () =>
      blocks().filter((block) => {
        const { content } = getComputedStyle(
          block.firstElementChild!,
          "::after",
        );
        return content !== "none";
      });
    await expect.poll(() => blocks().length).toBe(250);
    expect(carets()).toEqual([blocks().at(-1)]);
    engine.replies[0]!.end();
    await settle();
    expect(carets()).toEqual([]);
  });

  test("is announced by its beginning", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Tell me everything.");
    engine.replies[0]!.text(text);
    engine.replies[0]!.end();
    await settle();
    expect(announced()).toContain("Paragraph 0 of a long reply.");
    expect(announced().length).toBeLessThan(10_000);
    expect(announced()).toMatch(/…$/);
  });
});
