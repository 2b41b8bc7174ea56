/**
 * What a turn costs in a chat that was closed: from the store, against computing everything again.
 *
 *     npm run bench:resume [-- --quick] [--turns 5,20] [--full]
 *
 * A chat is told turn by turn. At turn 5, 20, 60 and 200 the engine is closed and another one opens the
 * chat, restores it and asks: once with what is stored, once without (the KV is deleted first, and full
 * attention computes all of it). Time to first token includes reading, uploading and a fence; `restore` is
 * what opening the chat takes before anything is asked.
 */
import { Engine } from "../../src/engine/engine";
import type { LocalReceipt } from "../../src/engine/api/receipt";
import { say } from "../support/say";
import type { BenchEnvironment } from "./benches";

export interface ResumeRow {
  turn: number;
  historyTokens: number;
  /** Of the very next message after opening, nothing restored ahead. */
  resumed: TurnCost;
  /** Of a message once the chat has been restored. */
  warm: TurnCost;
  /** With nothing stored, everything attended to; undefined where that was not measured. */
  prefilled: TurnCost | undefined;
  restoreMs: number;
}

export interface TurnCost {
  timeToFirstTokenMs: number;
  prefilledTokens: number;
  restoredTokens: number;
  attended: number;
}

const QUESTION = "What is my cat called?";
/** Tokens of history up to which computing everything again is measured without --full. */
const MOST_PREFILLED = 2000;
const GREEDY = { sampler: { temperature: 0 }, maxTokens: 16 };

export async function benchResume({
  url,
  params,
  chats,
  gpu,
  openFiles,
  onProgress,
}: BenchEnvironment): Promise<ResumeRow[]> {
  const turns = (
    params.get("turns") ?? (params.has("quick") ? "5,20" : "5,20,60,200")
  )
    .split(",")
    .map(Number);
  const storeName = `rondo bench ${crypto.randomUUID()}`;
  const open = async () => {
    const engine = new Engine({
      gpu,
      storeName,
      ...(openFiles && { openFiles }),
    });
    await engine.load(url);
    return engine;
  };
  const longest = chats.chats.reduce((a, b) =>
    a.rounds.length >= b.rounds.length ? a : b,
  );
  const rows: ResumeRow[] = [];
  let teller = await open();
  const chat = await teller.createChat();
  let told = 0;
  for (const turn of turns) {
    for (; told < turn - 1; told++) {
      if (told % 10 === 0) onProgress?.(`turn ${told + 1} of ${turns.at(-1)}`);
      const message = longest.rounds[told % longest.rounds.length]!.user;
      await say(teller, chat, message, GREEDY);
    }
    const file = await teller.exportChat(chat, { withKv: true });
    const text = await teller.exportChat(chat);
    await teller.close();
    onProgress?.(`turn ${turn}: resumed`);
    const resumed = await ask(await open(), file, {});
    onProgress?.(`turn ${turn}: restored, then asked`);
    const warm = await ask(await open(), file, { isRestored: true });
    // Beyond the trained range rounds are computed one by one: a software adapter takes half an hour.
    const isMeasured =
      params.has("full") || warm.historyTokens < MOST_PREFILLED;
    if (isMeasured) onProgress?.(`turn ${turn}: everything prefilled`);
    const prefilled = isMeasured
      ? await ask(await open(), text, { mode: "all" })
      : undefined;
    rows.push({
      turn,
      historyTokens: warm.historyTokens,
      resumed: resumed.cost,
      warm: warm.cost,
      prefilled: prefilled?.cost,
      restoreMs: warm.restoreMs,
    });
    onProgress?.(resumeTable(rows.slice(-1)).split("\n").at(-1)!);
    teller = await open();
    await teller.openChat(chat);
  }
  await teller.close();
  return rows;
}

/** Opens a copy of the chat, asks, and forgets the copy. */
async function ask(
  engine: Engine,
  file: Blob,
  {
    isRestored = false,
    mode = "rounds",
  }: { isRestored?: boolean; mode?: "rounds" | "all" },
) {
  const { id } = await engine.importChat(file, { withKv: true });
  await engine.openChat(id);
  const start = performance.now();
  if (isRestored) await engine.restoreChat(id);
  const restoreMs = performance.now() - start;
  const { receipt } = await say(engine, id, QUESTION, {
    ...GREEDY,
    attention: { mode },
  });
  await engine.deleteChat(id);
  await engine.close();
  const historyTokens = receipt.kv.cachedTokens + receipt.kv.prefilledTokens;
  return { cost: costOf(receipt), restoreMs, historyTokens };
}

function costOf({ timeToFirstTokenMs, kv }: LocalReceipt): TurnCost {
  const { prefilledTokens, restoredTokens, attention } = kv;
  const attended = attention.attended.length;
  return { timeToFirstTokenMs, prefilledTokens, restoredTokens, attended };
}

export function resumeTable(rows: readonly ResumeRow[]): string {
  const head = [
    "turn",
    "history, tokens",
    "restore, ms",
    "first token, ms: restored",
    "resumed",
    "prefilled",
    "rows computed: restored",
    "resumed",
    "prefilled",
    "rounds attended to",
  ];
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.join(" | ")} |`;
  return [
    line(head),
    line(head.map(() => "---")),
    ...rows.map(
      ({ turn, historyTokens, restoreMs, warm, resumed, prefilled }) =>
        line([
          turn,
          historyTokens,
          Math.round(restoreMs),
          ...[warm, resumed, prefilled].map((cost) =>
            cost ? Math.round(cost.timeToFirstTokenMs) : "",
          ),
          ...[warm, resumed, prefilled].map(
            (cost) => cost?.prefilledTokens ?? "",
          ),
          warm.attended,
        ]),
    ),
  ].join("\n");
}
