/** KvRestorer over memory saved: where the curve bends. */
import { chart, type Series } from "./plot";
import type { RoundsRow } from "./rounds";

const COLOURS = ["#2f6fde", "#d1495b", "#3a9d5d", "#b07d2b"];

export function roundsPlot(rows: readonly RoundsRow[]): string {
  // Full attention is the measure: it stands at 0 and 1.
  const measured = rows.filter(
    ({ policy }) => !policy.startsWith("control") && policy !== "full",
  );
  const sizes = [...new Set(measured.map(({ rounds }) => rounds))];
  const series = sizes.flatMap((size, i): Series[] => {
    const own = measured
      .filter(({ rounds }) => rounds === size)
      .toSorted((a, b) => a.saved - b.saved);
    const choices = own.filter(({ policy }) => policy.startsWith("rounds"));
    const others = own.filter((row) => !choices.includes(row));
    // Most values of tau choose much the same: the ends of the line are enough to read it.
    const isEnd = (row: RoundsRow) =>
      row === choices[0] || row === choices.at(-1);
    const point = (row: RoundsRow, label = ""): [number, number, string] => [
      100 * row.saved,
      row.ofFull,
      label,
    ];
    return [
      {
        label: `Round Attention, ${size}`,
        colour: COLOURS[(2 * i) % COLOURS.length]!,
        points: choices.map((row) =>
          point(row, isEnd(row) ? row.policy.replace("rounds, ", "") : ""),
        ),
        isLine: true,
      },
      {
        label: `others, ${size}`,
        colour: COLOURS[(2 * i + 1) % COLOURS.length]!,
        points: others.map((row) => point(row, row.policy)),
      },
    ];
  });
  return chart(
    "KvRestorer over KV memory saved, by policy and rounds of history",
    {
      label: "KV memory saved, %",
      from: 55,
      to: 80,
      ticks: [55, 60, 65, 70, 75, 80],
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
