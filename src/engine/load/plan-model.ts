/** Plans loading a model: looks at its files wherever they are, and fetches at most a few small ones. */
import type { AdapterLimits } from "../../gpu/adapter-limits";
import { readConfig } from "../../model/config/config";
import type { Hub } from "../../model/hub/hub";
import { chooseFiles } from "../../model/hub/hub-files";
import type { HubName } from "../../model/hub/hub-name";
import { storedFiles } from "../../model/hub/stored-files";
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
import {
  isOffline,
  type RetryPolicy,
  withRetries,
} from "../../model/hub/retry";
import { remoteFiles } from "../../model/hub/remote-files";
import type { ModelFileStore, ModelRecord } from "../../store/model-store";
import { ModelFetchError } from "../../util/errors";
import type { ModelPlan, ModelSource, PlanOptions } from "../api/models";
import { fit } from "./estimate-fit";

/** A model's files as found, before any weights are read. */
export interface InspectedModel extends Pick<
  ModelPlan,
  "id" | "name" | "choices" | "downloadBytes" | "hasUpdate"
> {
  files: ModelFiles;
  /** Bytes of the weight files. */
  weightFileBytes: number | undefined;
}

/** For a model of the hub; also for a stored one when the hub can't be reached. */
export async function inspectHub(
  hub: Hub,
  name: HubName,
  {
    store,
    kept,
    retryPolicy,
    signal,
  }: {
    store: ModelFileStore | undefined;
    /** Its record, if it is stored completely. */
    kept: ModelRecord | undefined;
    retryPolicy: RetryPolicy;
    signal: AbortSignal | undefined;
  },
): Promise<InspectedModel> {
  const { repository } = name;
  const asIsHere = (kept: ModelRecord): InspectedModel => ({
    id: kept.id,
    name: repository,
    choices: [],
    downloadBytes: 0,
    hasUpdate: false,
    files: storedFiles(store!, kept),
    weightFileBytes: weightsOf(kept.files),
  });
  if (kept && isOffline()) return asIsHere(kept);
  try {
    const listing = await withRetries(
      () => hub.list(repository, signal),
      // A stored model works without an answer from the hub.
      { ...retryPolicy, retries: kept ? 0 : 1 },
      signal,
    );
    const chosen = chooseFiles(name, listing);
    const before = await store?.get(chosen.id);
    const chunks = (await store?.chunks(chosen.id)) ?? [];
    const record = recordOf(chosen, repository, before, chunks);
    // Chunks of another version than the hub's don't count.
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
          ? storedFiles(store!, before)
          : remoteFiles(hub, repository, chosen, retryPolicy),
      weightFileBytes: weightsOf(chosen.files),
    };
  } catch (error) {
    if (kept && error instanceof ModelFetchError) return asIsHere(kept);
    throw error;
  }
}

/** For a model at an address, or files chosen by the user. */
export async function inspectFiles(
  source: ModelSource,
  files: ModelFiles,
  signal?: AbortSignal,
): Promise<InspectedModel> {
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
  { files, weightFileBytes, ...inspected }: InspectedModel,
  limits: AdapterLimits | undefined,
  { weightBits, memoryBudgetBytes, signal }: PlanOptions,
): Promise<ModelPlan> {
  const config = readConfig(await readJson(files, "config.json", signal));
  return {
    ...inspected,
    architecture: config.architecture,
    contextTokens: config.maxPositionEmbeddings,
    ...fit({
      config,
      fileBytes: weightFileBytes,
      isGguf: /\.gguf$/.test(inspected.id) || files.gguf !== undefined,
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
 * Bytes that the device may have for a model. Browsers tell only the RAM, and many report 8 GiB at most: from
 * there on nothing is known.
 */
function deviceBytes(): number | undefined {
  const { deviceMemory } = (globalThis.navigator ?? {}) as {
    deviceMemory?: number;
  };
  if (deviceMemory === undefined || deviceMemory >= 8) return undefined;
  return deviceMemory * 2 ** 30;
}
