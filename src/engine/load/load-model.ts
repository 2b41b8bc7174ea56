/** A model ready to chat: its files read and checked, its network on the GPU. */
import type { Gpu } from "../../gpu/gpu";
import { ModelFormatError } from "../../util/errors";
import type { ChatTemplate } from "../../model/text/chat-template";
import {
  type GenerationConfig,
  readGenerationConfig,
} from "../../model/config/generation-config";
import {
  type ModelFiles,
  readOptionalJson,
} from "../../model/files/model-files";
import {
  buildNetwork,
  destroyNetwork,
  type Network,
  type NetworkOptions,
} from "./network";
import {
  hashedCheckpoint,
  hashedTexts,
} from "../../model/checkpoint/checkpoint-hash";
import {
  readRondoConfig,
  type RondoConfig,
} from "../../model/config/calibration-config";
import { INDEX_SHARE, type RoundIndex } from "../../model/config/round-index";
import type { Tokenizer } from "../../model/text/tokenizer";
import { replyEnds } from "../../model/text/turn-tokens";
import { segmentFingerprint, textFingerprint } from "./fingerprint";
import { openModel } from "./late-open-model";
import * as parts from "./lazy-parts";
import { lazyPart } from "../../util/lazy-part";

export interface Model {
  name: string;
  network: Network;
  tokenizer: Tokenizer;
  template: ChatTemplate;
  generation: GenerationConfig;
  /** Fingerprint of what turns text into tokens; see fingerprint.ts. */
  textFingerprint: string;
  /** Fingerprint of what turns tokens into KV. */
  segmentFingerprint: string;
  /** How rounds are selected for it. */
  selection: SelectionDefaults;
  /** Where that comes from: the model's rondo.json, calibration in this browser, or the defaults. */
  calibration: "measured" | "learned" | "assumed";
  /** Its retrieval heads, if they find its rounds. */
  index: RoundIndex | undefined;
  /**
   * Without retrieval heads: whether all rounds are read while they fit, and then shared words choose. Else mass at
   * the watershed does.
   */
  choosesByWords: boolean;
  /** The most bytes of the index. */
  indexBytes: number;
  /** Whether its retrieval heads should be looked for. */
  needsHeads: boolean;
  /** Positions that it was trained on. */
  contextTokens: number;
}

/** Rows and heads whose attention selects rounds, and how much of it to capture. */
export type SelectionDefaults = Pick<RondoConfig, "rows" | "heads" | "tau">;

const knownHeads = lazyPart(
  async () => (await import("./known-heads")).knownHeads,
);

const DEFAULT_BUDGET_BYTES = 2 ** 30;
const SELECTIONS = ["heads", "paper"] as const;

/** Defaults for a model that was not calibrated. */
const DEFAULT_SELECTION: SelectionDefaults = {
  rows: "tail",
  heads: "all",
  tau: 0.9,
};

export interface ModelProgress {
  phase: "tokenizer" | "weights" | "kernels";
  loadedBytes: number;
  totalBytes: number;
}

