/** Which rounds belong together: a reply that calls tools, and the rounds that bring what the calls gave. */
import type { ToolResult } from "../../store/tools";

interface UnitRound {
  id: number;
  results?: readonly ToolResult[] | undefined;
}

/**
 * The unit of each round that has results, or whose calls have: the id of the unit's first round.
 *
 * @param rounds in chat order
 */
export function callUnits(
  rounds: readonly UnitRound[],
): ReadonlyMap<number, number> {
  const units = new Map<number, number>();
  for (const [i, { id, results }] of rounds.entries()) {
    const before = rounds[i - 1];
    if (!results || before === undefined) continue;
    const unit = units.get(before.id) ?? before.id;
    units.set(before.id, unit);
    units.set(id, unit);
  }
  return units;
}
