/** Plans loading a model: looks at its files wherever they are, and fetches at most a few small ones. */
import type { AdapterLimits } from "../../gpu/adapter-limits";
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
import type { ModelFiles } from "../../model/files/model-files";
import { parameterCount } from "../../model/weights/weights";
import {
  isOffline,
  type RetryPolicy,
  withRetries,
} from "../../model/hub/retry";
import { remoteFiles } from "../../model/hub/remote-files";
import type { ModelFileStore, ModelRecord } from "../../store/model-store";
import { ModelFetchError } from "../../util/errors";
import type { ModelPlan, FileSource, PlanOptions } from "../api/models";
import { fit } from "./estimate-fit";
import { openModel } from "./late-open-model";

/** A model's files as found, before any weights are read. */
export interface InspectedModel extends Pick<
  ModelPlan,
  "id" | "name" | "choices" | "hasUpdate"
> {
  /** Bytes that are still to be fetched; undefined: those of all tensors. */
  downloadBytes: number | undefined;
  files: ModelFiles;
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
    };
  } catch (error) {
    if (kept && error instanceof ModelFetchError) return asIsHere(kept);
    throw error;
  }
}

/** For a model at an address, or files chosen by the user. */
export function inspectFiles(
  source: FileSource,
  files: ModelFiles,
): InspectedModel {
  const isAtHand = typeof source !== "string";
  return {
    id: isAtHand ? files.name : source,
    name: files.name,
    choices: [],
    downloadBytes: isAtHand ? 0 : undefined,
    hasUpdate: false,
    files,
  };
}

/**
 * Reads the headers of the weights, as loading would: what the plan says of them is exact.
 *
 * @throws ModelFetchError, ModelFormatError; the signal's reason
 */
export async function planOf(
  { files: folder, downloadBytes, ...inspected }: InspectedModel,
  limits: AdapterLimits | undefined,
  { weightBits, memoryBudgetBytes, contextTokens, signal }: PlanOptions,
): Promise<ModelPlan> {
  const { config, checkpoint } = await openModel(folder, signal, contextTokens);
  const { tensors, totalBytes } = checkpoint;
  return {
    ...inspected,
    downloadBytes: downloadBytes ?? totalBytes,
    architecture: config.architecture,
    contextTokens: config.maxPositionEmbeddings,
    fileBitsPerWeight: (8 * totalBytes) / parameterCount(tensors),
    ...fit({
      config,
      tensors,
      weightBits,
      memoryBudgetBytes,
      limits,
      deviceBytes: deviceBytes(),
    }),
  };
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
