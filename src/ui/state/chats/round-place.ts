/** Places of rounds among the shown ones, by the engine's ids. Pure functions. */
import { isKept, type Round } from "./round";

export interface RoundPlace {
  /** The round before it; 0 for the first. */
  readonly behind: number;
  /** The round after it. */
  readonly before?: number;
  /** The round that it would follow after moving up, or down. */
  readonly up?: number;
  readonly down?: number;
}

/**
 * How an edited message is sent: in place with later rounds kept, as a new branch, or inserted above.
 */
export type VersionWay = "keep" | "branch" | "insert";

/** The place of each saved round, by the page's id. */
export function placesOf(rounds: readonly Round[]): Map<number, RoundPlace> {
  const kept = rounds.filter(isKept);
  return new Map(
    kept.map(({ id }, at) => {
      const next = kept[at + 1]?.keptId;
      const place = {
        behind: kept[at - 1]?.keptId ?? 0,
        ...(next !== undefined && { before: next, down: next }),
        ...(at > 0 && { up: kept[at - 2]?.keptId ?? 0 }),
      };
      return [id, place];
    }),
  );
}

/** The version `step` after the shown one. */
export function versionAt(
  { keptId, versions }: Round,
  step: number,
): number | undefined {
  return keptId === undefined
    ? undefined
    : versions[versions.indexOf(keptId) + step];
}
