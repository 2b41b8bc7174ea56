/** Where rounds stand among those that are shown, by the engine's names. Pure functions. */
import { isKept, type Round } from "./round";

export interface RoundPlace {
  /** The round that it follows; 0: it is the first. */
  readonly behind: number;
  /** The round that follows it. */
  readonly before?: number;
  /** The round that it would follow one place further up, or down. */
  readonly up?: number;
  readonly down?: number;
}

/**
 * How a message that was edited is sent: in the place of what it was, with what follows or without, or above
 * that, which stays too.
 */
export type VersionWay = "keep" | "branch" | "insert";

/** The place of each round that the engine keeps, by the page's name for it. */
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

/** The version that stands `step` after the one that is shown. */
export function versionAt(
  { keptId, versions }: Round,
  step: number,
): number | undefined {
  return keptId === undefined
    ? undefined
    : versions[versions.indexOf(keptId) + step];
}
