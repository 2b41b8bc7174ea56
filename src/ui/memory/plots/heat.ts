/**
 * The figures of the heat map: how much of a question's attention went to each round, layer by layer. Pure functions.
 */
import type { VerifyReport } from "../../../engine/api/kv-memory";
import { shareText } from "../base/figures";

/** One cell of the map. Row 0 is the highest layer: the stack is drawn as it stands. */
export interface HeatCell {
  layer: number;
  roundId: number;
  mass: number;
}

export function cellAt(
  { mass, roundIds }: VerifyReport,
  row: number,
  column: number,
): HeatCell | undefined {
  const layer = mass.length - 1 - row;
  const value = mass[layer]?.[column];
  const roundId = roundIds[column];
  if (value === undefined || roundId === undefined) return undefined;
  return { layer, roundId, mass: value };
}

/** Opacity of a mass, from 0 to 1: its square root, so that small ones stay visible. */
export function darkness(mass: number, maxMass: number): number {
  return maxMass > 0 ? Math.sqrt(Math.max(mass, 0) / maxMass) : 0;
}

export function maxMass({ mass }: VerifyReport): number {
  return mass.reduce(
    (max, row) => row.reduce((max, value) => Math.max(max, value), max),
    0,
  );
}

/** The round that a layer attends to most. */
export function heaviest(
  report: VerifyReport,
  layer: number,
): HeatCell | undefined {
  const row = report.mass[layer] ?? [];
  const column = row.indexOf(Math.max(...row));
  return cellAt(report, report.mass.length - 1 - layer, column);
}

/** For example "Layer 9, round 12: 31 % of the question’s attention on rounds". */
export function cellText({ layer, mass, roundId }: HeatCell): string {
  const round = roundId === 0 ? "system prompt" : `round ${roundId}`;
  return `Layer ${layer}, ${round}: ${shareText(mass)} of the question’s attention on rounds`;
}

/** The map in a few sentences, for screen readers. */
export function mapText(report: VerifyReport, watershed: number): string {
  const { mass, roundIds } = report;
  const size = `${mass.length} layers by ${roundIds.length} rounds.`;
  const top = heaviest(report, Math.min(watershed, mass.length - 1));
  return top === undefined
    ? size
    : `${size} The watershed lies above layer ${watershed}. Most there: ${cellText(top)}.`;
}
