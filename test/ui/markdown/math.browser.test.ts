import { describe, expect, test } from "vitest";
import { formulaOf } from "../../../src/ui/markdown/math";
import { mathNodes } from "../../../src/ui/markdown/math-nodes";
import { inVariant } from "../../../src/ui/markdown/math-variant";
import { renderMarkdown } from "../../../src/ui/markdown/markdown";
import { find, findAll, mountChat, readyAtOnce, say, settle } from "../mount";

/** What of a text is taken for formulas. */
const formulas = (markdown: string) =>
  [...renderMarkdown(markdown).querySelectorAll("code.language-math")]
    .filter((code) => code.parentElement?.localName !== "pre")
    .map(({ textContent }) => textContent);

const mathShown = () =>
  findAll("rondo-markdown").flatMap(({ shadowRoot }) =>
    findAll("math", shadowRoot!),
  );

describe("A formula", () => {
  test.for([
    ["so $x^2$ is", "$x^2$"],
    ["so \\(x^2\\) is", "\\(x^2\\)"],
    ["so $$x$$ is", "$$x$$"],
    ["$$\nx\n= y\n+ z\n$$", "$$\nx\n= y\n+ z\n$$"],
    ["Thus:\n\\[\nx\n= y\n\\]\nand so on", "\\[\nx\n= y\n\\]"],
    ["- item $a*b$ and *em*", "$a*b$"],
    ["($n$)", "$n$"],
    ["$a_1$, $", "$a_1$"],
    ["| a |\n| - |\n| $x$ |", "$x$"],
    ["**bold $x$**", "$x$"],
    ["$\\$5$", "$\\$5$"],
  ])("is found in %j", ([markdown, formula]) => {
    expect(formulas(markdown!)).toEqual([formula]);
  });

  test.for([
    "It costs $5 and $10.",
    "It costs $5, not $10",
    "US$5 and US$6",
    "$5–$10",
    "from $5/kg to $7/kg",
    "$ x $",
    "a $ b $ c",
    "\\$x\\$",
    "`$x$`",
    "``a $x$``",
    "```\n$x$\n$$y$$\n```",
    "    $x$",
    "$HOME/bin:$PATH",
    "$x\n\ny$",
    "$$",
    "$$$$",
    "\\(x",
    "(x) and [x]",
  ])("is not seen in %j", (markdown) => {
    expect(formulas(markdown)).toEqual([]);
  });

  test("stands on its own or in its line as it was written", () => {
    expect(formulaOf("$x$")).toEqual({ tex: "x", isDisplay: false });
    expect(formulaOf("\\( x \\)")).toEqual({ tex: "x", isDisplay: false });
    expect(formulaOf("$$\nx\n$$")).toEqual({ tex: "x", isDisplay: true });
    expect(formulaOf("\\[x\\]")).toEqual({ tex: "x", isDisplay: true });
    expect(formulaOf("x")).toBeUndefined();
  });

  test("becomes MathML", () => {
    const math = mathNodes("\\frac{a}{b}", false)!;
    expect(math.namespaceURI).toBe("http://www.w3.org/1998/Math/MathML");
    expect(math.querySelector("mfrac")!.textContent).toBe("ab");
    expect(mathNodes("x", true)!.getAttribute("display")).toBe("block");
    expect(
      mathNodes("\\boxed{x}", true)!.querySelector(".boxed"),
    ).not.toBeNull();
  });

  test.for([
    ["\\mathbb{R}", "ℝ"],
    ["\\mathbf{x}", "𝐱"],
    ["\\mathcal{L}", "ℒ"],
    ["\\mathfrak{g}", "𝔤"],
    ["\\mathrm{d}", "d"],
    ["\\mathtt{a}", "𝚊"],
    ["\\text{a ß}", "a\u00a0ß"],
  ])("has letters of the style that %s asks for", ([tex, letters]) => {
    expect(mathNodes(tex!, false)!.textContent).toBe(letters);
  });

  test("knows letters of each style", () => {
    expect(inVariant("Az09 é", "bold")).toBe("𝐀𝐳𝟎𝟗 é");
    expect(inVariant("hello", "italic")).toBe("ℎ𝑒𝑙𝑙𝑜");
    expect(inVariant("αΩ", "bold-italic")).toBe("𝜶𝜴");
    expect(inVariant("x", "constructor")).toBe("x");
  });

  test("that is none is shown as it was written", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Math, please.");
    engine.replies[0]!.text("See $\\frac{a$ and $x$ and $\\nope$.");
    engine.replies[0]!.end();
    await expect.poll(() => mathShown().length).toBe(1);
    expect(find("rondo-markdown").shadowRoot!.textContent).toContain(
      "See $\\frac{a$ and x and $\\nope$.",
    );
  });

  test("keeps the comma behind it in its line", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Math, please.");
    engine.replies[0]!.text("With $x$, and $y$ too.");
    engine.replies[0]!.end();
    await expect.poll(() => mathShown().length).toBe(2);
    const places = mathShown().map(({ parentElement }) => parentElement!);
    expect(places.map(({ textContent }) => textContent)).toEqual(["x,", "y"]);
    expect(places.map((place) => getComputedStyle(place).whiteSpace)).toEqual([
      "nowrap",
      "nowrap",
    ]);
    expect(find("rondo-markdown").shadowRoot!.textContent).toContain(
      "With x, and y too.",
    );
  });

  test("is set once it is whole, while the reply is on its way", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Math, please.");
    const [reply] = engine.replies;
    reply!.text("So $x");
    await settle();
    expect(mathShown()).toEqual([]);
    reply!.text("^2$ is");
    await expect.poll(() => mathShown().length).toBe(1);
    reply!.text(" it, or\n\n$$y$$\n\n");
    await expect.poll(() => mathShown().length).toBe(2);
    expect(mathShown()[1]!.getAttribute("display")).toBe("block");
  });
});
