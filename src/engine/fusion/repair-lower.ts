/**
 * The lower layers of a turn whose chat has stale KV (A³, arXiv 2511.17560):
 *
 *     stale rounds and question, layers 0..c-1 ─► K, V of layer c ─► relevance of each token there
 *       ─► the most relevant tokens and the question, layers c..w: their new KV replaces the old
 *
 * Cached keys are used at their rounds' current positions, and not changed otherwise.
 */
import { pageTable } from "../../memory/page-table";
import type { Round } from "../../memory/round";
import type { FusionReport } from "../api/receipt";
import type { Frame } from "../run/attention-frame";
import { chosenRows, type RepairMethod, subsetOf } from "./repair";
import { rowCount, type Runner, type Span } from "../run/runner";

export interface RepairRequest {
  /** The question's round comes last. */
  frame: Frame;
  own: Round;
  stale: ReadonlySet<Round>;
  /** Share of the tokens before the question that is repaired. */
  ratio: number;
  method: RepairMethod;
  /** Number of the question's last rows whose attention selects rounds. */
  massRows: number;
  /** Whether to measure their attention mass. */
  selects: boolean;
}

/**
 * @param report filled in with what was done
 * @param progress yielded between submits
 * @returns the rows that have been through all lower layers, in the order of the chat, the question's last;
 *   their residual stream is kept
 * @throws OutOfMemoryError, DeviceLostError
 */
export async function* repairLower<P>(
  runner: Runner,
  request: RepairRequest,
  report: FusionReport,
  progress: () => P,
): AsyncGenerator<P, Span[]> {
  const { frame, own, stale, ratio, method, massRows, selects } = request;
  const placed = frame.lower.filter(({ round }) => stale.has(round));
  const question = wholeOf(frame.lower.slice(-1));
  const { checkLayer, isFresh, rows: askedRows, choose } = method;
  const to = runner.layersOf("lower").to;

  const start = performance.now();
  const checked = [...(isFresh ? wholeOf(placed) : []), ...question];
  const checking = runner.prefill({
    frame,
    rows: checked,
    layers: { from: 0, to: checkLayer },
    keepsResidual: true,
    relevanceRows: askedRows === "mass" ? massRows : own.tokens.length,
  });
  for await (const _ of checking) yield progress();
  const before = frame.lower.slice(0, -1);
  const total = before.reduce((sum, { round }) => sum + round.tokens.length, 0);
  const ids = new Set(placed.map(({ round }) => round.id));
  const tokens = await choose({
    relevance: await runner.relevance.read(),
    pages: pageTable(frame.lower, "lower"),
    own: own.id,
    isCandidate: (round) => ids.has(round),
    count: Math.floor(total * ratio),
    stale: placed,
  });
  const repaired = chosenRows(placed, tokens);
  report.findMs += performance.now() - start;

  const rows = [...repaired, ...question];
  const repairStart = performance.now();
  const repairing = runner.prefill({
    frame,
    rows,
    // Without fresh rows at the check layer all begin anew.
    layers: { from: isFresh ? checkLayer : 0, to },
    ...(isFresh && { keptRows: subsetOf(checked, rows) }),
    keepsResidual: true,
    massRows: selects ? massRows : 0,
  });
  for await (const _ of repairing) yield progress();
  report.repairMs += performance.now() - repairStart;
  report.repairedTokens += rowCount(repaired);
  report.repairedRounds += new Set(
    repaired.map((one) => one.placed.round),
  ).size;
  return rows;
}

function wholeOf(placed: Frame["lower"]): Span[] {
  return placed.map((one) => ({
    placed: one,
    from: 0,
    to: one.round.tokens.length,
  }));
}
