/** Estimates a question's attention on rounds that are not on the GPU, from digests of their keys. */
import { estimateMass } from "../../memory/digest-estimate";
import type { PlacedRound } from "../../memory/page-table";
import type { Round } from "../../memory/round";
import type { Runner } from "../run/runner";

/** The most rows of the question to compare with digests: this runs on the CPU. */
const MOST_ROWS = 16;

/**
 * Mass of each round, summing to about 1. The question has just been through the lower layers, so its queries at
 * the watershed are still in the workspace.
 *
 * @param rounds and where they stand
 * @param end position behind the question's last row
 * @param massRows the last so many of its rows are used for selection
 * @throws DeviceLostError
 */
export async function digestMass(
  runner: Runner,
  rounds: readonly PlacedRound[],
  end: number,
  massRows: number,
  digestOf: (round: Round) => Float32Array | undefined,
): Promise<number[]> {
  const rows = Math.min(massRows, MOST_ROWS, runner.lastRows);
  const queries = await runner.queries(rows);
  const known = rounds.flatMap(({ round, base }) => {
    const digest = digestOf(round);
    return digest ? [{ round, base, digest, tokens: round.tokens.length }] : [];
  });
  const estimates = estimateMass(known, {
    queries,
    positions: Array.from({ length: rows }, (_, i) => end - rows + i),
    ...runner.decoder.queryShape(runner.cache.upper.firstLayer - 1),
  });
  const byRound = new Map(known.map(({ round }, i) => [round, estimates[i]!]));
  // A round without a digest could have any mass.
  return rounds.map(({ round }) => byRound.get(round) ?? 1 / rounds.length);
}
