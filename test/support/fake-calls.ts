/** Pending calls of a fake engine, and what it answers when a test completes them. */
import type {
  ChatHit,
  HistoryRound,
  SearchOptions,
  MessagePlace,
  ToolCall,
} from "../../src/engine/api/chats";
import type { RestoreOptions } from "../../src/engine/api/kv-memory";
import type {
  DeviceInfo,
  KeepOptions,
  LoadOptions,
  ModelInfo,
  ModelSource,
  StoredModel,
} from "../../src/engine/api/models";
import type {
  FusionReport,
  KvReceipt,
  LocalReceipt,
  Receipt,
  RestoreReport,
} from "../../src/engine/api/receipt";
import type {
  AttachReport,
  ChatDocument,
  ReplyEvent,
  ReplyOptions,
} from "../../src/engine/api/replies";
import { deviceId } from "../../src/model/hub/device-name";

export const fakeModel: ModelInfo & { device: DeviceInfo } = {
  name: "rondo-tiny",
  architecture: "LlamaForCausalLM",
  parameterCount: 3_400_000,
  layerCount: 8,
  contextTokens: 2048,
  weightBytes: 6_896_400,
  kvBytesPerToken: 4096,
  canThink: false,
  device: {
    vendor: "fake",
    architecture: "none",
    description: "Fake GPU",
    isSoftware: false,
  },
};

const nothingRestored: RestoreReport = {
  keptTokens: 0,
  restoredTokens: 0,
  recomputedTokens: 0,
  droppedSegments: 0,
};

const nothingStale: FusionReport = {
  exactRounds: 0,
  staleRounds: 0,
  repairedRounds: 0,
  staleTokens: 0,
  repairedTokens: 0,
  ratio: 0.15,
  findMs: 0,
  repairMs: 0,
};

const fakeKv: KvReceipt = {
  cachedTokens: 41,
  restoredTokens: 0,
  prefilledTokens: 23,
  attention: {
    readCount: 0,
    roundCount: 0,
    attended: [],
    capturedMass: 1,
    isCut: false,
    kvBytes: 4096,
    fullKvBytes: 4096,
    lower: nothingRestored,
    upper: nothingRestored,
  },
  fusion: nothingStale,
  phases: {
    lowerMs: 20,
    readMs: 90,
    selectMs: 10,
    upperMs: 30,
    answerMs: 60,
    decodeMs: 290,
  },
};

export const fakeReceipt: LocalReceipt = {
  finishReason: "stop",
  roundId: 1,
  replyTokens: 12,
  timeToFirstTokenMs: 210,
  decodeTokensPerSecond: 38.2,
  seed: 1,
  kv: fakeKv,
};

/** The same of a turn that did something else with its KV. */
export function receiptWith(kv: Partial<KvReceipt>): LocalReceipt {
  return { ...fakeReceipt, kv: { ...fakeKv, ...kv } };
}

/** An error as it comes out of a worker: the name says what it is. */
export function namedError(name: string, message = `${name} it is.`): Error {
  return Object.assign(new Error(message), { name });
}

/** A load controlled by a test. */
export class FakeLoad {
  readonly source: ModelSource;
  readonly options: LoadOptions;
  readonly outcome: Promise<ModelInfo>;
  finish!: (model?: ModelInfo) => void;
  fail!: (error: Error) => void;

  constructor(source: ModelSource, options: LoadOptions = {}) {
    this.source = source;
    this.options = options;
    this.outcome = new Promise((resolve, reject) => {
      this.finish = (model = fakeModel) => resolve(model);
      this.fail = reject;
    });
    const { signal } = options;
    const abort = () => this.fail(signal!.reason as Error);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort);
  }

  /** Has its files, and takes the place of the model before. */
  begin(): void {
    this.options.onProgress?.({
      phase: "adapter",
      loadedBytes: 0,
      totalBytes: 0,
    });
  }

  download(loadedBytes: number, totalBytes: number): void {
    this.options.onProgress?.({ phase: "download", loadedBytes, totalBytes });
  }

  weights(loadedBytes: number, totalBytes: number): void {
    this.options.onProgress?.({ phase: "weights", loadedBytes, totalBytes });
  }
}

/** The storing of files, controlled by a test. */
export class FakeKeeping {
  readonly files: readonly File[];
  readonly options: KeepOptions;
  readonly outcome: Promise<StoredModel>;
  finish!: () => void;
  fail!: (error: Error) => void;

  constructor(files: readonly File[], options: KeepOptions = {}) {
    this.files = files;
    this.options = options;
    const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
    const sizes = { keptBytes: totalBytes, totalBytes };
    this.outcome = new Promise((resolve, reject) => {
      this.finish = () =>
        resolve({ id: deviceId(files), ...sizes, usedMs: Date.now() });
      this.fail = reject;
    });
    const { signal } = options;
    signal?.addEventListener("abort", () => this.fail(signal.reason as Error));
  }

