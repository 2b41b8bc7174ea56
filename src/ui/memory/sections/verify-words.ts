/** What a verification found, in plain words. Pure functions. */
import type { Divergence, VerifyReport } from "../../../engine/api/kv-memory";
import { countedText, msText, shareText, smallText } from "../base/figures";

/** Words for divergences below these, in nats per token. */
const VERDICTS: [belowKl: number, verdict: string][] = [
  [0.01, "hardly differs"],
  [0.1, "differs a little"],
  [0.5, "differs clearly"],
];

/** One sentence each: agreement, divergence, what each part of it comes from, time. */
export function verifySentences(report: VerifyReport): string[] {
  const { maxKl, meanKl, positions, sameTop1, tookMs } = report;
  const { selection, reuse } = report;
  if (positions === 0)
    return ["The reply has no tokens at which the two could be compared."];
  return [
    agreement(sameTop1, positions),
    `What the model expected next ${verdictOf(meanKl)}: by ${smallText(meanKl)} nats a token on average, ` +
      `by ${smallText(maxKl)} at most (KL divergence).`,
    `Reading only some rounds cost ${nats(selection)}, using KV again ${nats(reuse)}.`,
    `Compared with full attention and exact KV in ${msText(tookMs)}.`,
  ];
}

function nats({ meanKl }: Divergence): string {
  return meanKl === 0 ? "nothing" : `${smallText(meanKl)} nats a token`;
}

function agreement(same: number, positions: number): string {
  if (same === positions)
    return positions === 1
      ? "At the reply’s only token the same word was likeliest."
      : `At all ${countedText(positions, "token")} of the reply the same word was likeliest.`;
  return `At ${same} of ${countedText(positions, "token")} of the reply the same word was likeliest (${shareText(same / positions)}).`;
}

function verdictOf(meanKl: number): string {
  return VERDICTS.find(([below]) => meanKl < below)?.[1] ?? "differs a lot";
}
