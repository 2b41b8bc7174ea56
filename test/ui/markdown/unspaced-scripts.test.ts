import { describe, expect, test } from "vitest";
import { markdownBlocks } from "../../../src/ui/markdown/markdown-blocks";
import { addressLength } from "../../../src/ui/markdown/unspaced-scripts";

const html = (markdown: string) => markdownBlocks(markdown).join("").trim();

describe("Emphasis beside text without spaces", () => {
  test.for([
    ["**标签：**内容", "<strong>标签：</strong>内容"],
    ["**「用語」**は大切", "<strong>「用語」</strong>は大切"],
    ['**"라벨"**은 중요', "<strong>&quot;라벨&quot;</strong>은 중요"],
    ["这是**“引用”**的话", "这是<strong>“引用”</strong>的话"],
    ["*强调（例）*后文", "<em>强调（例）</em>后文"],
    ["~~删除（旧）~~后文", "<del>删除（旧）</del>后文"],
    ["这**(重点)**是", "这<strong>(重点)</strong>是"],
    ["***注意！***后文", "<em><strong>注意！</strong></em>后文"],
    ["**用 `a*b`：**后", "<strong>用 <code>a*b</code>：</strong>后"],
    [
      "**《书》**和**《报》**。",
      "<strong>《书》</strong>和<strong>《报》</strong>。",
    ],
    ["**คำ:**ข้อความ", "<strong>คำ:</strong>ข้อความ"],
    ["**重点**内容", "<strong>重点</strong>内容"],
    ["**外 *内：* 文。**后", "<strong>外 <em>内：</em> 文。</strong>后"],
  ])("is seen in %s", ([markdown, expected]) => {
    expect(html(markdown!)).toBe(`<p>${expected}</p>`);
  });

  test.for(["2 * 3 * 4", "** 不是：**后", "a*“b”", "\\*\\*标签：\\*\\*内容"])(
    "is not seen in %s",
    (markdown) => {
      expect(html(markdown)).not.toMatch(/<em>|<strong>/);
    },
  );

  test("takes no longer the deeper it is nested", () => {
    const deep = `${"**「".repeat(40)}字${"」**".repeat(40)}`;
    expect(html(deep)).toContain("字");
  });
});

describe("An address", () => {
  test.for([
    [
      "https://example.com/docs（中文说明）了解更多",
      "https://example.com/docs",
    ],
    ["https://www.example.com。您可以访问", "https://www.example.com"],
    ["https://example.com/docsを参照してください", "https://example.com/docs"],
    ["https://example.com/a_b-c에서 확인", "https://example.com/a_b-c"],
    ["https://example.com查看", "https://example.com"],
    ["https://example.com/をご覧", "https://example.com/"],
    ["https://example.com/a?b=1，然后", "https://example.com/a?b=1"],
    ["https://example.com”后", "https://example.com"],
    ["www.example.com、など", "www.example.com"],
    [
      "https://zh.wikipedia.org/wiki/北京 是",
      "https://zh.wikipedia.org/wiki/北京",
    ],
    ["https://example.com/?q=東京、", "https://example.com/?q=東京"],
    ["https://例え.jp/道 へ", "https://例え.jp/道"],
    ["https://example.com/a(b) c", "https://example.com/a(b)"],
  ])("ends in %s where the sentence goes on", ([text, address]) => {
    expect(text!.slice(0, addressLength(text!))).toBe(address);
  });

  test("is a link, and the sentence is not", () => {
    expect(html("见 https://example.com/docs（中文）了解。")).toBe(
      '<p>见 <a href="https://example.com/docs">https://example.com/docs</a>（中文）了解。</p>',
    );
    expect(html("官网是https://www.example.com。您可以访问")).toBe(
      '<p>官网是<a href="https://www.example.com">https://www.example.com</a>。您可以访问</p>',
    );
    expect(html("写信给 a@example.com。谢谢")).toBe(
      '<p>写信给 <a href="mailto:a@example.com">a@example.com</a>。谢谢</p>',
    );
  });
});
