/** What loading a model would take: looks at its files wherever they lie, and fetches a few small ones at most. */
import type { AdapterLimits } from "../../gpu/adapter-limits";
import { readConfig } from "../../model/config/config";
import type { Hub } from "../../model/hub/hub";
import { chooseFiles } from "../../model/hub/hub-files";
import type { HubName } from "../../model/hub/hub-name";
import { keptFiles } from "../../model/hub/stored-files";
import {
  differs,
  isComplete,
  missingBytes,
  recordOf,
} from "../../model/hub/model-chunks";
import {
  type ModelFiles,
  readJson,
  readOptionalJson,
} from "../../model/files/model-files";
import { isOffline, type Patience, patiently } from "../../model/hub/retry";
import { remoteFiles } from "../../model/hub/remote-files";
import type { ModelKeeping, ModelRecord } from "../../store/model-store";
import { ModelFetchError } from "../../util/errors";
import type { ModelPlan, ModelSource, PlanOptions } from "../api/models";
import { fit } from "./estimate-fit";

/** A model as it was found, before anything of its weights is read. */
export interface Looked extends Pick<
  ModelPlan,
  "id" | "name" | "choices" | "downloadBytes" | "hasUpdate"
> {
  files: ModelFiles;
  /** Bytes of the files with the weights. */
  weightFileBytes: number | undefined;
}

/** Of a model on the hub; of one that is kept also where the hub can't be asked. */
export async function lookAtHub(
  hub: Hub,
  name: HubName,
  {
    store,
    kept,
    patience,
    signal,
  }: {
    store: ModelKeeping | undefined;
    /** The record, where all its files are here. */
    kept: ModelRecord | undefined;
    patience: Patience;
    signal: AbortSignal | undefined;
  },
): Promise<Looked> {
  const { repository } = name;
  const asIsHere = (kept: ModelRecord): Looked => ({
    id: kept.id,
    name: repository,
    choices: [],
    downloadBytes: 0,
    hasUpdate: false,
    files: keptFiles(store!, kept),
    weightFileBytes: weightsOf(kept.files),
  });
  if (kept && isOffline()) return asIsHere(kept);
  try {
    const listing = await patiently(
      () => hub.list(repository, signal),
      // Who has the model can do without an answer.
      { ...patience, retries: kept ? 0 : 1 },
      signal,
    );
    const chosen = chooseFiles(name, listing);
    const before = await store?.get(chosen.id);
    const chunks = (await store?.chunks(chosen.id)) ?? [];
    const record = recordOf(chosen, repository, before, chunks);
    // Chunks of another version than the hub's are of no use to it.
    const isWhole = before !== undefined && isComplete(before, chunks);
    const hasUpdate = isWhole && differs(before, record);
    return {
      id: chosen.id,
      name: repository,
      choices: chosen.choices,
      downloadBytes: missingBytes(record, chunks),
      hasUpdate,
      files:
        isWhole && !hasUpdate
          ? keptFiles(store!, before)
          : remoteFiles(hub, repository, chosen, patience),
      weightFileBytes: weightsOf(chosen.files),
    };
  } catch (error) {
    if (kept && error instanceof ModelFetchError) return asIsHere(kept);
    throw error;
  }
}

/** Of a model at an address, or of files at hand. */
export async function lookAtFiles(
  source: ModelSource,
  files: ModelFiles,
  signal?: AbortSignal,
): Promise<Looked> {
  const weightFileBytes = await sizeOfWeights(files, signal);
  const isAtHand = typeof source !== "string";
  return {
    id: isAtHand ? files.name : source,
    name: files.name,
    choices: [],
    downloadBytes: isAtHand ? 0 : (weightFileBytes ?? 0),
    hasUpdate: false,
    files,
    weightFileBytes,
  };
}

/** @throws ModelFetchError, ModelFormatError; the signal's reason */
export async function planOf(
  { files, weightFileBytes, ...looked }: Looked,
  limits: AdapterLimits | undefined,
  { weightBits, memoryBudgetBytes, signal }: PlanOptions,
): Promise<ModelPlan> {
  const config = readConfig(await readJson(files, "config.json", signal));
  return {
    ...looked,
    architecture: config.architecture,
    contextTokens: config.maxPositionEmbeddings,
    ...fit({
      config,
      fileBytes: weightFileBytes,
      isGguf: /\.gguf$/.test(looked.id) || files.gguf !== undefined,
      weightBits,
      memoryBudgetBytes,
      limits,
      deviceBytes: deviceBytes(),
    }),
  };
}

function weightsOf(files: readonly { path: string; bytes: number }[]): number {
  return files
    .filter(({ path }) => /\.(gguf|safetensors)$/.test(path))
    .reduce((sum, { bytes }) => sum + bytes, 0);
}

async function sizeOfWeights(
  files: ModelFiles,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const path = files.gguf ?? "model.safetensors";
  const opened = await files.open(path, { start: 0, end: 8 }, signal);
  if (opened) {
    await opened.chunks[Symbol.asyncIterator]().return?.();
    return opened.fileBytes;
  }
  const index = await readOptionalJson(
    files,
    "model.safetensors.index.json",
    signal,
  );
  const { metadata } = (index ?? {}) as {
    metadata?: { total_size?: unknown };
  };
  const bytes = metadata?.total_size;
  return typeof bytes === "number" ? bytes : undefined;
}

/**
 * What the device may have for a model. Browsers tell the RAM alone, and many tell of 8 GiB at most:
 * from there on nothing is known.
 */
function deviceBytes(): number | undefined {
  const { deviceMemory } = (globalThis.navigator ?? {}) as {
    deviceMemory?: number;
  };
  if (deviceMemory === undefined || deviceMemory >= 8) return undefined;
  return deviceMemory * 2 ** 30;
}
