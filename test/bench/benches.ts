/** The benchmarks by name, each from an environment to figures: the same in a page and in Node. */
import { calibrate } from "../../src/engine/rounds/calibration";
import { loadModel, type Model } from "../../src/engine/load/load-model";
import { Gpu } from "../../src/gpu/gpu";
import {
  fetchedFiles,
  type ModelFiles,
} from "../../src/model/files/model-files";
import { bench } from "./bench";
import { calibrationReport } from "./calibration-report";
import type { ChatSet } from "./chats";
import { benchFusion, fusionTable } from "./fusion";
import { FUSION_KINDS, type FusionCase, readFusionCases } from "./fusion-cases";
import { benchFusionTime, fusionTimeTable } from "./fusion-time";
import { fusionPlot } from "./fusion-plot";
import { calibrateHeads } from "./heads";
import { History } from "./history";
import { RULES, type Rule } from "./memory/choices";
import { benchMemory } from "./memory/memory";
import { memoryRows, memoryTable } from "./memory/memory-table";
import { questionMasses } from "./question-masses";
import { benchResume, resumeTable } from "./resume";
import { benchRounds, roundsTable } from "./rounds";
import { roundsPlot } from "./rounds-plot";
import { benchTable } from "./table";

export interface BenchEnvironment {
  /** The model's folder, or its address. */
  url: string;
  /** What the command line says besides. */
  params: URLSearchParams;
  /** What it runs in, for the record. */
  runtime: string;
  /** Chats with known answers; for `fusion` its cases, unchecked. */
  chats: ChatSet;
  /** Default: the platform's navigator.gpu. */
  gpu?: GPU | undefined;
  /** How the folder is read. Default: by fetch. */
  openFiles?: (url: string) => ModelFiles;
  /** Hears what is being measured. */
  onProgress?: (doing: string) => void;
}

export interface BenchOutcome {
  /** For out/NAME.json. */
  result: unknown;
  table: string;
  /** Further files, by name. */
  files?: Record<string, string>;
}

type Bench = (environment: BenchEnvironment) => Promise<BenchOutcome>;

export const benches: Record<string, Bench> = {
  async speed({ params, ...environment }) {
    const isQuick = params.has("quick");
    const result = await bench({ ...environment, isQuick });
    return { result, table: benchTable(result) };
  },

  async rounds(environment) {
    const { params, chats, onProgress } = environment;
    if (params.has("told")) return rememberedRounds(environment);
    const taus = (params.get("tau") ?? "0.9,0.5,0.8,0.95,0.99").split(",");
    return withHistory(environment, {}, async (history) => {
      const rows = await benchRounds(history, {
        chats: chosen(chats, params),
        taus: taus.map(Number),
        asksPerChat: Number(
          params.get("asks") ?? (params.has("quick") ? 2 : 6),
        ),
        ...(onProgress && { onProgress }),
      });
      const table = roundsTable(rows);
      const files = { "rounds.svg": roundsPlot(rows), "rounds.md": table };
      return { result: rows, table, files };
    });
  },

  async fusion(environment) {
    const { url, params, chats, onProgress } = environment;
    const { gpu: platform, openFiles = fetchedFiles } = environment;
    if (params.has("time")) {
      const result = await benchFusionTime(environment);
      return { result, table: fusionTimeTable(result) };
    }
    const gpu = await Gpu.open(platform);
    // CacheBlend's choice is made from pages as they stand.
    const model = await loadModel(gpu, openFiles(url), { kvFormat: "f32" });
    const count = Number(
      params.get("count") ?? (params.has("quick") ? 2 : 200),
    );
    const ratios = params.get("ratios") ?? "0,0.05,0.1,0.15,0.3,0.5,1";
    const rows = await benchFusion(gpu, model, {
      cases: someOfEach(readFusionCases(chats).cases, count),
      ratios: ratios.split(",").map(Number),
      ratio: 0.15,
      ...(onProgress && { onProgress }),
    });
    const table = fusionTable(rows);
    const files = { "fusion.svg": fusionPlot(rows), "fusion.md": table };
    return { result: rows, table, files };
  },

  async resume(environment) {
    const rows = await benchResume(environment);
    return { result: rows, table: resumeTable(rows) };
  },

  async scale(environment) {
    // Of a page alone.
    const { benchScale, scaleTable } = await import("./scale");
    const rows = await benchScale(environment);
    return { result: rows, table: scaleTable(rows) };
  },

  async models(environment) {
    // Of Node alone.
    const { benchModels, modelsTable } = await import("./models");
    const rows = await benchModels(environment);
    return { result: rows, table: modelsTable(rows) };
  },

  async heads(environment) {
    const { params, onProgress } = environment;
    return withHistory(environment, {}, (history) =>
      calibrateHeads(history.model, history, {
        count: Number(params.get("count") ?? Infinity),
        onProgress,
      }),
    );
  },

  async calibrate(environment) {
    const { params, chats, onProgress } = environment;
    return withHistory(environment, {}, async (history) => {
      const questions = await questionMasses(history, {
        chats: chosen(chats, params),
        ...(onProgress && { onProgress }),
      });
      const calibration = calibrate(
        questions,
        Number(params.get("tau") ?? 0.9),
      );
      return calibrationReport(questions, calibration);
    });
  },
};

/** On a real model, and chats made for it; see memory/memory.ts. */
function rememberedRounds(environment: BenchEnvironment) {
  const { params, onProgress } = environment;
  return withHistory(environment, {}, async (history) => {
    const cases = await benchMemory(history, {
      sizes: numbers(params.get("rounds") ?? "24,60"),
      count: Number(params.get("count") ?? 3),
      asks: Number(params.get("asks") ?? Infinity),
      rules: rulesOf(params.get("rules")),
      onProgress,
    });
    const table = memoryTable(cases);
    return {
      result: { model: history.model.name, rows: memoryRows(cases), cases },
      table,
      files: { "rounds.md": table },
    };
  });
}

/** @throws RangeError for a rule that there is not */
function rulesOf(names: string | null): readonly Rule[] {
  if (names === null) return RULES;
  return names.split(",").map((name) => {
    const rule = RULES.find((one) => one === name);
    if (rule) return rule;
    throw new RangeError(`no rule ${name}; there are ${RULES.join(", ")}`);
  });
}

function numbers(text: string): number[] {
  return text.split(",").map(Number);
}

function someOfEach(cases: readonly FusionCase[], count: number) {
  return FUSION_KINDS.flatMap((kind) =>
    cases.filter((one) => one.kind === kind).slice(0, count),
  );
}

/** The chats of the lengths that were asked for, as many as were asked for. */
function chosen({ chats }: ChatSet, params: URLSearchParams) {
  const lengths = (params.get("rounds") ?? "24,60").split(",").map(Number);
  const count = Number(params.get("count") ?? (params.has("quick") ? 2 : 100));
  return lengths.flatMap((length) =>
    chats.filter(({ rounds }) => rounds.length === length).slice(0, count),
  );
}

async function withHistory<T>(
  { url, gpu: platform, openFiles = fetchedFiles }: BenchEnvironment,
  options: Parameters<typeof loadModel>[2],
  run: (history: History) => Promise<T>,
): Promise<T> {
  const gpu = await Gpu.open(platform);
  const model: Model = await loadModel(gpu, openFiles(url), options);
  return run(new History(gpu, model));
}
