/** The figures of the memory benchmark, by size of chat and rule. */
import { average } from "../average";
import type { Rule } from "./choices";
import type { MemoryCase, MemorySample } from "./memory";

export interface MemoryRow {
  rounds: number;
  rule: Rule;
  cases: number;
  right: number;
  nll: number;
  /** By kind of question: share of right answers. */
  byKind: Record<MemoryCase["kind"], number>;
  /** Mean rank of the right round; undefined for rules without an order. */
  rank: number | undefined;
  /** Share of questions whose right round is read. */
  found: number;
  attended: number;
  read: number;
  resident: number;
  choiceSeconds: number;
  questionSeconds: number;
}

const KINDS = ["same", "other", "return"] as const;

/** Whether a question is answered rightly behind nothing. */
export function isGuessed({ samples }: MemoryCase): boolean {
  return samples.some(({ rule, isRight }) => rule === "nothing" && isRight);
}

/** Without the questions that are guessed. */
export function memoryRows(cases: readonly MemoryCase[]): MemoryRow[] {
  const groups = new Map<string, { one: MemoryCase; sample: MemorySample }[]>();
  for (const one of cases.filter((one) => !isGuessed(one)))
    for (const sample of one.samples) {
      const key = `${one.rounds} ${sample.rule}`;
      groups.set(key, [...(groups.get(key) ?? []), { one, sample }]);
    }
  return [...groups.values()]
    .map((all): MemoryRow => {
      const mean = (of: (sample: MemorySample) => number) =>
        average(all.map(({ sample }) => of(sample)));
      const ranks = all.flatMap(({ sample }) => sample.rank ?? []);
      const rightOf = (kind: MemoryCase["kind"]) =>
        average(
          all
            .filter(({ one }) => one.kind === kind)
            .map(({ sample }) => Number(sample.isRight)),
        );
      return {
        rounds: all[0]!.one.rounds,
        rule: all[0]!.sample.rule,
        cases: all.length,
        right: mean(({ isRight }) => Number(isRight)),
        nll: mean(({ nll }) => nll),
        byKind: {
          same: rightOf("same"),
          other: rightOf("other"),
          return: rightOf("return"),
        },
        rank: ranks.length > 0 ? average(ranks) : undefined,
        found: mean(({ isFound }) => Number(isFound)),
        attended: mean(({ rounds }) => rounds),
        read: mean(({ read }) => read),
        resident: mean(({ resident }) => resident),
        choiceSeconds: mean(({ choiceMs }) => choiceMs / 1000),
        questionSeconds: mean(({ ms }) => ms / 1000),
      };
    })
    .sort((a, b) => a.rounds - b.rounds);
}

/** In Markdown. */
export function memoryTable(cases: readonly MemoryCase[]): string {
  const head = [
    "rounds",
    "rule",
    "cases",
    "right",
    "same, other, return",
    "NLL",
    "found",
    "rank",
    "attended",
    "read",
    "resident",
    "choice",
    "question",
  ];
  const cells = memoryRows(cases).map((row) => [
    String(row.rounds),
    row.rule,
    String(row.cases),
    percent(row.right),
    KINDS.map((kind) => percent(row.byKind[kind])).join(", "),
    row.nll.toFixed(2),
    percent(row.found),
    row.rank?.toFixed(1) ?? "",
    row.attended.toFixed(1),
    percent(row.read, 1),
    percent(row.resident, 1),
    `${row.choiceSeconds.toFixed(1)} s`,
    `${row.questionSeconds.toFixed(1)} s`,
  ]);
  const guessed = cases.filter(isGuessed).length;
  const line = (one: readonly string[]) => `| ${one.join(" | ")} |`;
  return [
    line(head),
    line(head.map(() => "---")),
    ...cells.map(line),
    "",
    `${guessed} of ${cases.length} questions are answered rightly behind nothing, and left out.`,
  ].join("\n");
}

function percent(share: number, digits = 0): string {
  return Number.isNaN(share) ? "–" : `${(100 * share).toFixed(digits)} %`;
}
