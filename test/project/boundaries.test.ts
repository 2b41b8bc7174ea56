/** The lint rules that keep the architecture: each is shown a file that breaks it, and one that does not. */
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { ESLint } from "eslint";
import tseslint from "typescript-eslint";
import { beforeAll, describe, expect, it } from "vitest";
import { floors } from "../../tools/architecture.mjs";
import {
  circlesOf,
  codeOf,
  foldersWithCode,
  importGraph,
} from "../support/import-graph";

// The project's own configuration, less what needs types: the files below do not exist.
const eslint = new ESLint({
  overrideConfig: [tseslint.configs.disableTypeChecked],
});

async function complaints(filePath: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath });
  return result!.messages.map(({ ruleId, message }) => ruleId ?? message);
}

// The first call loads the configuration and the parser; on a busy machine that takes seconds.
beforeAll(() => complaints("src/util/a.ts", ""), 60_000);

function withoutComments(file: string): string {
  const code = readFileSync(file, "utf8");
  return code.replaceAll(/\/\*.*?\*\/|\/\/[^\n]*/gs, "");
}

const RULE = "architecture/imports-point-down";

const imports = (from: string) => `import { x } from "${from}";\nx();\n`;
const typeImports = (from: string) =>
  `import type { X } from "${from}";\nexport type Y = X;\n`;

describe("imports", () => {
  it.each([
    ["src/gpu/a.ts", "../kernels/b"],
    ["src/gpu/a.ts", "../store/b"],
    ["src/store/a.ts", "../memory/b"],
    ["src/kernels/a.ts", "../model/b"],
    ["src/kernels/a.ts", "../store/b"],
    ["src/kernels/deep/a.ts", "../../model/b"],
    ["src/model/a.ts", "../memory/b"],
    ["src/memory/a.ts", "../model/b"],
    ["src/memory/a.ts", "../engine/b"],
    ["src/engine/a.ts", "../ui/b"],
    ["src/ui/a.ts", "../engine/engine"],
    ["src/ui/a.ts", "../gpu/b"],
    ["src/api/openai/a.ts", "../../engine/engine"],
    ["src/api/openai/a.ts", "../../ui/b"],
    ["src/api/chats/a.ts", "../openai/b"],
    ["src/devtools/a.ts", "../memory/b"],
    ["src/util/a.ts", "../gpu/b"],
    ["src/documents/a.ts", "../ui/b"],
    ["src/documents/a.ts", "../engine/api/chat-engine"],
    ["src/engine/a.ts", "../documents/b"],
    ["src/main.ts", "./engine/engine"],
    ["src/main.ts", "./model/b"],
    ["src/index.ts", "./engine/worker/worker"],
    ["src/ui/a.ts", "../main"],
  ])("are refused from %s to %s", async (path, from) => {
    expect(await complaints(path, imports(from))).toEqual([RULE]);
  });

  it.each([
    ["src/kernels/a.ts", "../gpu/b"],
    ["src/kernels/a.ts", "../../shaders/b.wgsl?raw"],
    ["src/model/a.ts", "../kernels/b"],
    ["src/memory/a.ts", "../store/b"],
    ["src/engine/a.ts", "../memory/b"],
    ["src/engine/a.ts", "./engine"],
    ["src/ui/a.ts", "../engine/api/chat-engine"],
    ["src/ui/a.ts", "../engine/worker/remote-engine"],
    ["src/ui/transcript/a.ts", "../base/theme"],
    ["src/ui/a.ts", "../documents/b"],
    ["src/documents/a.ts", "../util/errors"],
    ["src/api/openai/a.ts", "../../engine/api/chat-engine"],
    ["src/api/openai/a.ts", "../chats/b"],
    ["src/devtools/a.ts", "../ui/b"],
    ["src/main.ts", "./engine/worker/remote-engine"],
    ["src/main.ts", "./ui/define"],
    ["src/index.ts", "./api/b"],
    ["src/gpu/a.ts", "../util/errors"],
    ["test/model/a.test.ts", "../../src/gpu/b"],
  ])("are allowed from %s to %s", async (path, from) => {
    expect(await complaints(path, imports(from))).toEqual([]);
  });

  it.each([
    ["src/model/a.ts", "../memory/b"],
    ["src/memory/a.ts", "../model/b"],
    ["src/store/a.ts", "../gpu/b"],
    ["src/gpu/a.ts", "../store/b"],
  ])("of types may go sideways from %s to %s", async (path, from) => {
    expect(await complaints(path, typeImports(from))).toEqual([]);
  });

  it("of types may not go up", async () => {
    expect(
      await complaints("src/kernels/a.ts", typeImports("../model/b")),
    ).toEqual([RULE]);
  });

  it("are held to the same when they re-export or load later", async () => {
    expect(
      await complaints("src/gpu/a.ts", `export * from "../model/b";\n`),
    ).toEqual([RULE]);
    expect(
      await complaints("src/gpu/a.ts", `await import("../model/b");\n`),
    ).toEqual([RULE]);
    expect(
      await complaints("src/model/a.ts", `await import("../memory/b");\n`),
    ).toEqual([RULE]);
    expect(
      await complaints("src/engine/a.ts", `await import("../memory/b");\n`),
    ).toEqual([]);
  });
});

