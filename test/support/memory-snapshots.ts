/** Snapshots of memory for the panel's tests: a small chat, a long one with branches, one without a model. */
import type {
  AttendedRound,
  LocalReceipt,
  TurnPhases,
} from "../../src/engine/api/receipt";
import type { VerifyReport } from "../../src/engine/api/kv-memory";
import type {
  GpuMemory,
  HalfMemory,
  MemorySnapshot,
  ModelMemory,
  KvQuality,
  RoundMemory,
  StorageMemory,
  TurnRecord,
} from "../../src/engine/api/memory-snapshot";
import { fakeModel, fakeReceipt, receiptWith } from "./fake-calls";

const NOW_MS = Date.UTC(2026, 4, 3, 12, 0);
const HALF_BYTES_PER_TOKEN = 2048;
const PAGE_BYTES = 16 * HALF_BYTES_PER_TOKEN;

/** What a round begins with, as far as the panel is concerned. */
export const HOSTILE = `<img src=x onerror="window.pwned = 1"><b>bold</b> & "quoted"`;

/** A chat of five rounds; the last one attended to two of them. */
export function smallSnapshot(): MemorySnapshot {
  const rounds = [
    systemRound(),
    makeRound(1, 0, { tokens: 41, attended: "mass", mass: 0.62 }),
    makeRound(2, 1, {
      tokens: 120,
      isPinned: true,
      attended: "pinned",
      mass: 0.04,
    }),
    makeRound(3, 2, { tokens: 64, upper: stored(64), mass: 0.02 }),
    makeRound(4, 3, { tokens: 58, attended: "last", mass: 0.21 }),
    makeRound(5, 4, { tokens: 73 }),
  ];
  return makeSnapshot(rounds, [1, 2, 3, 4, 5], 5);
}

/** Sixty rounds on the branch that is shown, others beside it; some are stale, and most upper halves are stored only. */
export function longSnapshot(shownCount = 60): MemorySnapshot {
  const rounds = [systemRound()];
  const shownIds: number[] = [];
  let nextId = 1;
  let parentId = 0;
  for (let i = 0; i < shownCount; i++) {
    // Versions that are not shown, some with what was said behind them.
    if (i % 11 === 4) {
      const fork = nextId++;
      rounds.push(makeRound(fork, parentId, cold(30 + (i % 7) * 9)));
      if (i % 2 === 0)
        rounds.push(
          makeRound(nextId, fork, cold(44)),
          makeRound(nextId + 1, fork, cold(52)),
        );
      nextId += i % 2 === 0 ? 2 : 0;
    }
    const id = nextId++;
    rounds.push(makeRound(id, parentId, longRound(i, shownCount)));
    shownIds.push(id);
    parentId = id;
  }
  const document = rounds.find(({ id }) => id === shownIds[12]);
  if (document) Object.assign(document, { kind: "document", tokens: 1840 });
  const snapshot = makeSnapshot(rounds, shownIds, 40);
  return {
    ...snapshot,
    storage: { ...snapshot.storage, queuedBytes: 262_144, queuedSegments: 2 },
  };
}

/** A model is loaded, nothing was said. */
export function emptySnapshot(): MemorySnapshot {
  return { ...makeSnapshot([], [], 0), chat: undefined };
}

/** No model is loaded; what is stored is there. */
export function unloadedSnapshot(): MemorySnapshot {
  return { ...emptySnapshot(), gpu: undefined, model: undefined };
}

export function withTexts(snapshot: MemorySnapshot): MemorySnapshot {
  const chat = snapshot.chat && {
    ...snapshot.chat,
    title: "My cat Miso",
    rounds: snapshot.chat.rounds.map((round) => ({
      ...round,
      text: textOf(round.id),
    })),
  };
  return { ...snapshot, chat };
}

/** A report on the last turn of such a snapshot. */
export function makeReport(
  snapshot: MemorySnapshot,
  part: Partial<VerifyReport> = {},
): VerifyReport {
  const roundIds = snapshot.chat?.shownIds.slice(0, -1) ?? [];
  const layerCount = snapshot.model?.layerCount ?? 0;
  const mass = Array.from({ length: layerCount }, (_, layer) => {
    // Low layers look at what is near, high ones at few rounds.
    const raw = roundIds.map((id, i) => {
      const nearness = (i + 1) / roundIds.length;
      const chosen = (id * 7) % 13 === 0 ? 6 * (layer / layerCount) : 0;
      return nearness ** (6 - (layer / layerCount) * 4) + chosen;
    });
    const sum = raw.reduce((sum, value) => sum + value, 0);
    return raw.map((value) => value / sum);
  });
  return {
    chatId: snapshot.chat?.chatId ?? "",
    roundId: snapshot.chat?.shownIds.at(-1) ?? 0,
    positions: 41,
    sameTop1: 41,
    meanKl: 0.0042,
    maxKl: 0.031,
    selection: { sameTop1: 41, meanKl: 0.0031, maxKl: 0.03 },
    reuse: { sameTop1: 41, meanKl: 0.0009, maxKl: 0.002 },
    mass,
    roundIds,
    tookMs: 1840,
    ...part,
  };
}

