/**
 * What grows with a chat: the same questions of chats of 20 to 10,000 rounds, in the page as users have it.
 *
 *     npm run bench:scale [-- --rounds 20,200,1000,5000,10000] [--text]
 *
 * Rounds and their KV are copies of a few real ones (long-chat.ts); with --text the chats come without KV, and no
 * question is asked. What the numbers mean:
 * - import: from the file to the store.
 * - first paint: from the chat's address to its newest rounds on the screen, no model loaded. `whole`: until all of it
 *   is in the page.
 * - first token: from sending a message, right after the chat was opened with a loaded model, to the text of its
 *   reply; `again` is that of a second message. The phases are the second one's.
 * - script, style and layout: what the page's own thread did for opening, and for the second turn.
 * - longest task: of the page's thread, while the reply came.
 * - elements: of the transcript, with those in shadow roots.
 */
import type { Receipt, TurnPhases } from "../../src/engine/api/receipt";
import { localReceipt } from "../support/say";
import { RemoteEngine } from "../../src/engine/worker/remote-engine";
import type { ReplyEvent } from "../../src/engine/api/replies";
import "../../src/ui/define";
import { defineMarkdown } from "../../src/ui/markdown/define-markdown";
import type { BenchEnvironment } from "./benches";
import { LongChats } from "./long-chat";

declare global {
  /** What the page's thread has done so far; only where somebody drives the page. */
  var pageCosts: (() => Promise<PageCosts>) | undefined;
}

/** Milliseconds since the page was opened. */
interface PageCosts {
  script: number;
  layout: number;
  heapBytes: number;
}

export interface ScaleRow {
  rounds: number;
  importMs: number;
  firstPaintMs: number;
  wholeMs: number;
  elements: number;
  opening: PageCosts;
  /** Undefined where nothing was asked. */
  turn: TurnFigures | undefined;
}

interface TurnFigures {
  firstTokenMs: number;
  againMs: number;
  phases: TurnPhases;
  decodeTokensPerSecond: number;
  costs: PageCosts;
  longestTaskMs: number;
}

const QUESTION = "What is my cat called?";

/** Notes when a reply's first text comes. */
class TimedEngine extends RemoteEngine {
  firstTextMs = 0;

  override async *reply(
    ...args: Parameters<RemoteEngine["reply"]>
  ): AsyncGenerator<ReplyEvent, void> {
    this.firstTextMs = 0;
    for await (const event of super.reply(...args)) {
      if (event.type === "text") this.firstTextMs ||= performance.now();
      yield event;
    }
  }
}

export async function benchScale({
  url,
  params,
  chats,
  onProgress,
}: BenchEnvironment): Promise<ScaleRow[]> {
  const lengths = (params.get("rounds") ?? "20,200,1000,5000,10000")
    .split(",")
    .map(Number);
  const asks = !params.has("text");
  onProgress?.("seed");
  await defineMarkdown();
  const longest = chats.chats.reduce((a, b) =>
    a.rounds.length >= b.rounds.length ? a : b,
  );
  const made = await LongChats.create(url, "rondo scale", longest);
  const rows: ScaleRow[] = [];
  for (const rounds of lengths) {
    const file = await made.file(rounds, asks);
    rows.push(await measure(url, rounds, file, asks, onProgress));
    onProgress?.(scaleTable(rows.slice(-1)).split("\n").at(-1)!);
  }
  return rows;
}

async function measure(
  url: string,
  rounds: number,
  file: Blob,
  asks: boolean,
  onProgress: BenchEnvironment["onProgress"],
): Promise<ScaleRow> {
  onProgress?.(`${rounds} rounds: import`);
  const importing = new RemoteEngine();
  const importedMs = performance.now();
  const { id } = await importing.importChat(file, { withKv: asks });
  const importMs = performance.now() - importedMs;
  await importing.close();

  onProgress?.(`${rounds} rounds: open`);
  const engine = new TimedEngine();
  await engine.listChats();
  const chat = document.createElement("rondo-chat");
  chat.style.height = "680px";
  chat.engine = engine;
  document.body.replaceChildren(chat);
  await frames(3);
  const before = await costs();
  const start = performance.now();
  chat.chatId = id;
  const log = await found(chat);
  const firstPaintMs = performance.now() - start;
  while (chat.getMessages().length < 2 * rounds) await frames(1);
  const wholeMs = performance.now() - start;
  await frames(3);
  const opening = difference(before, await costs());
  const elements = elementCount(log);
  const turn = asks
    ? await ask(url, rounds, id, engine, onProgress)
    : undefined;
  document.body.replaceChildren();
  const ending = new RemoteEngine();
  await engine.close();
  await ending.deleteChat(id);
  await ending.close();
  return {
    rounds,
    importMs,
    firstPaintMs,
    wholeMs,
    elements,
    opening,
    turn,
  };
}

