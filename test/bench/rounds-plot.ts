/** Recall over memory saved: where the curve bends. */
import { chart, type Series } from "./plot";
import type { RoundsRow } from "./rounds";

const COLOURS = ["#2f6fde", "#d1495b", "#3a9d5d", "#b07d2b"];

export function roundsPlot(rows: readonly RoundsRow[]): string {
  const measured = rows.filter(({ policy }) => !policy.startsWith("control"));
  const sizes = [...new Set(measured.map(({ rounds }) => rounds))];
  const series = sizes.flatMap((size, i): Series[] => {
    const own = measured
      .filter(({ rounds }) => rounds === size)
      .toSorted((a, b) => a.saved - b.saved);
    const isChoice = ({ policy }: RoundsRow) => policy.startsWith("rounds");
    const point = ({
      saved,
      ofFull,
      policy,
    }: RoundsRow): [number, number, string] => [
      100 * saved,
      ofFull,
      policy.replace("rounds, ", ""),
    ];
    return [
      {
        label: `Round Attention, ${size}`,
        colour: COLOURS[(2 * i) % COLOURS.length]!,
        points: own.filter(isChoice).map(point),
        isLine: true,
      },
      {
        label: `others, ${size}`,
        colour: COLOURS[(2 * i + 1) % COLOURS.length]!,
        points: own.filter((row) => !isChoice(row)).map(point),
      },
    ];
  });
  return chart(
    "Recall over KV memory saved, by policy and rounds of history",
    {
      label: "KV memory saved, %",
      from: 0,
      to: 80,
      ticks: [0, 20, 40, 60, 80],
    },
    {
      label: "recall, as a share of full attention's",
      from: 0,
      to: 1.1,
      ticks: [0, 0.25, 0.5, 0.75, 1],
    },
    series,
  );
}
