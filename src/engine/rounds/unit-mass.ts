/**
 * How a retrieval head's attention falls on units: the system prompt, the question's own round, and the rounds of
 * the chat, each kept as parts of a softmax that can be put together in any company.
 */
import type { ScoreHow } from "../../model/config/round-index";
import type { UnitSoftmax } from "../run/unit-softmax";

/**
 * The share of the rows' attention that falls on each unit, or on its greatest token: with L the log of the sum of
 * exp(sums) over all units, the mean over rows of exp(sum − L), or of exp(greatest − L). By sums the units' shares
 * add up to 1, unless rows see nothing at all: these count as attention on nothing.
 *
 * @returns [units]
 */
export function massOf(softmax: UnitSoftmax, how: ScoreHow): number[] {
  const { units, rows, sums } = softmax;
  const parts = how === "sum" ? sums : softmax.greatest;
  const mass = new Array<number>(units).fill(0);
  for (let row = 0; row < rows; row++) {
    const whole = logOfSum(softmax, row);
    if (whole === -Infinity) continue;
    for (let unit = 0; unit < units; unit++)
      mass[unit]! += Math.exp(parts[unit * rows + row]! - whole) / rows;
  }
  return mass;
}

/** log Σ exp(sums) over all units of a row. */
function logOfSum({ units, rows, sums }: UnitSoftmax, row: number): number {
  let greatest = -Infinity;
  for (let unit = 0; unit < units; unit++)
    greatest = Math.max(greatest, sums[unit * rows + row]!);
  if (greatest === -Infinity) return greatest;
  let total = 0;
  for (let unit = 0; unit < units; unit++)
    total += Math.exp(sums[unit * rows + row]! - greatest);
  return greatest + Math.log(total);
}
