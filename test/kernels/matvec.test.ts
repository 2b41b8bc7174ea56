import { expect, test } from "vitest";
import { matvec, matvecTeams } from "../../src/kernels/matvec";

const GPU = { most: 32, lanes: 32 };
const SOFTWARE = { most: 4, lanes: 16 };

test.each([
  [28, 32], // a row of 896
  [48, 32],
  [152, 32],
  [18, 8], // 576: with 16 or 32 lanes nearly half of them would idle
  [20, 8],
  [6, 8],
  [5, 4],
  [1, 4], // one for each row of x at least
])("rows of %i groups have teams of %i lanes on a GPU", (groups, lanes) => {
  expect(matvecTeams(groups, GPU).team_lanes).toBe(lanes);
});

test("a workgroup is at least two teams", () => {
  expect(matvecTeams(64, GPU).workgroup_size).toBe(64);
  expect(matvecTeams(18, GPU).workgroup_size).toBe(32);
  expect(matvecTeams(18, SOFTWARE)).toEqual({
    team_lanes: 4,
    workgroup_size: 16,
  });
});

test("workgroups cover all rows of the matrix and of x", () => {
  const { workgroups } = matvec.spec;
  const constants = { team_lanes: 8, workgroup_size: 32, row_tile: 2 };
  expect(workgroups({ rows: 5, weightRows: 33 }, constants)).toEqual([3, 3]);
  // Gemma's vocabulary; a workgroup for every four rows would be more than WebGPU allows.
  const [x] = workgroups({ rows: 1, weightRows: 262_144 }, constants);
  expect(x).toBeLessThanOrEqual(65_535);
});