  progress(loadedBytes: number, totalBytes: number): void {
    this.options.onProgress?.({ loadedBytes, totalBytes });
  }
}

/** A long-running call with progress and abort, controlled by a test. */
class FakeTask<Result> {
  readonly chatId: string;
  readonly signal: AbortSignal | undefined;
  readonly outcome: Promise<Result>;
  readonly #options: RestoreOptions;
  protected resolve!: (result: Result) => void;
  fail!: (error: Error) => void;

  constructor(chatId: string, options: RestoreOptions = {}) {
    this.chatId = chatId;
    this.#options = options;
    this.signal = options.signal;
    this.outcome = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.fail = reject;
    });
    const abort = () => this.fail(this.signal!.reason as Error);
    if (this.signal?.aborted) abort();
    else this.signal?.addEventListener("abort", abort);
  }

  progress(doneTokens: number, totalTokens: number): void {
    this.#options.onProgress?.({ doneTokens, totalTokens });
  }
}

/** A restore controlled by a test. */
export class FakeRestore extends FakeTask<RestoreReport> {
  finish(): void {
    this.resolve(nothingRestored);
  }
}

/** An attachment controlled by a test. */
export class FakeAttach extends FakeTask<AttachReport> {
  readonly document: ChatDocument;
  /** Puts the document into the chat and returns its round's id. */
  readonly #keep: () => number;

  constructor(
    chatId: string,
    document: ChatDocument,
    options: RestoreOptions | undefined,
    keep: () => number,
  ) {
    super(chatId, options);
    this.document = document;
    this.#keep = keep;
  }

  finish(encodedTokens = 100): void {
    this.resolve({ roundId: this.#keep(), encodedTokens, reusedTokens: 0 });
  }
}

/** A search controlled by a test. */
export class FakeSearch {
  readonly query: string;
  readonly signal: AbortSignal | undefined;
  readonly outcome: Promise<ChatHit[]>;
  settleWith: (hits: ChatHit[] | Promise<ChatHit[]>) => void = () => {};

  constructor(query: string, { signal }: SearchOptions = {}) {
    this.query = query;
    this.signal = signal;
    this.outcome = new Promise((resolve) => (this.settleWith = resolve));
  }
}

/** The engine's record of what a turn attended to. */
function ids({ kv }: Partial<Receipt>): number[] | null {
  const { attended = [] } = kv?.attention ?? {};
  const isAll = attended.every(({ reason }) => reason === "all");
  return isAll ? null : attended.map(({ id }) => id);
}

/** A reply controlled by a test. An abort ends it as the engine would, with the text so far. */
export class FakeReply implements AsyncIterable<ReplyEvent> {
  readonly chatId: string;
  readonly roundId: number;
  readonly message: string;
  readonly place: MessagePlace | undefined;
  readonly thinks: boolean | undefined;
  readonly signal: AbortSignal | undefined;
  /** As they were given. */
  readonly options: ReplyOptions;
  /** What the fake engine keeps of it. */
  readonly kept: HistoryRound;
  #steps: (ReplyEvent | Error)[] = [];
  #wake = () => {};

  constructor(
    chatId: string,
    kept: HistoryRound,
    place: MessagePlace | undefined,
    options: ReplyOptions = {},
  ) {
    this.chatId = chatId;
    this.kept = kept;
    this.roundId = kept.id;
    this.message = kept.message;
    this.place = place;
    this.options = options;
    this.thinks = options.thinks;
    this.signal = options.signal;
    const abort = () => this.end({ finishReason: "aborted" });
    if (this.signal?.aborted) abort();
    else this.signal?.addEventListener("abort", abort);
  }

  prefill(doneTokens: number, totalTokens: number): void {
    this.#push({ type: "prefill", doneTokens, totalTokens });
  }

  text(text: string): void {
    this.kept.reply += text;
    this.#push({ type: "text", text });
  }

  call(call: ToolCall): void {
    this.kept.calls = [...(this.kept.calls ?? []), call];
    this.#push({ type: "call", call });
  }

  end(receipt: Partial<Receipt> = {}): void {
    Object.assign(this.kept, { isFinished: true, attended: ids(receipt) });
    this.#push({
      type: "end",
      receipt: { ...fakeReceipt, ...receipt, roundId: this.roundId },
    });
  }

  /** The message is then without a reply, as it was before. */
  fail(error: Error): void {
    this.kept.reply = "";
    this.#push(error);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ReplyEvent> {
    for (;;) {
      while (this.#steps.length === 0)
        await new Promise<void>((resolve) => (this.#wake = resolve));
      const step = this.#steps.shift();
      if (step instanceof Error) throw step;
      if (step === undefined) continue;
      yield step;
      if (step.type === "end") return;
    }
  }

  #push(step: ReplyEvent | Error): void {
    this.#steps.push(step);
    this.#wake();
  }
}
