/** Orders a chat's rounds. They form a tree: a branch begins where two rounds have the same parent. */

interface TreeRound {
  id: number;
  /** Smaller than `id`; null for a first round. */
  parentId: number | null;
}

/**
 * Depth first: each parent before its children, each branch to its end before the next, the older first. A round
 * whose parent is missing counts as a root.
 */
export function inTreeOrder<R extends TreeRound>(rounds: readonly R[]): R[] {
  const ids = new Set(rounds.map(({ id }) => id));
  const children = new Map<number | null, R[]>();
  for (const round of rounds.toSorted((a, b) => a.id - b.id)) {
    const { parentId } = round;
    const parent = parentId !== null && ids.has(parentId) ? parentId : null;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [round]);
    else siblings.push(round);
  }
  // An explicit stack: chats are too long for recursion.
  const ordered: R[] = [];
  const waiting = (children.get(null) ?? []).toReversed();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    ordered.push(next);
    waiting.push(...(children.get(next.id) ?? []).toReversed());
  }
  return ordered;
}

/**
 * The branch that was begun or continued last, from its first round on: ids count up, so it ends with the
 * highest. If a round's parent is missing, the newest round before it takes its place: one damaged record must
 * not hide everything before it.
 *
 * @param through only branches through the round with this id, if there is one
 */
export function newestBranch<R extends TreeRound>(
  rounds: readonly R[],
  through?: number,
): R[] {
  const newestFirst = rounds.toSorted((a, b) => b.id - a.id);
  const branch: R[] = [];
  let wanted: number | null = Infinity;
  if (rounds.some(({ id }) => id === through))
    wanted = [...withDescendants(rounds, through!)].reduce((a, b) =>
      Math.max(a, b),
    );
  for (const round of newestFirst) {
    if (wanted === null) break;
    // Ids fall from here on: the first that is not above the wanted one is it, or takes its place.
    if (round.id > wanted) continue;
    branch.push(round);
    wanted = round.parentId;
  }
  return branch.toReversed();
}

/** A round and all its descendants. */
export function withDescendants(
  rounds: readonly TreeRound[],
  id: number,
): Set<number> {
  const found = new Set([id]);
  for (const round of rounds.toSorted((a, b) => a.id - b.id)) {
    if (round.parentId !== null && found.has(round.parentId))
      found.add(round.id);
  }
  return found;
}

/**
 * A round, all its descendants, and all rounds whose KV comes from one of these: none of that KV was computed
 * without the round in view.
 */
export function withAllThatRead(
  rounds: readonly (TreeRound & {
    kvFrom?:
      { conversationId?: string | undefined; roundId: number } | undefined;
  })[],
  id: number,
): Set<number> {
  const found = withDescendants(rounds, id);
  for (const { id: copy, kvFrom } of rounds) {
    const isOwn = kvFrom && kvFrom.conversationId === undefined;
    if (isOwn && found.has(kvFrom.roundId)) found.add(copy);
  }
  return found;
}
