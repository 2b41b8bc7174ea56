/**
 * Real models' shapes with random weights: what loading takes, in time and memory, and how fast they run.
 *
 *     npm run bench:models [-- --quick | --full]   # the smallest alone; all in safetensors too
 *
 * In Node, where memory can be measured: the peak is that of the JS heap and of all buffers beside it, from
 * the first byte of the file to the last weight on the GPU, over what was there before.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Engine } from "../../src/engine/engine";
import type { WeightBits } from "../../src/model/weights/matrix-format";
import type { ModelConfig } from "../fixtures/random-model";
import { SMOLLM2_TEMPLATE } from "../support/chat-templates";
import { ggufVocabulary } from "../support/gguf-vocabulary";
import { say } from "../support/say";
import {
  QWEN2_5_500M,
  QWEN3_600M,
  shapedCheckpoint,
  shapedGguf,
  SMOLLM2_135M,
} from "../support/shaped-model";
import { fixtureJson } from "../support/tokenizers";
import type { BenchEnvironment } from "./benches";
import { diskFiles } from "./disk-files";

export interface ModelRow {
  model: string;
  file: string;
  fileBytes: number;
  loadMs: number;
  peakHeapBytes: number;
  weightBytes: number;
  gpuBytes: number;
  prefillTokens: number;
  prefillTokensPerSecond: number;
  decodeTokensPerSecond: number;
}

interface Shape {
  name: string;
  config: ModelConfig;
  tokenizer: string;
  /** tokenizer.ggml.pre */
  pre: string;
}

const SHAPES: Shape[] = [
  {
    name: "SmolLM2-135M",
    config: SMOLLM2_135M,
    tokenizer: "smollm2-135m-instruct",
    pre: "smollm",
  },
  {
    name: "Qwen2.5-0.5B",
    config: QWEN2_5_500M,
    tokenizer: "qwen2.5",
    pre: "qwen2",
  },
  {
    name: "Qwen3-0.6B",
    config: QWEN3_600M,
    tokenizer: "qwen2.5",
    pre: "qwen2",
  },
];
const REPLY_TOKENS = 4;
const MESSAGE =
  "Please tell me, in a few plain words, what a model of your size is good for, and what it is not.";

export async function benchModels({
  gpu,
  params,
  onProgress,
}: BenchEnvironment): Promise<ModelRow[]> {
  const folder = mkdtempSync(join(tmpdir(), "rondo-models-"));
  const rows: ModelRow[] = [];
  try {
    for (const shape of SHAPES.slice(0, params.has("quick") ? 1 : undefined)) {
      const isAll = shape === SHAPES[0] || params.has("full");
      for (const bits of isAll ? ([undefined, 4, 8] as const) : [undefined]) {
        const what = bits ? `safetensors BF16, ${bits} bit` : "GGUF Q4_0";
        onProgress?.(`${shape.name}, ${what}`);
        const own = mkdtempSync(join(folder, "model-"));
        const { place, fileBytes } = bits
          ? writeFolder(own, shape)
          : writeGguf(own, shape);
        const figures = await measure(gpu, place, bits);
        rmSync(own, { recursive: true });
        rows.push({ model: shape.name, file: what, fileBytes, ...figures });
        onProgress?.(modelsTable(rows.slice(-1)).split("\n").at(-1)!);
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return rows;
}

/** Read anew each time: none of it is in the heap while a load is measured. */
function tokenizerOf({ tokenizer }: Shape): unknown {
  return fixtureJson(`tokenizers/${tokenizer}/tokenizer.json`);
}

function writeGguf(folder: string, shape: Shape) {
  const { config, pre } = shape;
  const tokenizer = tokenizerOf(shape);
  const { added_tokens } = tokenizer as { added_tokens: { id: number }[] };
  const bytes = shapedGguf(config, "Q4_0", [
    ...ggufVocabulary(tokenizer, pre),
    ["tokenizer.ggml.eos_token_id", ["u32", added_tokens[2]!.id]],
    ["tokenizer.chat_template", ["string", SMOLLM2_TEMPLATE]],
  ]);
  const place = join(folder, "model.gguf");
  writeFileSync(place, bytes);
  return { place, fileBytes: bytes.length };
}

function writeFolder(folder: string, shape: Shape) {
  const { config } = shape;
  const write = (name: string, json: unknown) =>
    writeFileSync(join(folder, name), JSON.stringify(json));
  write("config.json", config);
  write("tokenizer.json", tokenizerOf(shape));
  write("tokenizer_config.json", { chat_template: SMOLLM2_TEMPLATE });
  const place = join(folder, "model.safetensors");
  let fileBytes = 0;
  for (const piece of shapedCheckpoint(config)) {
    writeFileSync(place, piece, { flag: fileBytes === 0 ? "w" : "a" });
    fileBytes += piece.length;
  }
  return { place: folder, fileBytes };
}

async function measure(
  gpu: GPU | undefined,
  place: string,
  weightBits: WeightBits | undefined,
) {
  const before = usedBytes(await collected());
  let peakBytes = before;
  const sampling = setInterval(() => {
    peakBytes = Math.max(peakBytes, usedBytes(process.memoryUsage()));
  }, 20);
  const engine = new Engine({ gpu, openFiles: diskFiles });
  const start = performance.now();
  const { weightBytes } = await engine.load(place, {
    weightBits,
    memoryBudgetBytes: 64 << 20,
    onProgress() {
      peakBytes = Math.max(peakBytes, usedBytes(process.memoryUsage()));
    },
  });
  const loadMs = performance.now() - start;
  clearInterval(sampling);

  const chat = await engine.createChat();
  const options = { maxTokens: REPLY_TOKENS, sampler: { temperature: 0 } };
  const { receipt } = await say(engine, chat, MESSAGE, options);
  const { bytes } = (await engine.memory()).gpu!;
  await engine.close();
  const { timeToFirstTokenMs, decodeTokensPerSecond, kv } = receipt;
  const { prefilledTokens } = kv;
  return {
    loadMs,
    peakHeapBytes: peakBytes - before,
    weightBytes,
    gpuBytes: Object.values(bytes).reduce((a, b) => a + b, 0),
    prefillTokens: prefilledTokens,
    prefillTokensPerSecond: (1000 * prefilledTokens) / timeToFirstTokenMs,
    decodeTokensPerSecond,
  };
}

/** What is left when all that can be is thrown away, such as the file's bytes that were just written. */
async function collected(): Promise<NodeJS.MemoryUsage> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let i = 0; i < 3; i++) {
    await new Promise((done) => setTimeout(done, 100));
    collect();
  }
  return process.memoryUsage();
}

function usedBytes({ heapUsed, arrayBuffers }: NodeJS.MemoryUsage): number {
  return heapUsed + arrayBuffers;
}

export function modelsTable(rows: readonly ModelRow[]): string {
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const head = [
    "model",
    "file",
    "size",
    "load",
    "peak heap",
    "weights",
    "GPU in all",
    "prefill",
    "decode",
  ];
  return [
    line(head),
    line(head.map(() => "---")),
    ...rows.map((row) =>
      line([
        row.model,
        row.file,
        mb(row.fileBytes),
        `${(row.loadMs / 1000).toFixed(1)} s`,
        mb(row.peakHeapBytes),
        mb(row.weightBytes),
        mb(row.gpuBytes),
        `${row.prefillTokensPerSecond.toFixed(2)} tok/s (${row.prefillTokens})`,
        `${row.decodeTokensPerSecond.toFixed(2)} tok/s`,
      ]),
    ),
  ].join("\n");
}
