/** Finds a model's retrieval heads, for `npm run calibrate`. */
import { headsFrom, inTokens } from "../../src/engine/idle/calibrate-heads";
import type { Model } from "../../src/engine/load/load-model";
import { calibrationChats } from "../../src/engine/rounds/calibration-chats";
import type {
  HeadCase,
  HeadChoice,
} from "../../src/engine/rounds/choose-heads";
import { headCases } from "../../src/engine/rounds/head-cases";
import type { Runner } from "../../src/engine/run/runner";
import type { Residency } from "../../src/memory/residency";
import type { BenchOutcome } from "./benches";

export async function calibrateHeads(
  model: Model,
  { runner, residency }: { runner: Runner; residency: Residency },
  {
    count = Infinity,
    onProgress,
  }: { count?: number; onProgress?: ((doing: string) => void) | undefined },
): Promise<BenchOutcome> {
  const chats = calibrationChats().slice(0, count);
  const cases: HeadCase[] = [];
  for (const [i, chat] of chats.entries()) {
    onProgress?.(
      `chat ${i + 1} of ${chats.length}: ${chat.rounds.length} rounds, ${chat.questions.length} questions`,
    );
    const reading = headCases(
      { runner, residency, contextTokens: model.contextTokens },
      inTokens(model, chat),
    );
    let next = await reading.next();
    while (next.done !== true) next = await reading.next();
    cases.push(...next.value);
  }
  const found = headsFrom(model, cases);
  const { heads, how, noise } = found;
  const result = {
    index: {
      heads: heads.map(({ layer, head }) => [layer, head]),
      how,
      noise,
    },
    mrr: found.mrr,
    hitRate: found.hitRate,
    crossMrr: found.crossMrr,
    chance: found.chance,
  };
  return { result, table: headsTable(found, cases) };
}

function headsTable(found: HeadChoice, cases: readonly HeadCase[]): string {
  const { heads, how, noise, mrr, hitRate, crossMrr, chance } = found;
  const row = (cells: readonly (string | number)[]) =>
    `| ${cells.join(" | ")} |`;
  const columns = [
    "head",
    "of a round",
    "mean reciprocal rank",
    "first",
    "same words",
    "other words",
  ];
  return [
    `heads ${heads.map(({ layer, head }) => `${layer}.${head}`).join(", ")} by ${how}: mean reciprocal rank ${mrr.toFixed(3)}, first ${hitRate.toFixed(3)}; chosen on one half of the questions and told on the other: ${crossMrr?.toFixed(3) ?? "-"}; chance ${chance.toFixed(3)}`,
    `noise ${noise.map(([rounds, value]) => `${value.toFixed(4)} of ${rounds} rounds`).join(", ")}; ${cases.length} questions`,
    "",
    row(columns),
    row(columns.map(() => "---")),
    ...found.table.map((one) =>
      row([
        `${one.layer}.${one.head}`,
        one.how,
        ...[one.mrr, one.hitRate, one.same, one.other].map((value) =>
          value.toFixed(3),
        ),
      ]),
    ),
  ].join("\n");
}
