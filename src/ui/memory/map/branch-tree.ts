/**
 * Layout of a chat's branches: one round a row, the shown branch in a straight line, the others beside it, each right
 * under the round it forks from. Pure functions.
 *
 *     ● 1
 *     ├─○ 2      another version, not shown
 *     │ ○ 3
 *     ● 4        what is shown goes on in its lane
 */
import type { RoundMemory } from "../../../engine/api/memory-snapshot";

export interface TreeRow {
  readonly round: RoundMemory;
  /** 0 is leftmost. Lines of all lanes left of it pass by to rows further down. */
  readonly lane: number;
  /** Whether it leaves its parent's lane, the one left of its own. */
  readonly isFork: boolean;
  readonly hasParent: boolean;
  readonly hasChildren: boolean;
  /** Whether it is on the shown branch. */
  readonly isShown: boolean;
  /** Whether the line in lane 0 below this row belongs to the shown branch. */
  readonly isTrunkShown: boolean;
}

interface Place {
  round: RoundMemory;
  lane: number;
  isFork: boolean;
  hasParent: boolean;
}

/** `rounds` has parents before children; a round without its parent goes under the first. */
export function layTree(
  rounds: readonly RoundMemory[],
  shownIds: readonly number[],
): TreeRow[] {
  const [root] = rounds;
  if (root === undefined) return [];
  const shown = new Set(shownIds);
  const childrenOf = groupByParent(rounds, root);
  const isShown = ({ id, kind }: RoundMemory) =>
    shown.has(id) || kind === "system";
  const rows: TreeRow[] = [];
  const open: Place[] = [
    { round: root, lane: 0, isFork: false, hasParent: false },
  ];
  let isTrunkShown = false;
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const { round, lane } = place;
    const children = childrenOf.get(round.id) ?? [];
    const straight = children.find(isShown) ?? children.at(-1);
    // The shown branch is never a fork: it stays in lane 0.
    if (lane === 0) isTrunkShown = straight !== undefined && isShown(straight);
    rows.push({
      ...place,
      hasChildren: straight !== undefined,
      isShown: isShown(round),
      isTrunkShown,
    });
    // A stack: forks are drawn first, oldest first, then the continuation.
    if (straight)
      open.push({ round: straight, lane, isFork: false, hasParent: true });
    const forks = children.filter((child) => child !== straight).reverse();
    for (const fork of forks)
      open.push({
        round: fork,
        lane: lane + 1,
        isFork: true,
        hasParent: true,
      });
  }
  return rows;
}

/** Ids of rounds that have later rounds. */
export function parentIds(rounds: readonly RoundMemory[]): Set<number> {
  return new Set(rounds.flatMap(({ parentId }) => parentId ?? []));
}

function groupByParent(
  rounds: readonly RoundMemory[],
  root: RoundMemory,
): Map<number, RoundMemory[]> {
  const ids = new Set(rounds.map(({ id }) => id));
  const childrenOf = new Map<number, RoundMemory[]>();
  for (const round of rounds) {
    if (round === root) continue;
    const { parentId } = round;
    const parent = parentId !== null && ids.has(parentId) ? parentId : root.id;
    const siblings = childrenOf.get(parent);
    if (siblings) siblings.push(round);
    else childrenOf.set(parent, [round]);
  }
  return childrenOf;
}
