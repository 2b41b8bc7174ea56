import { expect, test } from "vitest";
import { constantOf, structNames, structOf } from "./wgsl-struct";

// The example of the WGSL standard, section "Structure Member Layout".
const EXAMPLE = `
struct A {          //            align(8)  size(24)
  u : f32,          // offset(0)  align(4)  size(4)
  v : f32,
  w : vec2f,        // offset(8)  align(8)  size(8)
  x : f32,
}
struct B {          //            align(16) size(160)
  a : vec2f,
  b : vec3f,        // offset(16) align(16) size(12)
  c : f32,
  d : f32,
  e : A,            // offset(40) align(8)  size(24)
  f : vec3f,        // offset(64)
  g : array<A, 3>,  // offset(80) size 72 stride 24
  h : i32,          // offset(152)
}
const LANES = 64u; const NONE = 0xffffffffu;
`;

test("fields lie where the standard says", () => {
  const { align, bytes, fields } = structOf(EXAMPLE, "B");
  expect([align, bytes]).toEqual([16, 160]);
  expect(fields.map(({ offset }) => offset)).toEqual([
    0, 16, 28, 32, 40, 64, 80, 152,
  ]);
  expect(fields[6]).toEqual({ name: "g", type: "array<A, 3>", offset: 80 });
  expect(structOf(EXAMPLE, "A")).toMatchObject({ align: 8, bytes: 24 });
});

test("a buffer is read by its struct, an array without a length to the end", () => {
  const wgsl = `
    struct Pair { a : u32, b : array<f32, 2> }
    struct All { count : u32, grid : array<array<u32, 2>, 2>, pairs : array<Pair> }`;
  const data = Uint32Array.of(7, 1, 2, 3, 4, 5, 0x3f800000, 0x40000000);
  const all = structOf(wgsl, "All");
  expect(all.readAll(data)).toEqual({
    count: 7,
    grid: [
      [1, 2],
      [3, 4],
    ],
    pairs: [{ a: 5, b: [1, 2] }],
  });
  expect(() => all.readAll(Uint32Array.of(...data, 0))).toThrow(
    "elements of array<Pair>",
  );
});

test("structs and constants are found by name, or missed", () => {
  expect(structNames(EXAMPLE)).toEqual(["A", "B"]);
  expect(constantOf(EXAMPLE, "LANES")).toBe(64);
  expect(constantOf(EXAMPLE, "NONE")).toBe(0xffffffff);
  expect(() => constantOf(EXAMPLE, "LANE")).toThrow("no constant LANE");
  expect(() => structOf(EXAMPLE, "C")).toThrow("no struct C");
  expect(() => structOf("struct C { @size(16) a : u32 }", "C")).toThrow(
    "attributes",
  );
});
