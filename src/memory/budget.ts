/** Divides a budget of bytes between the pages of the two halves. */

/** One number for each half. */
interface ByHalf {
  lower: number;
  upper: number;
}

/**
 * Upper pages per lower page, where all lower halves are read: those of the whole chat should be resident, upper
 * halves only of the rounds that turns attend to.
 */
const UPPER_SHARE = 1 / 3;

/**
 * The most pages of each half. A growing pool briefly holds one matrix twice; that is included in the budget.
 *
 * @param pageBytes of a page over all layers of its half
 * @param bufferBytes the largest buffer: a layer's keys, or its values
 * @param upperShare upper pages per lower page
 */
export function divideBudget({
  budgetBytes,
  pageBytes,
  layerCounts,
  bufferBytes,
  upperShare = UPPER_SHARE,
}: {
  budgetBytes: number;
  pageBytes: ByHalf;
  layerCounts: ByHalf;
  bufferBytes: number;
  upperShare?: number | undefined;
}): ByHalf {
  // A model without upper layers keeps whole rounds in the lower half.
  const matrixBytes = (half: keyof ByHalf) =>
    layerCounts[half] === 0 ? 0 : pageBytes[half] / (2 * layerCounts[half]);
  const growing = Math.max(
    matrixBytes("lower"),
    upperShare * matrixBytes("upper"),
  );
  const perLowerPage = pageBytes.lower + upperShare * pageBytes.upper + growing;
  const lower = Math.floor(budgetBytes / perLowerPage);
  const upper =
    layerCounts.upper === 0 ? lower : Math.floor(upperShare * lower);
  const bindable = Math.floor(
    bufferBytes / Math.max(matrixBytes("lower"), matrixBytes("upper")),
  );
  return {
    lower: Math.min(lower, bindable),
    upper: Math.min(upper, bindable),
  };
}
