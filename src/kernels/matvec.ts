import source from "../../shaders/matvec.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { LINEAR, type LinearShape } from "./linear";
import { groups } from "./shared";

/** Rows of a matrix that a team of invocations serves. */
const TEAM_ROWS = 4;
/** The fewest invocations of a team: one for each row of x writes results. */
const FEWEST_LANES = 4;
/** The least share of a team's turns that should do something. */
const BUSY_SHARE = 0.7;

/** A linear layer for a few rows; constants: `weight_format`, `row_tile`, `normalizes`, `MatvecTeams`'. */
export const matvec = defineKernel({
  label: "matvec",
  ...LINEAR,
  shared: { ...LINEAR.shared, groups },
  source,
  workgroups: (
    { rows, weightRows }: LinearShape,
    { row_tile = 1, workgroup_size = 64, team_lanes = 32 },
  ) => [
    Math.ceil(weightRows / ((TEAM_ROWS * workgroup_size) / team_lanes)),
    Math.ceil(rows / row_tile),
  ],
});

/** How invocations share a matrix, as `override` constants. */
export interface MatvecTeams {
  team_lanes: number;
  workgroup_size: number;
}

/**
 * Teams for rows of so many groups, one to a lane in each turn: as large as may be, unless that leaves too many
 * lanes without a group in the last turn.
 *
 * @param most of a team's lanes, a power of two
 * @param lanes of a workgroup, if a team has fewer
 */
export function matvecTeams(
  groups: number,
  { most, lanes }: { most: number; lanes: number },
): MatvecTeams {
  let team_lanes = most;
  const busyShare = () =>
    groups / (team_lanes * Math.ceil(groups / team_lanes));
  while (team_lanes > FEWEST_LANES && busyShare() < BUSY_SHARE) team_lanes /= 2;
  return { team_lanes, workgroup_size: Math.max(lanes, 2 * team_lanes) };
}
