/** What a fake engine says of its memory: that it holds nothing, until a test says what it holds. */
import type { VerifyReport } from "../../src/engine/api/kv-memory";
import type { MemorySnapshot } from "../../src/engine/api/memory-snapshot";

export const fakeMemory: MemorySnapshot = {
  takenMs: 0,
  gpu: undefined,
  model: undefined,
  storage: {
    chatCount: 0,
    segmentCount: 0,
    segmentBytes: 0,
    storedTokens: 0,
    droppedSegments: 0,
    modelBytes: 0,
    queuedSegments: 0,
    queuedBytes: 0,
    isPersistent: undefined,
    usageBytes: undefined,
    quotaBytes: undefined,
  },
  chat: undefined,
  turns: [],
};

/** Of a round that full attention says the same of. */
export const fakeReport: VerifyReport = {
  chatId: "",
  roundId: 1,
  positions: 12,
  sameTop1: 12,
  meanKl: 0,
  maxKl: 0,
  selection: { sameTop1: 12, meanKl: 0, maxKl: 0 },
  reuse: { sameTop1: 12, meanKl: 0, maxKl: 0 },
  mass: [],
  roundIds: [],
  tookMs: 0,
};
