/** Takes snapshots of memory. It only reads, on request: nothing is tracked for it. */
import type { Gpu } from "../../gpu/gpu";
import type { LayerPool } from "../../memory/kv-cache";
import { HALVES } from "../../util/kv-half";
import { NOTHING_STORED } from "../archive/archive";
import { chatMemory } from "./chat-snapshot";
import type { MemoryOptions } from "../api/kv-memory";
import type {
  BufferMemory,
  DeviceMemory,
  GpuMemory,
  MemorySnapshot,
  ModelMemory,
  PageMemory,
  PoolMemory,
  TurnRecord,
} from "../api/memory-snapshot";
import type { ModelLibrary } from "../load/model-library";
import type { LoadedModel } from "../load/loaded-model";
import type { ChatStores } from "../open/open-archive";

export interface SnapshotSources {
  /** The loaded model. */
  loaded: () => LoadedModel | undefined;
  stores: ChatStores;
  models: Pick<ModelLibrary, "list">;
  turns: readonly TurnRecord[];
}

/** Limits that decide what fits. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
] as const;

/** Waits for the store alone. What can't be read there counts as nothing; a notice has said why. */
export async function takeSnapshot(
  { loaded, stores, models, turns }: SnapshotSources,
  { chatId, withText = false }: MemoryOptions = {},
): Promise<MemorySnapshot> {
  const { archive, chats, kv } = stores;
  const wanted = chatId ?? chats.lastId;
  const [stored, kept, readChat] = await Promise.all([
    archive.storageSnapshot().catch(() => NOTHING_STORED),
    models.list().catch(() => []),
    wanted === undefined
      ? undefined
      : chatMemory(stores, wanted, withText, loaded).catch(() => undefined),
  ]);
  // No awaits from here on: all numbers are of one moment, so sums agree.
  const now = loaded();
  return {
    takenMs: Date.now(),
    gpu: now && gpuMemory(now),
    model: now && modelMemory(now),
    storage: {
      ...stored,
      ...kv.queue,
      modelBytes: kept.reduce((sum, { keptBytes }) => sum + keptBytes, 0),
    },
    chat: readChat?.(),
    turns: [...turns],
  };
}

function gpuMemory({
  gpu,
  index,
  model,
  runner,
  residency,
}: LoadedModel): GpuMemory {
  const { cache } = runner;
  const { bytes, peakBytes, peakKvBytes } = gpu.ledger;
  const [lower, upper] = HALVES.map((half): PoolMemory => {
    const { main, local } = cache[half];
    return { ...pageMemory(main), ...(local && { local: pageMemory(local) }) };
  }) as [PoolMemory, PoolMemory];
  return {
    budgetBytes:
      cache.budgetBytes + (index?.limit ?? 0) * (index?.pageBytes ?? 0),
    bytes: { ...bytes },
    peakBytes,
    peakKvBytes,
    lower,
    upper,
    residentTokens: residency.residentTokens,
    buffers: buffersByLabel(gpu),
    device: {
      ...deviceOf(gpu),
      canary: model.network.checks.map(({ format, rows, ...check }) => ({
        kernel: `${format} weights, ${rows} ${rows === 1 ? "row" : "rows"}`,
        ...check,
      })),
    },
  };
}

function pageMemory({ pool, pageBytes }: LayerPool): PageMemory {
  const { pageCount, freePages } = pool;
  return { pageCount, freePages, bytesPerPage: pageBytes };
}

/** Largest first; buffers with the same label are summed. */
function buffersByLabel(gpu: Gpu): BufferMemory[] {
  const byLabel = new Map<string, BufferMemory>();
  for (const { label, memoryClass, bytes } of gpu.buffers()) {
    const key = `${memoryClass}/${label}`;
    const known = byLabel.get(key);
    byLabel.set(key, {
      label,
      memoryClass,
      count: (known?.count ?? 0) + 1,
      bytes: (known?.bytes ?? 0) + bytes,
    });
  }
  return [...byLabel.values()].sort((a, b) => b.bytes - a.bytes);
}

function deviceOf({
  info: { vendor, architecture, description },
  isSoftware,
  device,
}: Gpu): Omit<DeviceMemory, "canary"> {
  return {
    vendor,
    architecture,
    description,
    isSoftware,
    features: [...device.features].sort(),
    limits: Object.fromEntries(
      LIMITS.map((name) => [name, device.limits[name]]),
    ),
  };
}

function modelMemory(loaded: LoadedModel): ModelMemory {
  const { network, selection, index, choosesByWords, calibration } =
    loaded.model;
  const headCount = network.config.numAttentionHeads;
  const { heads, tau } = selection;
  return {
    ...loaded.info(),
    watershed: network.cache.lower.shape.watershed,
    tau,
    massHeads: heads === "all" ? headCount : heads.length,
    headCount,
    choosesBy: index ? "heads" : choosesByWords ? "words" : "mass",
    retrievalHeads: (index?.heads ?? []).map(
      ({ layer, head }) => `${layer}.${head}`,
    ),
    calibration,
  };
}