const TEXTS = [
  "My cat is called Miso.",
  HOSTILE,
  "What do I need first to bake bread?",
  "And then? Please tell me everything, step by step, and leave nothing out.",
];
const textOf = (id: number) =>
  id === 0 ? "You are a friendly helper." : TEXTS[(id - 1) % TEXTS.length]!;

function makeSnapshot(
  rounds: RoundMemory[],
  shownIds: number[],
  turnCount: number,
): MemorySnapshot {
  const all = rounds.flatMap(({ lower, upper }) => [lower, upper]);
  const storedBytes = sum(all.map((half) => half.storedBytes));
  return {
    takenMs: NOW_MS,
    gpu: makeGpu(rounds),
    model: makeModel(),
    storage: makeStorage(
      all.filter((half) => half.storedBytes > 0).length,
      storedBytes,
    ),
    chat: { chatId: "miso", rounds, shownIds },
    turns: makeTurns(shownIds.slice(-turnCount), rounds),
  };
}

function makeGpu(rounds: RoundMemory[]): GpuMemory {
  const used = (half: "lower" | "upper") =>
    sum(rounds.map((round) => round[half].gpuBytes / PAGE_BYTES));
  const lower = {
    pageCount: 640,
    freePages: 640 - used("lower"),
    bytesPerPage: PAGE_BYTES,
  };
  const upper = {
    pageCount: 320,
    freePages: 320 - used("upper"),
    bytesPerPage: PAGE_BYTES,
  };
  const bytes = {
    weights: 6_896_400,
    "lower pages": lower.pageCount * PAGE_BYTES,
    "upper pages": upper.pageCount * PAGE_BYTES,
    index: 0,
    activations: 3_400_000,
    staging: 8_388_608,
  };
  return {
    budgetBytes: 64 * 1024 * 1024,
    bytes,
    peakBytes: 62_000_000,
    peakKvBytes: 38_000_000,
    lower,
    upper,
    residentTokens: sum(
      rounds.map(
        (round) =>
          (round.lower.residentTokens + round.upper.residentTokens) / 2,
      ),
    ),
    buffers: [
      ...["lower keys", "lower values"].map((label) => ({
        label,
        memoryClass: "lower pages" as const,
        count: 4,
        bytes: bytes["lower pages"] / 2,
      })),
      ...["upper keys", "upper values"].map((label) => ({
        label,
        memoryClass: "upper pages" as const,
        count: 4,
        bytes: bytes["upper pages"] / 2,
      })),
      { label: "uploads", memoryClass: "staging", count: 1, bytes: 8_388_608 },
      ...[
        "gate_up_proj",
        "down_proj",
        "qkv_proj",
        "o_proj",
        "embed_tokens",
      ].map((label, i) => ({
        label: `weights ${label}`,
        memoryClass: "weights" as const,
        count: i === 4 ? 1 : 8,
        bytes: 2_000_000 - i * 300_000,
      })),
      ...[
        "residual",
        "hidden",
        "query",
        "attention parts",
        "logits",
        "sampled tokens",
        "page table lower",
        "page table upper",
      ].map((label, i) => ({
        label,
        memoryClass: "activations" as const,
        count: 1,
        bytes: 900_000 / (i + 1),
      })),
    ],
    device: {
      vendor: "apple",
      architecture: "metal-3",
      description: "Apple M3 Pro",
      isSoftware: false,
      features: ["shader-f16", "subgroups", "timestamp-query"],
      limits: {
        maxBufferSize: 4_294_967_296,
        maxStorageBufferBindingSize: 4_294_967_292,
        maxComputeWorkgroupStorageSize: 32_768,
        maxComputeInvocationsPerWorkgroup: 1024,
      },
      canary: [
        { kernel: "matvec f16", error: 0.00012, tolerance: 0.002 },
        { kernel: "matmul f16", error: 0.0004, tolerance: 0.002 },
      ],
    },
  };
}

function makeModel(): ModelMemory {
  return {
    ...fakeModel,
    watershed: 3,
    tau: 0.9,
    massHeads: 5,
    choosesBy: "mass",
    retrievalHeads: [],
    headCount: 8,
    calibration: "measured",
  };
}

function makeStorage(
  segmentCount: number,
  segmentBytes: number,
): StorageMemory {
  return {
    chatCount: 3,
    segmentCount,
    segmentBytes,
    storedTokens: segmentBytes / (2 * 1024),
    droppedSegments: 0,
    modelBytes: 386_000_000,
    queuedSegments: 0,
    queuedBytes: 0,
    isPersistent: false,
    usageBytes: 412_000_000,
    quotaBytes: 10_700_000_000,
  };
}

