import { expect, test } from "vitest";
import type { Rule } from "./choices";
import type { MemoryCase } from "./memory";
import { memoryRows, memoryTable } from "./memory-table";

const RULES: Rule[] = ["heads", "nothing"];

function caseOf(
  kind: MemoryCase["kind"],
  right: Partial<Record<Rule, boolean>>,
): MemoryCase {
  return {
    text: "?",
    kind,
    source: 1,
    value: "x",
    rounds: 24,
    seed: 1,
    heads: { raw: [], score: [], noise: 0 },
    samples: RULES.map((rule) => ({
      rule,
      ...(rule === "heads" && { rank: 2 }),
      read: 0.2,
      resident: 0.21,
      choiceMs: 500,
      reply: "",
      isRight: right[rule] ?? false,
      nll: 1.5,
      ms: 2000,
      rounds: 4,
      isFound: true,
    })),
  };
}

const cases = [
  caseOf("same", { heads: true }),
  caseOf("other", {}),
  caseOf("other", { heads: true, nothing: true }),
];

test("a question that is answered behind nothing counts for no rule", () => {
  const [heads, nothing] = memoryRows(cases);
  expect(heads).toMatchObject({ rule: "heads", cases: 2, right: 0.5, rank: 2 });
  expect(heads!.byKind).toMatchObject({ same: 1, other: 0 });
  expect(nothing).toMatchObject({ rule: "nothing", right: 0, rank: undefined });
});

test("the table has a line for each size and rule, and tells how many questions it leaves out", () => {
  const lines = memoryTable(cases).split("\n");
  expect(lines[2]).toContain("| 24 | heads | 2 | 50 % | 100 %, 0 %, – |");
  expect(lines[3]).toContain("| 24 | nothing |");
  expect(lines.at(-1)).toContain("1 of 3");
});
