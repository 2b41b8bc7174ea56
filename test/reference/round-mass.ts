export interface RoundMassInput {
  /** Of `attention` or `llama`: [rows, heads, rounds]. */
  mass: ArrayLike<number>;
  heads: number;
  rounds: number;
  /** The rows whose attention counts. */
  rows: readonly number[];
  /** The heads whose attention counts; all by default. */
  chosenHeads?: readonly number[];
  /** The round of the question itself. */
  ownRound: number;
}

/** How the attention of rows falls on the earlier rounds: [rounds], of sum 1, the system's and the own round 0. */
export function roundMass(input: RoundMassInput): Float64Array {
  const { mass, heads, rounds, rows, ownRound } = input;
  const chosenHeads = input.chosenHeads ?? [...Array(heads).keys()];
  const mean = new Float64Array(rounds);
  for (const row of rows) {
    for (const head of chosenHeads) {
      for (let round = 0; round < rounds; round++) {
        if (round === 0 || round === ownRound) continue;
        mean[round]! +=
          mass[(row * heads + head) * rounds + round]! /
          (rows.length * chosenHeads.length);
      }
    }
  }
  const sum = mean.reduce((total, value) => total + value, 0);
  return sum > 0 ? mean.map((value) => value / sum) : mean;
}
