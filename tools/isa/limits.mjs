// What the machine code of kernels must keep to.

/** @typedef {import("./listing.mjs").Compiled} Compiled */

/** Formats of four bits: Q4, of shaders/shared/weights.wgsl. */
const FOUR_BITS = 5;
/** The first and the last format that matvec takes in groups of 32 columns. */
const GROUPED = [3, 9];
const IQ4 = 6;
/** Vector instructions for a weight of four bits: with the norm of x, and without. */
const MOST_VALU = { norm: 3.35, plain: 2.8 };
/** Loads from buffers for 128 weights of four bits; half of what loads of four bytes take. */
const MOST_LOADS = { norm: 24, plain: 16 };

/**
 * Weights that a turn of matvec's main loop multiplies, for one row of x.
 *
 * @param {Pick<Compiled, "label" | "constants">} compiled
 */
export function weightsATurn({ label, constants }) {
  if (label !== "matvec" || constants.row_tile !== 1) return undefined;
  const format = constants.weight_format ?? 0;
  const [first = 0, last = 0] = GROUPED;
  return format >= first && format <= last && format !== IQ4 ? 128 : 32;
}

/**
 * @param {Compiled} compiled
 * @returns {string[]} a sentence for each limit that is exceeded
 */
export function faultsOf(compiled) {
  const { label, constants, spills, loop } = compiled;
  const name = `${label} ${JSON.stringify(constants)}`;
  const faults = [];
  if (spills > 0) faults.push(`${name} spills ${spills} registers.`);
  const weights = weightsATurn(compiled);
  if (weights && constants.weight_format === FOUR_BITS) {
    const of = constants.normalizes === 1 ? "norm" : "plain";
    const { valu = 0, loads = 0 } = loop ?? {};
    if (!(valu / weights <= MOST_VALU[of]))
      faults.push(
        `${name}: ${(valu / weights).toFixed(2)} vector instructions a weight, more than ${MOST_VALU[of]}.`,
      );
    if (!(loads <= MOST_LOADS[of]))
      faults.push(
        `${name}: ${loads} loads for ${weights} weights, more than ${MOST_LOADS[of]}.`,
      );
  }
  return faults;
}
