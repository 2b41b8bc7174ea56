// What RADV prints about kernels, read: its statistics, and of the listing the main loop.

/**
 * @typedef {object} Loop
 * @property {number} valu vector instructions
 * @property {number} loads from buffers
 * @property {number} lds reads and writes of workgroup memory
 * @property {number} salu scalar instructions
 * @property {number} inFlight the most loads that are under way at once
 */

/**
 * @typedef {object} Compiled
 * @property {string[]} models that use it
 * @property {string} label
 * @property {Record<string, number>} constants
 * @property {number} registers VGPRs
 * @property {number} spills
 * @property {number} waves that a SIMD can hold
 * @property {number} ldsBytes
 * @property {number} latency the compiler's own estimate of cycles
 * @property {Loop | undefined} loop the main one: of the innermost the one with the most vector instructions
 */

/**
 * @param {string} output of tools/isa/compile.mjs, on standard error
 * @returns {Compiled[]} each kernel and set of constants once
 */
export function readListings(output) {
  /** @type {Map<string, Compiled>} */
  const known = new Map();
  for (const text of output.split(/^=== /m).slice(1)) {
    const end = text.indexOf("\n");
    /** @type {{ model: string, label: string, constants: Record<string, number> }} */
    const { model, label, constants } = JSON.parse(text.slice(0, end));
    const key = label + JSON.stringify(constants);
    // What was compiled before, Dawn knows.
    const earlier = known.get(key);
    if (earlier === undefined)
      known.set(key, {
        models: [model],
        label,
        constants,
        ...readListing(text.slice(end + 1)),
      });
    else if (!earlier.models.includes(model)) earlier.models.push(model);
  }
  return [...known.values()];
}

/** @param {string} text */
function readListing(text) {
  const lines = text.split("\n");
  /** @param {string} field */
  const statistic = (field) => {
    const found = lines.findLast((line) => line.startsWith(`${field}: `));
    if (found === undefined)
      throw new Error(`RADV printed no ${field}:\n${text.slice(0, 2000)}`);
    return Number(found.slice(field.length + 2));
  };
  return {
    registers: statistic("VGPRs"),
    spills: statistic("Spilled VGPRs") + statistic("Spilled SGPRs"),
    waves: statistic("Subgroups per SIMD"),
    ldsBytes: statistic("LDS size"),
    latency: statistic("Latency"),
    loop: mainLoop(lines),
  };
}

/** @param {string[]} listing */
function mainLoop(listing) {
  const loops = loopsOf(listing);
  return loops
    .filter(
      ([first, last], i) =>
        !loops.some(([a, b], j) => j !== i && first <= a && b <= last),
    )
    .map(([first, last]) => counts(listing.slice(first, last + 1)))
    .toSorted((a, b) => b.valu - a.valu)[0];
}

/**
 * First and last line of each loop: from a label to the last branch back to it.
 *
 * @param {string[]} listing
 */
function loopsOf(listing) {
  /** @type {Map<string, number>} */
  const labels = new Map();
  /** @type {Map<number, number>} */
  const ends = new Map();
  listing.forEach((line, i) => {
    const [, label] = /^(BB\d+):/.exec(line) ?? [];
    if (label !== undefined) labels.set(label, i);
    const [, to] = /\ss_c?branch\w* (BB\d+)/.exec(line) ?? [];
    const start = to === undefined ? undefined : labels.get(to);
    if (start !== undefined) ends.set(start, i);
  });
  return [...ends];
}

/**
 * @param {string[]} lines
 * @returns {Loop}
 */
function counts(lines) {
  const loop = { valu: 0, loads: 0, lds: 0, salu: 0, inFlight: 0 };
  let underWay = 0;
  for (const line of lines) {
    const [, name] = /^\s+(\w+)/.exec(line) ?? [];
    if (name === undefined) continue;
    if (/^(buffer|global)_load/.test(name)) {
      loop.loads++;
      underWay++;
      loop.inFlight = Math.max(loop.inFlight, underWay);
    } else if (name === "s_waitcnt") {
      const [, left] = /vmcnt\((\d+)\)/.exec(line) ?? [];
      if (left !== undefined) underWay = Math.min(underWay, Number(left));
    } else if (name.startsWith("ds_")) loop.lds++;
    else if (name.startsWith("v_")) loop.valu += name.includes("dual") ? 2 : 1;
    else if (/^s_(?!nop|delay|waitcnt)/.test(name)) loop.salu++;
  }
  return loop;
}
