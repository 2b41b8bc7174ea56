import { describe, expect, test } from "vitest";
import { codeNodes, hasLanguage } from "../../../src/ui/markdown/code-nodes";
import { knownLanguage, NAMES } from "../../../src/ui/markdown/code-languages";
import { CodePainter } from "../../../src/ui/markdown/code-painter";
import { find, findAll, mountChat, readyAtOnce, say, settle } from "../mount";

const CODE = "const a = 1 < 2; // <b>\nconst b = `${a}`;\n";

const spans = (root: ParentNode) => [...root.querySelectorAll("span")];
const codes = () =>
  findAll("rondo-markdown").flatMap(({ shadowRoot }) =>
    findAll("pre > code", shadowRoot!),
  );
const coloured = (code: ParentNode) => spans(code).length > 0;

/** What a reply of this Markdown looks like once its colours are there. */
async function shown(markdown: string) {
  const { engine } = await mountChat(readyAtOnce);
  await say("Code, please.");
  engine.replies[0]!.text(markdown);
  await settle();
  return engine.replies[0]!;
}

describe("The colours of code", () => {
  test("are spans with a class, and what it says stays what it was", () => {
    const fragment = codeNodes(CODE, "ts");
    expect(fragment.textContent).toBe(CODE);
    expect(spans(fragment).map(({ className }) => className)).toContain(
      "hljs-keyword",
    );
    for (const element of fragment.querySelectorAll("*")) {
      expect(element.localName).toBe("span");
      expect(element.getAttributeNames()).toEqual(["class"]);
      expect(element.className).toMatch(/^hljs-[\w-]+$/);
    }
  });

  test.for(["html", "php", "markdown", "js"])(
    "make nothing of markup in %s",
    (language) => {
      const code =
        '<style>a{}</style><img src=x onerror="pwned()"><script>pwned("</script>")</script><?php echo "<b>"; ?>\n';
      const fragment = codeNodes(code, language);
      expect(fragment.textContent).toBe(code);
      const names = [...fragment.querySelectorAll("*")].map((one) =>
        one.getAttributeNames().concat(one.localName).join(),
      );
      expect(new Set(names)).toEqual(new Set(["class,span"]));
    },
  );

  test("are known for each name that has some", () => {
    for (const name of [...NAMES.split(" "), "TS", "C#"])
      expect([name, hasLanguage(knownLanguage(name) ?? "")]).toEqual([
        name,
        true,
      ]);
    for (const name of ["", "constructor", "text", "brainfuck", undefined])
      expect(knownLanguage(name)).toBeUndefined();
  });

  test("appear in a block of a known language, and in no other", async () => {
    const reply = await shown(
      `\`\`\`ts\n${CODE}\`\`\`\n\n\`\`\`\n${CODE}\`\`\`\n\n\`\`\`nonsense\n${CODE}\`\`\``,
    );
    reply.end();
    await expect
      .poll(() => codes().map(coloured))
      .toEqual([true, false, false]);
    for (const code of codes()) expect(code.textContent).toBe(CODE);
    expect(
      getComputedStyle(codes()[0]!.querySelector(".hljs-keyword")!).color,
    ).not.toBe(getComputedStyle(codes()[0]!).color);
  });

  test("are there for the lines of a block that grows, and for all of it at its end", async () => {
    const reply = await shown("```ts\nconst a = 1;\nconst b");
    await expect.poll(() => codes().some(coloured)).toBe(true);
    expect(codes()[0]!.textContent).toBe("const a = 1;\nconst b\n");
    const [first] = spans(codes()[0]!);
    for (const part of [" =", " 2", ";\n"]) {
      reply.text(part);
      await settle();
    }
    expect(codes()[0]!.textContent).toBe("const a = 1;\nconst b = 2;\n");
    // What was coloured is there still, and was not made again.
    expect(spans(codes()[0]!)[0]).toBe(first);
    reply.text("```\n\nDone.");
    await settle();
    expect(
      [...codes()[0]!.querySelectorAll(".hljs-keyword")].map(
        ({ textContent }) => textContent,
      ),
    ).toEqual(["const", "const"]);
  });

  test("leave alone what is too long to be coloured unnoticed", async () => {
    const code = document.createElement("code");
    code.className = "language-ts";
    code.textContent = "const a = 1;\n".repeat(5000);
    new CodePainter().paint(code, false);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(code.childElementCount).toBe(0);
  });

  test("do not change what is copied", async () => {
    const reply = await shown(`\`\`\`ts\n${CODE}\`\`\``);
    reply.end();
    await expect.poll(() => codes().every(coloured)).toBe(true);
    const { shadowRoot } = find("rondo-markdown");
    const [button] = findAll("rondo-copy-button", shadowRoot!);
    expect((button as HTMLElement & { text: string }).text).toBe(CODE);
  });
});
