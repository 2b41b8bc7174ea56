import { expect, test } from "vitest";
import { groupsOf, payloadBytesOf } from "../../src/memory/matrix-group";

const MIB = 2 ** 20;
const half = {
  layerCount: 5,
  shape: {
    layerCount: 7,
    watershed: 1,
    kvHeads: 8,
    headDim: 128,
    format: "f16" as const,
  },
  firstLayer: 0,
  isLocal: () => false,
};

test.each([
  { pages: 1, mode: "raw" as const, counts: [10] },
  { pages: 1024, mode: "raw" as const, counts: [2, 2, 2, 2, 2] },
  { pages: 700, mode: "raw" as const, counts: [2, 2, 2, 2, 2] },
  { pages: 650, mode: "raw" as const, counts: [3, 3, 3, 1] },
  { pages: 650, mode: "int8" as const, counts: [5, 5] },
  { pages: 5000, mode: "raw" as const, counts: Array<number>(10).fill(1) },
])(
  "$pages pages, $mode: groups of $counts matrices",
  ({ pages, mode, counts }) => {
    const list = Array.from({ length: pages }, (_, page) => page);
    const groups = [...groupsOf(half, list, mode)];
    expect(groups.map(({ count }) => count)).toEqual(counts);
    let [first, offset] = [0, 0];
    for (const group of groups) {
      expect(group).toMatchObject({ first, offset });
      if (group.count > 1) expect(group.bytes).toBeLessThanOrEqual(64 * MIB);
      first += group.count;
      offset += group.bytes;
    }
    expect(offset).toBe(payloadBytesOf(half, list, mode));
  },
);

test("no pages are no groups", () => {
  expect([...groupsOf(half, [], "raw")]).toEqual([]);
});

test("local layers are in groups of their own, and all matrices are in one", () => {
  const windowed = { ...half, firstLayer: 3, isLocal: (l: number) => l !== 5 };
  const list = Array.from({ length: 650 }, (_, page) => page);
  const groups = [...groupsOf(windowed, list, "raw")];
  expect(
    groups.map(({ first, count, isLocal }) => [first, count, isLocal]),
  ).toEqual([
    [0, 3, true],
    [3, 1, true],
    [4, 2, false],
    [6, 3, true],
    [9, 1, true],
  ]);
  const matrixBytes = payloadBytesOf(windowed, list, "raw") / 10;
  for (const { first, count, offset, bytes } of groups)
    expect([offset, bytes]).toEqual([first * matrixBytes, count * matrixBytes]);
});
