// What the library says of itself: its exports, its elements' manifest, their page in docs/.
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { bareWgsl } from "../../tools/bare-shaders.mjs";
import { elementDocs } from "../../tools/element-docs.mjs";
import { entries, publicElements } from "../../tools/library.mjs";
import { manifestOf } from "../../tools/manifest.mjs";

const read = (path: string) =>
  readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const sourcesIn = (folder: string) =>
  readdirSync(new URL(`../../${folder}`, import.meta.url), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(".ts"))
    .map((name) => read(`${folder}/${name}`))
    .join("\n");

const manifest = manifestOf(publicElements());
const elements = manifest.modules.flatMap(({ declarations }) => declarations);

/** The names that a class comment gives for a tag of JSDoc, without their types and defaults. */
function namesIn(comment: string, tag: string): string[] {
  const lines = new RegExp(`^ \\* @${tag} (?:\\{.*\\} )?(.*?)(?: - |$)`, "gm");
  return [...comment.matchAll(lines)]
    .flatMap(([, names]) => names!.split(", "))
    .map((name) => name.replace(/^\[(.*)=.*\]$/, "$1"))
    .sort();
}

const namesOf = (things: { name: string }[]) =>
  things.map(({ name }) => name).sort();

describe("the manifest", () => {
  it("has the elements that pages may use, and no other", () => {
    const tags = elements.map(({ tagName }) => tagName);
    expect(tags).toContain("rondo-chat");
    for (const tag of tags)
      expect(["rondo-chat", "rondo-memory"]).toContain(tag);
  });

  it.each(publicElements())(
    "names all that the comment of $source does",
    ({ source, definedIn }) => {
      const [, comment = ""] =
        /(\/\*\*(?:(?!\*\/)[^])*`<rondo-[^]*?\*\/)\s*export class/.exec(
          read(source),
        ) ?? [];
      const module = manifest.modules.find(({ path }) => path === definedIn)!;
      const [element] = module.declarations;
      expect(namesOf(element!.events)).toEqual(namesIn(comment, "fires"));
      expect(namesOf(element!.slots)).toEqual(namesIn(comment, "slot"));
      expect(namesOf(element!.cssParts)).toEqual(namesIn(comment, "csspart"));
      expect(namesOf(element!.cssProperties)).toEqual(
        namesIn(comment, "cssprop"),
      );
      // Attributes and properties may also be explained where they are declared.
      expect(namesOf(element!.attributes)).toEqual(
        expect.arrayContaining(namesIn(comment, "attr")),
      );
      expect(namesOf(element!.members)).toEqual(
        expect.arrayContaining(namesIn(comment, "prop")),
      );
    },
  );

  it("explains everything, and names nothing that the sources lack", () => {
    const ui = sourcesIn("src/ui");
    const isThere = (pattern: string) => new RegExp(pattern).test(ui);
    for (const element of elements) {
      const { cssParts, cssProperties, events, members, slots } = element;
      const fields = members.filter(
        ({ attribute, kind }) => kind === "field" && attribute === undefined,
      );
      const explained = [...element.attributes, ...fields, ...events, ...slots];
      for (const { description, name } of explained)
        expect(description, name).toBeTruthy();
      for (const { name, type } of events)
        expect(isThere(`"${name}": ${type?.text};`), name).toBe(true);
      for (const { name } of slots)
        expect(isThere(`<slot name="${name}"`), name).toBe(true);
      for (const { name } of cssParts)
        expect(isThere(`part=".*\\b${name}\\b.*"`), name).toBe(true);
      for (const { name } of cssProperties)
        expect(isThere(`var\\(\\s*${name}\\b`), name).toBe(true);
    }
  });

  it("is what docs/element.md was made of: npm run docs makes it anew", () => {
    expect(read("docs/element.md")).toBe(elementDocs(manifest));
  });
});

describe("the package", () => {
  it("exports what the library is built of", () => {
    const { exports } = JSON.parse(read("package.json")) as {
      exports: Record<string, Record<string, string> | string>;
    };
    for (const [name, { source, element }] of Object.entries(entries)) {
      const types = source.replace(/^src/, "./dist/lib/types");
      const built = `./dist/lib/${name}.js`;
      const inNode = { browser: built, node: "./dist/lib/no-elements.js" };
      expect(exports[name === "rondo" ? "." : `./${name}`]).toEqual({
        types: types.replace(/\.ts$/, ".d.ts"),
        ...(element !== undefined && inNode),
        default: built,
      });
    }
    const names = Object.values(exports).filter(
      (target) => typeof target === "object",
    );
    expect(names).toHaveLength(Object.keys(entries).length);
  });

  it("says to bundlers which sources are imported for what they do, not for what they export", () => {
    const { sideEffects } = JSON.parse(read("package.json")) as {
      sideEffects: string[];
    };
    expect(sideEffects).toContain("**/define*");
    const bare = [...sourcesIn("src").matchAll(/^import "(\..*)";$/gm)];
    expect(bare.length).toBeGreaterThan(0);
    for (const [, path] of bare) expect(basename(path!)).toMatch(/^define/);
    // A module that defines elements is kept for that alone, also where it is imported late.
    const folder = new URL("../../src/", import.meta.url);
    const doing = readdirSync(folder, { recursive: true })
      .map(String)
      .filter((path) => path.endsWith(".ts"))
      .filter((path) => /^defineElements\(/m.test(read(`src/${path}`)));
    expect(doing.length).toBeGreaterThan(3);
    for (const path of doing) expect(basename(path)).toMatch(/^define/);
  });
});

describe("bare shaders", () => {
  it("lose comments and margins, and keep every line where it was", () => {
    const bare = bareWgsl("// why\nfn f() {\n  let x = 1u; // one\n}\n");
    expect(bare).toBe("\nfn f() {\nlet x = 1u;\n}\n");
  });
});
