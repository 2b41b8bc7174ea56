/** Each kernel is two files that must agree: its WGSL, with what is put before it, and its launcher. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { KernelSpec } from "../../src/gpu/kernel";
import { structNames, structOf } from "../support/wgsl-struct";

type Spec = KernelSpec<string, string, never>;

const launchers = import.meta.glob<Record<string, { spec?: Spec }>>(
  ["../../src/kernels/*.ts", "../../src/kernels/*/*.ts"],
  { eager: true },
);
const specs = Object.values(launchers)
  .flatMap((launcher) => Object.values(launcher))
  .flatMap(({ spec }) => spec ?? []);

const read = (path: string) => readFileSync(`shaders/${path}`, "utf8");
const wgslIn = (folder: string) =>
  readdirSync(`shaders/${folder}`)
    .filter((name) => name.endsWith(".wgsl"))
    .map((name) => name.replace(".wgsl", ""));

/** All that a kernel is compiled from. */
const sourceOf = ({ shared, source }: Spec) =>
  [...Object.values(shared), source].join("\n");

describe.each(specs)("$label", (spec) => {
  const wgsl = sourceOf(spec);

  it("is made of the files that its launcher names", () => {
    expect(spec.source).toBe(read(`${spec.label}.wgsl`));
    for (const [name, text] of Object.entries(spec.shared))
      expect(text).toBe(read(`shared/${name}.wgsl`));
  });

  it("says in its first lines what it comes after", () => {
    const [opening] = spec.source.split("\n\n");
    const named = [...opening!.matchAll(/shared\/([\w-]+)\.wgsl/g)];
    expect(named.map(([, name]) => name)).toEqual(Object.keys(spec.shared));
  });

  it("takes its launcher's parameters, in its order", () => {
    const expected = Object.entries(spec.params);
    const has = structNames(wgsl).includes("Params");
    const fields = has ? structOf(wgsl, "Params").fields : [];
    expect(fields.map(({ name, type }) => [name, type])).toEqual(expected);
    expect(/@binding\(0\) var<uniform> params : Params;/.test(wgsl)).toBe(has);
  });

  it("binds its launcher's buffers, each where the launcher has it", () => {
    const bindings = [
      ...wgsl.matchAll(
        /@group\(0\) @binding\((\d+)\) var<storage, (\w+)> (\w+)/g,
      ),
    ].map(([, binding, access, name]) => [Number(binding), name, access]);
    expect(bindings.toSorted(([a], [b]) => Number(a) - Number(b))).toEqual(
      Object.entries(spec.buffers).map(([name, access], i) => [
        i + 1,
        name,
        access,
      ]),
    );
  });
});

describe("WGSL files", () => {
  it("are all put to use", () => {
    expect(wgslIn(".").toSorted()).toEqual(
      specs.map(({ label }) => label).toSorted(),
    );
    expect(wgslIn("shared").toSorted()).toEqual(
      [
        ...new Set(specs.flatMap(({ shared }) => Object.keys(shared))),
      ].toSorted(),
    );
  });

  it("define each struct once, parameters apart", () => {
    const files = [
      ...wgslIn("."),
      ...wgslIn("shared").map((name) => `shared/${name}`),
    ];
    const names = files
      .flatMap((name) => structNames(read(`${name}.wgsl`)))
      .filter((name) => name !== "Params");
    expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
  });
});