/** Asks twice: at once after opening, and again. */
async function ask(
  url: string,
  rounds: number,
  id: string,
  engine: TimedEngine,
  onProgress: BenchEnvironment["onProgress"],
): Promise<TurnFigures> {
  onProgress?.(`${rounds} rounds: ask`);
  const chat = document.createElement("rondo-chat");
  chat.style.height = "680px";
  chat.engine = engine;
  chat.model = url;
  chat.temperature = 0;
  document.body.replaceChildren(chat);
  while (chat.state !== "ready") await frames(1);
  chat.chatId = id;
  await found(chat);
  const sentMs = performance.now();
  await chat.send(QUESTION);
  const firstTokenMs = engine.firstTextMs - sentMs;
  onProgress?.(`${rounds} rounds: ask again`);
  const before = await costs();
  const tasks = new LongTasks();
  const againSentMs = performance.now();
  const { receipt } = await chat.send(QUESTION);
  const { kv, decodeTokensPerSecond } = localReceipt(receipt as Receipt);
  return {
    firstTokenMs,
    againMs: engine.firstTextMs - againSentMs,
    phases: kv.phases,
    decodeTokensPerSecond,
    costs: difference(before, await costs()),
    longestTaskMs: tasks.end(),
  };
}

class LongTasks {
  #longestMs = 0;
  readonly #observer = new PerformanceObserver((list) => this.#take(list));

  constructor() {
    this.#observer.observe({ type: "longtask" });
  }

  /** @returns the longest; 0 where none took 50 ms */
  end(): number {
    for (const { duration } of this.#observer.takeRecords())
      this.#longestMs = Math.max(this.#longestMs, duration);
    this.#observer.disconnect();
    return this.#longestMs;
  }

  #take(list: PerformanceObserverEntryList): void {
    for (const { duration } of list.getEntries())
      this.#longestMs = Math.max(this.#longestMs, duration);
  }
}

/** The transcript, once the end of the chat is painted. */
async function found(chat: HTMLElement): Promise<ShadowRoot> {
  for (;;) {
    await frames(1);
    const log = chat.shadowRoot?.querySelector("rondo-transcript")?.shadowRoot;
    const last = [...(log?.querySelectorAll("rondo-round") ?? [])].at(-1);
    if (log && last?.shadowRoot?.textContent) {
      await frames(1);
      return log;
    }
  }
}

async function frames(count: number): Promise<void> {
  for (let i = 0; i < count; i++)
    await new Promise((resolve) => requestAnimationFrame(resolve));
}

function elementCount(root: ParentNode): number {
  return [...root.querySelectorAll("*")].reduce(
    (sum, { shadowRoot }) =>
      sum + 1 + (shadowRoot ? elementCount(shadowRoot) : 0),
    0,
  );
}

async function costs(): Promise<PageCosts> {
  const none = { script: 0, layout: 0, heapBytes: 0 };
  return (await globalThis.pageCosts?.()) ?? none;
}

function difference(before: PageCosts, after: PageCosts): PageCosts {
  return {
    script: after.script - before.script,
    layout: after.layout - before.layout,
    heapBytes: after.heapBytes,
  };
}

export function scaleTable(rows: readonly ScaleRow[]): string {
  const head = [
    "rounds",
    "import, ms",
    "first paint",
    "whole",
    "elements",
    "opening: script",
    "layout",
    "page's heap, MB",
    "first token, ms",
    "again",
    "lower",
    "read",
    "select",
    "upper",
    "answer",
    "tokens/s",
    "turn: script",
    "layout",
    "longest task",
  ];
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.join(" | ")} |`;
  return [
    line(head),
    line(head.map(() => "---")),
    ...rows.map((row) => line(cellsOf(row))),
  ].join("\n");
}

function cellsOf(row: ScaleRow): (string | number)[] {
  const { opening, turn } = row;
  const times = [row.importMs, row.firstPaintMs, row.wholeMs].map(Math.round);
  const page = [
    row.elements,
    Math.round(opening.script),
    Math.round(opening.layout),
    Math.round(opening.heapBytes / 1e6),
  ];
  if (turn === undefined) return [row.rounds, ...times, ...page];
  const { lowerMs, readMs, selectMs, upperMs, answerMs } = turn.phases;
  return [
    row.rounds,
    ...times,
    ...page,
    ...[turn.firstTokenMs, turn.againMs].map(Math.round),
    ...[lowerMs, readMs, selectMs, upperMs, answerMs].map(Math.round),
    Math.round(turn.decodeTokensPerSecond),
    ...[turn.costs.script, turn.costs.layout, turn.longestTaskMs].map(
      Math.round,
    ),
  ];
}
