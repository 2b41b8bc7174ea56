/** Accuracy over the share that is computed again. */
import type { FusionRow } from "./fusion";
import { chart, type Series } from "./plot";

export function fusionPlot(rows: readonly FusionRow[]): string {
  const all = rows.filter(
    ({ kind, policy }) => kind === "all" && policy !== "full prefill",
  );
  const point = (row: FusionRow, label: string): [number, number, string] => [
    100 * row.computed,
    row.ofFull,
    label,
  ];
  const a3 = all
    .filter(({ policy }) => policy === "a3")
    .toSorted((a, b) => a.ratio - b.ratio);
  const others = all.filter(({ policy }) => policy !== "a3");
  const series: Series[] = [
    {
      label: "A³",
      colour: "#2f6fde",
      points: a3.map((row) => point(row, `r ${row.ratio}`)),
      isLine: true,
    },
    {
      label: "others, r 0.15",
      colour: "#d1495b",
      points: others.map((row) => point(row, row.policy)),
    },
  ];
  return chart(
    "Accuracy over the share of stale tokens that is computed again",
    {
      label: "computed again, %",
      from: 0,
      to: 100,
      ticks: [0, 20, 40, 60, 80, 100],
    },
    {
      label: "accuracy, as a share of a full prefill's",
      from: 0,
      to: 1.1,
      ticks: [0, 0.25, 0.5, 0.75, 1],
    },
    series,
  );
}
