// What the machine code of kernels must keep to.

/** @typedef {import("./listing.mjs").Compiled} Compiled */

/**
 * Weights that a turn of matvec's main loop multiplies, for one row of x.
 *
 * @param {Compiled} compiled
 */
export function weightsATurn({ label, constants }) {
  return label === "matvec" && constants.row_tile === 1 ? 32 : undefined;
}

/**
 * @param {Compiled} compiled
 * @returns {string[]} a sentence for each limit that is exceeded
 */
export function faultsOf({ label, constants, spills }) {
  return spills > 0
    ? [`${label} ${JSON.stringify(constants)} spills ${spills} registers.`]
    : [];
}
