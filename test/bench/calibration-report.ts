/** A calibration as rondo.json, a table and a plot. */
import {
  averaged,
  type Calibration,
  type LayerWorth,
  type QuestionMass,
  selected,
} from "../../src/engine/rounds/calibration";
import type { BenchOutcome } from "./benches";
import { chart } from "./plot";

const TAUS = [0.5, 0.8, 0.9, 0.95, 0.99];

export function calibrationReport(
  questions: readonly QuestionMass[],
  calibration: Calibration,
): BenchOutcome {
  const { watershed, rows, heads, tau, worth } = calibration;
  const chosen = worth.filter((one) => one.rows === rows);
  const rondo = {
    version: 1,
    watershed,
    rows,
    heads,
    tau,
    curve: chosen.map(({ captured }) => rounded(captured)),
    questions: questions.length,
  };
  const ranks = (one: LayerWorth) =>
    [1, 2, 4].map((k) => rankRate(questions, one, k).toFixed(2));
  const byTau = TAUS.map((one) => {
    const { restorer, share } = selectionAt(questions, calibration, one);
    return row([one, restorer.toFixed(3), percent(share)]);
  });
  const table = [
    `watershed ${watershed}, rows ${rows}, heads ${heads === "all" ? heads : heads.join()}, tau ${tau}; ${questions.length} questions`,
    "",
    row([
      "rows",
      "layer",
      "C(l)",
      "answer's round selected",
      "first",
      "in 2",
      "in 4",
      "rounds selected",
      "KV on the GPU",
    ]),
    row(Array.from({ length: 9 }, () => "---")),
    ...worth.map((one) =>
      row([
        one.rows,
        one.layer,
        one.captured.toFixed(3),
        one.hitRate?.toFixed(3) ?? "",
        ...ranks(one),
        percent(one.share),
        percent(one.cost),
      ]),
    ),
    "",
    row([
      `tau at layer ${watershed}`,
      "answer's round selected",
      "rounds selected",
    ]),
    row(["---", "---", "---"]),
    ...byTau,
  ].join("\n");
  const layers = chosen.map(({ layer }) => layer);
  const line = (label: string, colour: string, of: LayerWorth["rows"]) => ({
    label,
    colour,
    isLine: true,
    points: worth
      .filter((one) => one.rows === of)
      .map(({ layer, captured }): [number, number] => [layer, captured]),
  });
  const plot = chart(
    "How much of the later layers' attention a layer's selection captures",
    {
      label: "layer",
      from: 0,
      to: Math.max(1, ...layers),
      ticks: layers,
    },
    { label: "C(l)", from: 0, to: 1, ticks: [0, 0.25, 0.5, 0.75, 0.95] },
    [
      line("tail rows", "#2f6fde", "tail"),
      line("all rows", "#d1495b", "all"),
      {
        label: "KV on the GPU, tail",
        colour: "#3a9d5d",
        isLine: true,
        points: worth
          .filter((one) => one.rows === "tail")
          .map(({ layer, cost }): [number, number] => [layer, cost]),
      },
    ],
  );
  return {
    result: rondo,
    table,
    files: { "calibration.svg": plot, "calibration.md": `${table}\n` },
  };
}

/** How often the round with the answer is among the first k by mass at a layer. */
function rankRate(
  questions: readonly QuestionMass[],
  { rows, layer }: LayerWorth,
  k: number,
): number {
  const hits = questions.map((question) => {
    const mass = averaged(question[rows][layer]!);
    const own = mass[question.source!]!;
    return Number(mass.filter((other) => other > own).length < k);
  });
  return mean(hits);
}

function selectionAt(
  questions: readonly QuestionMass[],
  { watershed, rows, heads }: Calibration,
  tau: number,
): { restorer: number; share: number } {
  const picks = questions.map((question) => {
    const mass = averaged(question[rows][watershed]!, heads);
    const places = selected(mass, tau);
    return {
      isThere: Number(places.includes(question.source!)),
      share: places.length / mass.length,
    };
  });
  return {
    restorer: mean(picks.map(({ isThere }) => isThere)),
    share: mean(picks.map(({ share }) => share)),
  };
}

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(" | ")} |`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function rounded(value: number): number {
  return Math.round(1000 * value) / 1000;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
