/** Sums attention mass over pages to mass by round. */
import { pagesFor } from "../../memory/page-pool";
import type { PlacedRound } from "../../memory/page-table";
import type { Round } from "../../memory/round";

/**
 * Share of the attention on these rounds that falls on each; these sum to 1. Mass on others, such as the system
 * prompt and the turn's own round, is left out.
 *
 * @param table entries of the page table
 * @param pageMass of each of its entries
 * @returns mass by the round's id
 */
export function massByRound(
  table: readonly PlacedRound[],
  pageMass: readonly number[],
  rounds: readonly Round[],
): Map<number, number> {
  const mass = new Map(rounds.map(({ id }) => [id, 0]));
  let page = 0;
  for (const { round } of table) {
    const end = page + pagesFor(round.tokens.length);
    const sum = pageMass.slice(page, end).reduce((a, b) => a + b, 0);
    if (mass.has(round.id)) mass.set(round.id, sum);
    page = end;
  }
  const total = [...mass.values()].reduce((a, b) => a + b, 0);
  if (total > 0) for (const [id, sum] of mass) mass.set(id, sum / total);
  return mass;
}