/** @throws ModelFormatError, ModelFetchError, OutOfMemoryError; the signal's reason */
export async function loadModel(
  gpu: Gpu,
  folder: ModelFiles,
  {
    onProgress,
    signal,
    learned,
    contextTokens,
    selection,
    kvBudgetBytes = DEFAULT_BUDGET_BYTES,
    ...options
  }: Omit<NetworkOptions, "onProgress"> & {
    onProgress?: (progress: ModelProgress) => void;
    /** What calibration in the page found out before; the model's rondo.json takes precedence. */
    learned?: unknown;
    /** The context asked for. */
    contextTokens?: number | undefined;
    /** See LoadOptions. Default: `heads`, if the model's are known. */
    selection?: "heads" | "paper" | undefined;
  } = {},
): Promise<Model> {
  if (selection !== undefined && !SELECTIONS.includes(selection))
    throw new RangeError(
      `selection must be "heads" or "paper", not ${selection as string}.`,
    );
  onProgress?.({ phase: "tokenizer", loadedBytes: 0, totalBytes: 0 });
  const opened = await openModel(folder, signal, contextTokens);
  const { files, configJson, config } = opened;
  const texts = hashedTexts(files);
  const tokenizing = parts.openTokenizer(texts.files, signal);
  const [generationJson, rondoJson, tokenizer, template] = await Promise.all([
    readOptionalJson(files, "generation_config.json", signal),
    readOptionalJson(files, "rondo.json", signal),
    tokenizing,
    tokenizing.then((made) => parts.openTemplate(texts.files, made, signal)),
  ]);
  const named = readGenerationConfig(generationJson, configJson);
  const generation = {
    ...named,
    eosTokenIds: replyEnds(named.eosTokenIds, tokenizer),
  };
  const shape = {
    layers: config.numHiddenLayers,
    heads: config.numAttentionHeads,
  };
  const measured = readRondoConfig(rondoJson, shape);
  const calibrated = measured ?? fittingConfig(learned, shape);
  if (tokenizer.tokenCount > config.vocabSize) {
    throw new ModelFormatError({
      file: "tokenizer.json",
      expected: `at most config.json's vocab_size of ${config.vocabSize} tokens`,
      found: `${tokenizer.tokenCount}`,
    });
  }

  const { checkpoint, hash } = hashedCheckpoint(opened.checkpoint);
  const { totalBytes } = checkpoint;
  // Null: there are none worth asking.
  const heads =
    calibrated?.index ?? (await knownHeads(config)) ?? calibrated?.index;
  const index = selection === "paper" ? undefined : (heads ?? undefined);
  // Mass at the watershed is good at one layer and useless at the next: only a calibration that found one uses it.
  const choosesByWords =
    selection !== "paper" &&
    index === undefined &&
    !(measured !== undefined && measured.index === undefined);
  const indexBytes = Math.floor(INDEX_SHARE * kvBudgetBytes);
  const network = await buildNetwork(gpu, config, checkpoint, {
    ...(calibrated && { watershed: calibrated.watershed }),
    ...options,
    kvBudgetBytes,
    // Of what heads or words choose, both halves are brought.
    ...((index || choosesByWords) && { upperShare: 1 }),
    ...(index && { kvBudgetBytes: kvBudgetBytes - indexBytes }),
    signal,
    onProgress: (loadedBytes) =>
      onProgress?.({
        phase: loadedBytes < totalBytes ? "weights" : "kernels",
        loadedBytes,
        totalBytes,
      }),
  });
  const fileHashes = await texts.hashes();
  const ofText = await textFingerprint({
    fileHashes,
    bos: tokenizer.bos,
    turns: template.note === undefined ? undefined : template.source,
  });
  const ofSegments = await segmentFingerprint({
    config,
    weightsHash: await hash(),
    weightFormats: network.weights.formats,
    textFingerprint: ofText,
    pages: network.cache.lower.shape,
  });
  return {
    name: files.name,
    network,
    tokenizer,
    template,
    generation,
    textFingerprint: ofText,
    segmentFingerprint: ofSegments,
    selection: calibrated ?? DEFAULT_SELECTION,
    calibration: measured ? "measured" : calibrated ? "learned" : "assumed",
    index,
    choosesByWords,
    indexBytes,
    needsHeads:
      selection !== "paper" && measured === undefined && heads === undefined,
    contextTokens: Math.min(
      config.maxPositionEmbeddings,
      calibrated?.contextTokens ?? Infinity,
    ),
  };
}

/** What was learned before, if it is valid for this model: another one may have been at the same address. */
function fittingConfig(
  learned: unknown,
  shape: Parameters<typeof readRondoConfig>[1],
): RondoConfig | undefined {
  try {
    return readRondoConfig(learned, shape);
  } catch {
    return undefined;
  }
}

/** Gives the model's memory back. */
export function destroyModel(gpu: Gpu, { network }: Model): void {
  destroyNetwork(gpu, network);
}
