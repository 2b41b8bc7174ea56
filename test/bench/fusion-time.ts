/**
 * What the first token takes behind documents that another chat has read: from the store, repaired for the
 * question, against prefilling all of it.
 *
 *     npm run bench:fusion -- --time
 *
 * Two documents are attached to a chat and the engine is closed. Another engine attaches them to a chat with
 * another system prompt, so that all of their KV is stale, and asks. Times include reading the store, the
 * upload and a fence. The full prefill is of the same chat without any KV.
 */
import { Engine } from "../../src/engine/engine";
import type {
  FusionSettings,
  FusionVariant,
} from "../../src/engine/api/replies";
import { say } from "../support/say";
import type { BenchEnvironment } from "./benches";

export interface FusionTimeRow {
  what: string;
  staleTokens: number;
  computedTokens: number;
  attachMs: number;
  firstTokenMs: number;
  /** Both, as a share of the full prefill's. */
  ofFull: number;
  right: boolean;
}

/** Of a document, beside its fact: both documents stay within the trained range. */
const SENTENCES = 40;
const QUESTION = "When does the train leave?";
const ASK = {
  sampler: { temperature: 0 },
  maxTokens: 12,
  attention: { mode: "all" },
} as const;

/** A note with one fact amid small talk. */
function note(fact: string, topic: string): string {
  const filler = Array.from(
    { length: SENTENCES },
    (_, i) => `The ${topic} number ${i + 1} is nice and very old.`,
  );
  return filler.toSpliced(SENTENCES / 2, 0, fact).join(" ");
}

const DOCUMENTS = [
  { name: "trip.txt", text: note("The train leaves at ten.", "house") },
  { name: "work.txt", text: note("The meeting is in room 12.", "garden") },
];

export async function benchFusionTime({
  url,
  gpu,
  openFiles,
  onProgress,
}: BenchEnvironment): Promise<FusionTimeRow[]> {
  const storeName = `rondo bench ${crypto.randomUUID()}`;
  const open = async () => {
    const engine = new Engine({
      gpu,
      storeName,
      ...(openFiles && { openFiles }),
    });
    await engine.setHealing(false);
    await engine.load(url);
    return engine;
  };
  onProgress?.("documents are read for the first time");
  const first = await open();
  const teller = await first.createChat();
  for (const document of DOCUMENTS) await first.attach(teller, document);
  await first.close();

  const repaired = async (fusion: Partial<FusionSettings>) => {
    const engine = await open();
    const chat = await engine.createChat({
      system: "You answer in few words.",
    });
    const start = performance.now();
    for (const document of DOCUMENTS) await engine.attach(chat, document);
    const attachMs = performance.now() - start;
    const said = await say(engine, chat, QUESTION, { ...ASK, fusion });
    const text = await engine.exportChat(chat);
    await engine.close();
    return { ...said, attachMs, file: text };
  };
  const variants: FusionVariant[] = ["rounds", "lite", "a3"];
  const runs: [string, Awaited<ReturnType<typeof repaired>>][] = [];
  onProgress?.("nothing repaired");
  runs.push(["full reuse", await repaired({ ratio: 0 })]);
  for (const variant of variants) {
    onProgress?.(`${variant} at r = 0.15`);
    const run = await repaired({ variant, ratio: 0.15 });
    runs.push([`${variant}, r 0.15`, run]);
  }

  onProgress?.("everything prefilled");
  const engine = await open();
  const { id } = await engine.importChat(runs[0]![1].file, { withKv: true });
  const { rounds } = await engine.openChat(id);
  await engine.deleteRound(id, rounds.at(-1)!.id);
  const full = await say(engine, id, QUESTION, ASK);
  await engine.close();
  const fullMs = full.receipt.timeToFirstTokenMs;
  const rows = runs.map(([what, { receipt, text, attachMs }]) => ({
    what,
    staleTokens: receipt.kv.fusion.staleTokens,
    computedTokens: receipt.kv.prefilledTokens,
    attachMs,
    firstTokenMs: receipt.timeToFirstTokenMs,
    ofFull: (attachMs + receipt.timeToFirstTokenMs) / fullMs,
    right: text.includes("ten"),
  }));
  return [
    ...rows,
    {
      what: "full prefill",
      staleTokens: 0,
      computedTokens: full.receipt.kv.prefilledTokens,
      attachMs: 0,
      firstTokenMs: fullMs,
      ofFull: 1,
      right: full.text.includes("ten"),
    },
  ];
}

export function fusionTimeTable(rows: readonly FusionTimeRow[]): string {
  const head = [
    "",
    "stale tokens",
    "computed",
    "attaching, ms",
    "first token, ms",
    "of a full prefill",
    "right answer",
  ];
  const cells = rows.map((row) => [
    row.what,
    String(row.staleTokens),
    String(row.computedTokens),
    row.attachMs.toFixed(0),
    row.firstTokenMs.toFixed(0),
    `${(100 * row.ofFull).toFixed(0)} %`,
    row.right ? "yes" : "no",
  ]);
  const line = (one: readonly string[]) => `| ${one.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...cells.map(line)].join(
    "\n",
  );
}