describe("rooms of one place", () => {
  it.each([
    ["src/engine/run/a.ts", "../turn/b"],
    ["src/engine/turn/a.ts", "../engine"],
    ["src/engine/chat/a.ts", "../open/b"],
    ["src/engine/engine.ts", "./worker/b"],
    ["src/model/weights/a.ts", "../network/b"],
    ["src/ui/base/a.ts", "../element/b"],
    ["src/ui/state/chats/a.ts", "../page-state"],
    ["src/ui/state/chats/a.ts", "../../transcript/b"],
    ["src/ui/memory/plots/a.ts", "../map/b"],
    ["src/engine/nowhere/a.ts", "../turn/b"],
  ])("do not import upwards, from %s to %s", async (path, from) => {
    expect(await complaints(path, imports(from))).toEqual([RULE]);
    expect(await complaints(path, typeImports(from))).toEqual([RULE]);
  });

  it.each([
    ["src/engine/turn/a.ts", "../run/b"],
    ["src/engine/turn/a.ts", "./b"],
    ["src/engine/engine.ts", "./turn/b"],
    ["src/engine/worker/a.ts", "../engine"],
    ["src/ui/element/a.ts", "../state/chats/b"],
    ["src/ui/state/a.ts", "./chats/b"],
    ["src/ui/memory/map/a.ts", "../../base/b"],
    ["src/ui/define.ts", "./memory/map/b"],
  ])("import downwards, from %s to %s", async (path, from) => {
    expect(await complaints(path, imports(from))).toEqual([]);
  });

  it("are all named by the list of floors", () => {
    for (const [place, rooms] of Object.entries(floors)) {
      const found = foldersWithCode(join("src", place)).map(
        (folder) => relative(join("src", place), folder) || ".",
      );
      expect(found.toSorted(), place).toEqual(
        expect.arrayContaining(rooms.filter((room) => room !== ".").toSorted()),
      );
      for (const folder of found) expect(rooms, place).toContain(folder);
    }
  });

  it("hold about twenty files at most", () => {
    for (const folder of foldersWithCode("src"))
      expect(codeOf(folder).length, folder).toBeLessThanOrEqual(20);
  });
});

it("nothing outside of its room asks which architecture a model has", () => {
  const particular =
    /(Llama|Mistral|Qwen\d?)(ForCausalLM)|\bis(Llama|Mistral|Qwen\d?)\b|\bhas(Qk|Qkv|Output)[A-Z]/;
  const room = join("src", "model", "architectures");
  const asking = ["model", "memory", "kernels", "engine"]
    .flatMap((place) => foldersWithCode(join("src", place)))
    .flatMap((folder) => codeOf(folder).map((name) => join(folder, name)))
    .filter((file) => particular.test(withoutComments(file)));
  expect(asking.length).toBeGreaterThan(0);
  for (const file of asking) expect(dirname(file)).toBe(room);
});

it("no two files import each other, on whatever way round", () => {
  expect(circlesOf(importGraph("src"))).toEqual([]);
});

describe("a platform is touched in one place", () => {
  it.each([
    [
      "device.createBuffer({ size: 4, usage: 0 });\n",
      "no-restricted-syntax",
      ["src/gpu/a.ts"],
      ["src/kernels/a.ts", "src/memory/a.ts", "src/main.ts"],
    ],
    [
      "device.createComputePipeline(layout);\n",
      "no-restricted-syntax",
      ["src/gpu/a.ts"],
      ["src/kernels/a.ts"],
    ],
    [
      "device.createComputePipelineAsync(layout);\n",
      "no-restricted-syntax",
      ["src/gpu/a.ts"],
      ["src/kernels/a.ts"],
    ],
    [
      "navigator.gpu.requestAdapter();\n",
      "no-restricted-syntax",
      ["src/gpu/a.ts"],
      ["src/engine/a.ts", "src/ui/a.ts"],
    ],
    [
      "indexedDB.open('rondo');\n",
      "no-restricted-globals",
      ["src/store/a.ts"],
      ["src/memory/a.ts", "src/ui/a.ts"],
    ],
    [
      "globalThis.indexedDB.open('rondo');\n",
      "no-restricted-globals",
      ["src/store/a.ts"],
      ["src/memory/a.ts"],
    ],
    [
      `import { openDB } from "idb";\n`,
      "no-restricted-syntax",
      ["src/store/a.ts"],
      ["src/memory/a.ts"],
    ],
    [
      "document.title = 'Rondo';\n",
      "no-restricted-globals",
      ["src/ui/a.ts", "src/devtools/a.ts", "src/main.ts"],
      ["src/engine/a.ts", "src/api/a.ts", "src/documents/a.ts"],
    ],
    [
      "customElements.define('rondo-chat', Chat);\n",
      "no-restricted-globals",
      ["src/ui/a.ts", "src/devtools/a.ts", "src/main.ts"],
      ["src/engine/a.ts", "src/index.ts"],
    ],
  ])("%s", async (code, rule, allowed, refused) => {
    for (const path of allowed)
      expect(await complaints(path, code), path).toEqual([]);
    for (const path of refused)
      expect(new Set(await complaints(path, code)), path).toEqual(
        new Set([rule]),
      );
  });

  it("and a variable may be called document anywhere", async () => {
    expect(
      await complaints(
        "src/engine/a.ts",
        "export const encode = (document: string) => document.length;\n",
      ),
    ).toEqual([]);
  });
});

describe("TypeScript is types only", () => {
  it.each([
    ["enum Half { Lower }\nexport { Half };\n", "no-restricted-syntax"],
    [
      "export namespace Half { export const lower = 0; }\n",
      "@typescript-eslint/no-namespace",
    ],
    [
      "export class Page { constructor(readonly slot: number) {} }\n",
      "@typescript-eslint/parameter-properties",
    ],
    [
      "export const of = (page: any): unknown => page;\n",
      "@typescript-eslint/no-explicit-any",
    ],
  ])("so this is refused: %s", async (code, rule) => {
    for (const path of ["src/memory/a.ts", "test/unit/a.test.ts"])
      expect(await complaints(path, code)).toContain(rule);
  });
});
