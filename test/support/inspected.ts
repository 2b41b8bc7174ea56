/** A page as DevTools sees it, with an engine: expressions are evaluated, and their results come back as JSON. */
import { createContext, runInContext } from "node:vm";
import type { ChatHistory } from "../../src/engine/api/chats";
import type { EngineNotice } from "../../src/engine/api/notice";
import type {
  MemoryOptions,
  MemorySource,
  VerifyOptions,
  VerifyReport,
} from "../../src/engine/api/kv-memory";
import type { MemorySnapshot } from "../../src/engine/api/memory-snapshot";
import type { EvalFailure, InspectedWindow } from "../../src/devtools/evaluate";
import { DevtoolsHook } from "../../src/ui/devtools/devtools-hook";
import { HOOK_NAME, type Hook } from "../../src/ui/devtools/devtools-protocol";

export class FakeInspectedWindow implements InspectedWindow {
  /** All evaluated expressions. */
  readonly expressions: string[] = [];
  /** The hook of the page that is open: `{}` as one that says nonsense. */
  hook: Partial<Hook> | undefined;
  /** Why nothing can be evaluated. */
  failure: EvalFailure | undefined;

  constructor(...engines: MemorySource[]) {
    this.open(...engines);
  }

  /** Leaves the page for another one with these engines; without engines the page has no Rondo. */
  open(...engines: MemorySource[]): void {
    this.hook = engines.length === 0 ? undefined : new DevtoolsHook();
    for (const engine of engines) this.hook?.offer?.(engine);
  }

  eval(
    expression: string,
    callback: (result: unknown, exceptionInfo?: EvalFailure) => void,
  ): void {
    this.expressions.push(expression);
    const [result, failure] = this.#evaluate(expression);
    queueMicrotask(() => callback(result, failure));
  }

  #evaluate(expression: string): [unknown, EvalFailure?] {
    if (this.failure) return [undefined, this.failure];
    const page = createContext({ [Symbol.for(HOOK_NAME)]: this.hook });
    try {
      const result: unknown = runInContext(expression, page);
      return [JSON.parse(JSON.stringify(result ?? null))];
    } catch (error) {
      return [undefined, { isException: true, value: String(error) }];
    }
  }
}

const pool = { pageCount: 8, freePages: 5, bytesPerPage: 4096 };
const half = {
  residentTokens: 16,
  gpuBytes: 4096,
  storedBytes: 0,
  isInUse: false,
};

export const smallSnapshot: MemorySnapshot = {
  takenMs: 1_700_000_000_000,
  gpu: {
    budgetBytes: 65536,
    bytes: {
      weights: 1000,
      "lower pages": 200,
      "upper pages": 200,
      index: 0,
      activations: 50,
      staging: 0,
    },
    peakBytes: 1500,
    peakKvBytes: 400,
    lower: pool,
    upper: pool,
    residentTokens: 16,
    buffers: [
      { label: "embed", memoryClass: "weights", count: 1, bytes: 1000 },
    ],
    device: {
      vendor: "fake",
      architecture: "none",
      description: "Fake GPU",
      isSoftware: true,
      features: ["shader-f16"],
      limits: { maxBufferSize: 268435456 },
      canary: [{ kernel: "linear", error: 0, tolerance: 0.001 }],
    },
  },
  model: undefined,
  storage: {
    chatCount: 1,
    segmentCount: 2,
    segmentBytes: 300,
    storedTokens: 16,
    droppedSegments: 0,
    modelBytes: 0,
    queuedSegments: 0,
    queuedBytes: 0,
    isPersistent: undefined,
    usageBytes: 1000,
    quotaBytes: 100000,
  },
  chat: {
    chatId: "a",
    rounds: [
      {
        id: 0,
        parentId: null,
        kind: "system",
        tokens: 16,
        lower: half,
        upper: half,
        isPinned: false,
        quality: "exact",
      },
    ],
    shownIds: [0],
  },
  turns: [],
};

export const smallReport: VerifyReport = {
  chatId: "a",
  roundId: 1,
  positions: 10,
  sameTop1: 9,
  meanKl: 0.01,
  maxKl: 0.2,
  selection: { sameTop1: 9, meanKl: 0.01, maxKl: 0.2 },
  reuse: { sameTop1: 10, meanKl: 0, maxKl: 0 },
  mass: [[0.5, 0.5]],
  roundIds: [0, 1],
  tookMs: 12,
};

/** A verification that a test completes. */
interface OpenVerify {
  options: VerifyOptions;
  finish(report: VerifyReport): void;
}

/** Records its calls; verifying lasts until the test ends it. */
export class FakeSource implements MemorySource {
  /** Each call with its arguments. */
  readonly calls: unknown[][] = [];
  readonly verifies: OpenVerify[] = [];
  readonly listeners = new Set<(notice: EngineNotice) => void>();
  snapshot: unknown = smallSnapshot;
  /** What every call but `verify` throws. */
  error: unknown;

  async memory(options?: MemoryOptions): Promise<MemorySnapshot> {
    this.#called("memory", options);
    return this.snapshot as MemorySnapshot;
  }

  verify(
    chatId: string,
    roundId: number,
    options: VerifyOptions = {},
  ): Promise<VerifyReport> {
    this.calls.push(["verify", chatId, roundId]);
    return new Promise((finish, fail) => {
      options.signal?.addEventListener("abort", () =>
        fail(options.signal!.reason as Error),
      );
      this.verifies.push({ options, finish });
    });
  }

  async pinRound(...args: [string, number, boolean]): Promise<void> {
    this.#called("pinRound", ...args);
  }

  async evictRound(...args: [string, number]): Promise<void> {
    this.#called("evictRound", ...args);
  }

  async wipeKv(chatId?: string): Promise<void> {
    this.#called("wipeKv", chatId);
  }

  async deleteRound(
    chatId: string,
    roundId: number,
    options?: { isFast?: boolean },
  ): Promise<ChatHistory> {
    this.#called("deleteRound", chatId, roundId, options);
    return {
      summary: {
        id: chatId,
        title: "Cats",
        createdMs: 1,
        updatedMs: 2,
        modelName: "rondo-tiny",
      },
      system: undefined,
      access: "write",
      rounds: [],
    };
  }

  onNotice(listener: (notice: EngineNotice) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  emit(notice: EngineNotice): void {
    for (const listener of this.listeners) listener(notice);
  }

  #called(...call: unknown[]): void {
    this.calls.push(call);
    if (this.error !== undefined) throw this.error as Error;
  }
}
