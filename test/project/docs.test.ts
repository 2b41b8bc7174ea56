/** The documents: what they name is there, and they stay short enough to be read. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { floors, places } from "../../tools/architecture.mjs";
import {
  brokenLinks,
  missingPaths,
  repositoryPaths,
} from "../support/named-paths";

const read = (path: string) => readFileSync(path, "utf8");
const paths = repositoryPaths();
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...readdirSync("docs")
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
const architecture = read("docs/architecture.md");

describe.each(documents)("%s", (file) => {
  it("names no path that is not there", () => {
    expect(missingPaths(read(file), paths)).toEqual([]);
  });

  it("has no link to a file or a heading that is not there", () => {
    const target = (path: string) =>
      !existsSync(path) ? undefined : path.endsWith(".md") ? read(path) : "";
    expect(brokenLinks(read(file), file, target)).toEqual([]);
  });
});

it("the README is read in a few minutes: 1,200 words", () => {
  expect(read("README.md").trim().split(/\s+/).length).toBeLessThan(1201);
});

it("the architecture has a line for every place and every room of src/", () => {
  for (const place of Object.keys(places))
    expect(architecture).toContain(`\`src/${place}\``);
  for (const [place, rooms] of Object.entries(floors))
    for (const room of rooms)
      if (room !== ".") expect(architecture).toContain(`\`${place}/${room}\``);
});

it("the glossary has 25 words at most, each once", () => {
  const [, glossary = ""] = architecture.split("\n## Glossary\n");
  const words = [...glossary.matchAll(/^\| \*\*(.+?)\*\* \|/gm)].map(
    ([, word]) => word,
  );
  expect(words.length).toBeGreaterThan(0);
  expect(words.length).toBeLessThan(26);
  expect(new Set(words).size).toBe(words.length);
});

describe("a path in backticks", () => {
  const files = ["src", "src/gpu", "src/gpu/gpu.ts", "test", "test/a.test.ts"];

  it.each([
    "src/gpu/gpu.ts",
    "gpu/gpu.ts",
    "gpu.ts",
    "src/gpu/",
    "src/*/{gpu,kernel}.ts",
    "test/**/*.test.ts",
    "src/gpu/<name>.ts",
  ])("is found as %s", (path) => {
    expect(missingPaths(`See \`${path}\`.`, files)).toEqual([]);
  });

  it.each([
    "src/gpu/kernel.ts",
    "gpu/kernel.ts",
    "kernel.ts",
    "src/store",
    "scr/gpu/gpu.ts",
    "src/*/{kernel,wgsl}.ts",
    "src/<name>.ts",
    "test/**/*.wgsl",
  ])("is missed as %s", (path) => {
    expect(missingPaths(`See \`${path}\`.`, files)).toEqual([path]);
  });

  it.each([
    "npm test",
    "run(layers, rows)",
    "org/name",
    ".test.ts",
    "dist/lib",
  ])("is not %s", (text) => {
    expect(missingPaths(`See \`${text}\`.`, files)).toEqual([]);
  });
});

it("links are followed to the heading", () => {
  const other = "# A page's *parts*\n\n## How, and why\n";
  const target = (path: string) => (path === "docs/b.md" ? other : undefined);
  const links = (text: string) => brokenLinks(text, "docs/a.md", target);
  expect(
    links("[b](b.md), [how](b.md#how-and-why), [out](https://x.y)"),
  ).toEqual([]);
  expect(links("[c](c.md), [when](b.md#when), [here](#here)")).toEqual([
    "c.md",
    "b.md#when",
    "#here",
  ]);
});
