/**
 * How fast the runtime is, and what a step asks of the device.
 *
 *     npm run bench                        in Chromium, with the embedded model
 *     npm run bench -- --node              in Node, on Dawn (npm `webgpu`)
 *     npm run bench -- --quick             fewer and shorter runs
 *     npm run bench -- --model DIR_OR_URL  with another model's folder
 *
 * It prints a table and writes the same numbers to out/bench.json. For a browser of your own, start
 * `npx vite` and open /test/bench/bench.html; `?quick` and `?model=URL` do what the options do.
 *
 * What the numbers mean:
 * - load: from nothing to a model that can chat: adapter, device, files, upload, compilation. The
 *   first load finds no compiled kernels; the second one finds those that the platform keeps.
 * - first token: from a message to the first token of its reply. The very first message after
 *   loading may meet kernels that are compiled when first used. A second message prefills only
 *   itself, for the KV of the first round is there.
 * - prefill: from the first submit to the first token read back. GFLOP/s counts matrices and attention.
 * - decode: steps as a reply makes them, two in flight. Tokens may be read back in bunches, so a
 *   step's time is that of eight, divided; the figure is the median of such windows. GB/s counts the
 *   weights and the KV that a step has to read: more than the hardware can read is a mistake here.
 * - a step: what one decode step asks of the device. These counts are exact and the same on every
 *   machine; test/model/network/fast-path.gpu.test.ts asserts them.
 *
 * A software adapter (SwiftShader, lavapipe) says nothing about the speed on a GPU, and a busy
 * machine little about anything. Compare runs of one machine.
 */
import { Engine } from "../../src/engine/engine";
import { destroyModel, loadModel } from "../../src/engine/load/load-model";
import { Gpu } from "../../src/gpu/gpu";
import {
  fetchedFiles,
  type ModelFiles,
} from "../../src/model/files/model-files";
import { GREEDY, say } from "../support/say";
import type { BenchResult, TurnTimes } from "./result";
import { median, replyTokensFor, Subject } from "./subject";

export interface BenchOptions {
  /** The model's folder. */
  url: string;
  isQuick: boolean;
  /** What it runs in, for the record. */
  runtime: string;
  /** Default: the platform's navigator.gpu. */
  gpu?: GPU | undefined;
  /** How the folder is read. Default: by fetch. */
  openFiles?: (url: string) => ModelFiles;
  /** Hears what is being measured. */
  onProgress?: (doing: string) => void;
}

const FULL = {
  turnRuns: 5,
  prefillTokens: [64, 512, 2048],
  prefillRuns: 5,
  historyTokens: [128, 1500],
  windows: 5,
};
const QUICK = {
  turnRuns: 1,
  prefillTokens: [64, 256],
  prefillRuns: 1,
  historyTokens: [128],
  windows: 3,
};

const MESSAGES = [
  "Hello! My name is Ada, I live by the sea, and my cat is called Miso. Please tell me something about boats.",
  "Thank you. What is my cat called?",
];

/** @throws what Engine.load() does */
export async function bench({
  url,
  isQuick,
  runtime,
  gpu: platform,
  openFiles = fetchedFiles,
  onProgress,
}: BenchOptions): Promise<BenchResult> {
  const plan = isQuick ? QUICK : FULL;

  onProgress?.("load");
  const engine = new Engine({ gpu: platform, openFiles });
  const [{ device, ...model }, firstMs] = await timed(() => engine.load(url));
  onProgress?.("first and second message");
  const turns = await timeTurns(engine, plan.turnRuns);
  await engine.close();

  onProgress?.("load again");
  const [{ gpu, loaded }, againMs] = await timed(async () => {
    const gpu = await Gpu.open(platform);
    return { gpu, loaded: await loadModel(gpu, openFiles(url)) };
  });
  const subject = new Subject(gpu, loaded.network);

  const prefill: BenchResult["prefill"] = [];
  for (const { asked, tokens } of within(
    model.contextTokens - 1,
    plan.prefillTokens,
  )) {
    onProgress?.(`prefill of ${tokens} tokens`);
    const times = await subject.timePrefill(tokens, plan.prefillRuns);
    prefill.push({ ...times, ...(tokens < asked && { askedTokens: asked }) });
  }

  const decode: BenchResult["decode"] = [];
  for (const { asked, tokens } of within(
    model.contextTokens - replyTokensFor(plan.windows),
    plan.historyTokens,
  )) {
    onProgress?.(`decode behind ${tokens} tokens`);
    const times = await subject.timeDecode(tokens, plan.windows);
    decode.push({ ...times, ...(tokens < asked && { askedTokens: asked }) });
  }

  const { features, limits } = gpu.device;
  const result: BenchResult = {
    date: new Date().toISOString(),
    runtime,
    isQuick,
    adapter: { ...device!, device: gpu.info.device },
    features: [...features].sort(),
    limits: numbersOf(limits),
    model,
    load: { firstMs, againMs },
    turns,
    prefill,
    decode,
  };
  subject.destroy();
  destroyModel(gpu, loaded);
  gpu.destroy();
  return result;
}

/** The lengths, those that are too long shortened to what there is room for. */
function within(room: number, lengths: readonly number[]) {
  const firstBeyond = lengths.findIndex((length) => length >= room);
  const fitting = firstBeyond < 0 ? lengths : lengths.slice(0, firstBeyond + 1);
  return fitting.map((asked) => ({ asked, tokens: Math.min(asked, room) }));
}

/** Chats of two messages, `runs` of them after one that warms up. */
async function timeTurns(
  engine: Engine,
  runs: number,
): Promise<BenchResult["turns"]> {
  const [warmUp] = await timeChat(engine);
  const chats: TurnTimes[][] = [];
  while (chats.length < runs) chats.push(await timeChat(engine));
  const middle = (message: number): TurnTimes => {
    const turns = chats.map((turns) => turns[message]!);
    const times = turns.map(({ timeToFirstTokenMs }) => timeToFirstTokenMs);
    return { ...turns[0]!, timeToFirstTokenMs: median(times), runs };
  };
  const coldMs = warmUp!.timeToFirstTokenMs;
  return { coldMs, first: middle(0), second: middle(1) };
}

async function timeChat(engine: Engine): Promise<TurnTimes[]> {
  const chat = await engine.createChat();
  const turns: TurnTimes[] = [];
  for (const message of MESSAGES) {
    const options = { ...GREEDY, maxTokens: 16 };
    const { receipt } = await say(engine, chat, message, options);
    const { timeToFirstTokenMs, kv } = receipt;
    const { cachedTokens, prefilledTokens } = kv;
    turns.push({ cachedTokens, prefilledTokens, timeToFirstTokenMs, runs: 1 });
  }
  await engine.deleteChat(chat);
  return turns;
}

async function timed<T>(
  work: () => Promise<T>,
): Promise<[result: T, ms: number]> {
  const start = performance.now();
  const result = await work();
  return [result, performance.now() - start];
}

/** The limits are getters of the prototype: no spread copies them. */
function numbersOf(limits: GPUSupportedLimits): Record<string, number> {
  const names = Object.keys(
    Object.getOwnPropertyDescriptors(Object.getPrototypeOf(limits) as object),
  );
  return Object.fromEntries(
    names
      .map((name) => [name, limits[name as keyof GPUSupportedLimits]] as const)
      .filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
  );
}