function makeTurns(roundIds: number[], rounds: RoundMemory[]): TurnRecord[] {
  const attended = rounds.flatMap(
    ({ attended: reason, id, mass = 0 }): AttendedRound[] =>
      reason ? [{ id, reason, mass }] : [],
  );
  return roundIds.map((roundId, i) => {
    const phases: TurnPhases = {
      lowerMs: i % 7 === 0 ? 64 : 2,
      readMs: 41 + i,
      selectMs: 6,
      upperMs: 18 + (i % 5) * 7,
      answerMs: 52,
      decodeMs: 1840,
    };
    const { attention, fusion } = fakeReceipt.kv;
    const kv = {
      phases,
      cachedTokens: 310 + i * 90,
      restoredTokens: i % 7 === 0 ? 310 : 0,
      attention: {
        ...attention,
        roundCount: rounds.length - 1,
        attended,
        capturedMass: 0.91,
        kvBytes: 3_900_000,
        fullKvBytes: 10_000_000,
      },
      fusion: {
        ...fusion,
        staleRounds: 3,
        repairedRounds: 2,
        staleTokens: 210,
        repairedTokens: 32,
      },
    };
    const receipt: LocalReceipt = {
      ...receiptWith(kv),
      roundId,
      replyTokens: 71,
      timeToFirstTokenMs:
        phases.lowerMs +
        phases.readMs +
        phases.selectMs +
        phases.upperMs +
        phases.answerMs,
      decodeTokensPerSecond: 38.2 - (i % 9) * 0.4,
    };
    return {
      chatId: "miso",
      roundId,
      startedMs: NOW_MS - (roundIds.length - i) * 60_000,
      receipt,
      uploadedBytes: i % 7 === 0 ? 2_600_000 : 120_000 * (i % 4),
      gpuBytes: 21_000_000 + i * 700_000,
      kvBytes: 4_000_000 + i * 500_000,
    };
  });
}

function makeRound(
  id: number,
  parentId: number,
  part: Partial<RoundMemory> = {},
): RoundMemory {
  const tokens = part.tokens ?? 50;
  return {
    id,
    parentId,
    kind: "round",
    tokens,
    lower: both(tokens),
    upper: both(tokens),
    isPinned: false,
    quality: "exact",
    ...part,
  };
}

function systemRound(): RoundMemory {
  return {
    ...makeRound(0, 0, {
      tokens: 22,
      kind: "system",
      attended: "pinned",
      mass: 0.11,
    }),
    parentId: null,
  };
}

/** Of a branch that is not shown: in the store, or gone. */
function cold(tokens: number): Partial<RoundMemory> {
  const half = tokens % 2 === 0 ? stored(tokens) : absent();
  return { tokens, lower: half, upper: half };
}

function longRound(i: number, count: number): Partial<RoundMemory> {
  const tokens = 40 + ((i * 37) % 160);
  const isLast = i === count - 2;
  const isChosen = i % 17 === 3;
  const isPinned = i === 7;
  const isNew = i === count - 1;
  const attended = isPinned ? "pinned" : isChosen ? "mass" : undefined;
  const isNeeded = isLast || isNew || attended !== undefined;
  return {
    tokens,
    isPinned,
    attended: isLast ? "last" : attended,
    mass: isNew ? undefined : isChosen ? 0.18 : isLast ? 0.12 : 0.004,
    lower: i === 20 ? partly(tokens) : isNew ? resident(tokens) : both(tokens),
    upper: isNew
      ? resident(tokens)
      : isNeeded
        ? both(tokens)
        : i === 33
          ? absent()
          : stored(tokens),
    quality: qualityAt(i),
  };
}

/** An edit has made some rounds stale; a question had two of them repaired, and what came next read those. */
function qualityAt(i: number): KvQuality {
  if (i === 26 || i === 27) return "repaired";
  if (i === 25) return "stale";
  return i === 28 ? "approximate" : "exact";
}

function resident(tokens: number): HalfMemory {
  const gpuBytes = Math.ceil(tokens / 16) * PAGE_BYTES;
  return { residentTokens: tokens, gpuBytes, storedBytes: 0, isInUse: true };
}

function stored(tokens: number): HalfMemory {
  return {
    residentTokens: 0,
    gpuBytes: 0,
    storedBytes: tokens * 1024,
    isInUse: false,
  };
}

function both(tokens: number): HalfMemory {
  return { ...resident(tokens), storedBytes: tokens * 1024, isInUse: false };
}

function partly(tokens: number): HalfMemory {
  return { ...both(tokens), residentTokens: Math.floor(tokens / 2) };
}

const absent = (): HalfMemory => ({
  residentTokens: 0,
  gpuBytes: 0,
  storedBytes: 0,
  isInUse: false,
});

const sum = (values: number[]) => values.reduce((sum, value) => sum + value, 0);
