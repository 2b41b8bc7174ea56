/** The engine as the page sees it: every call goes to a worker, replies stream back. */
import { hubName } from "../../model/hub/hub-name";
import { askToPersist } from "../../store/disk-space";
import { isElsewhere, workerElsewhere } from "../../util/worker-elsewhere";
import type { ChatEngine } from "../api/chat-engine";
import type {
  ChatHistory,
  ChatHit,
  ChatOptions,
  ChatSummary,
  SearchOptions,
} from "../api/chats";
import type {
  RestoreOptions,
  MemoryOptions,
  VerifyOptions,
  VerifyReport,
} from "../api/kv-memory";
import type {
  KeptModel,
  LoadOptions,
  ModelInfo,
  ModelPlan,
  ModelSource,
  PlanOptions,
} from "../api/models";
import type { EngineNotice } from "../api/notice";
import type { RestoreReport } from "../api/receipt";
import type {
  AttachReport,
  ChatDocument,
  ReplyEvent,
  ReplyOptions,
} from "../api/replies";
import type { MemorySnapshot } from "../api/memory-snapshot";
import type { CallName, Calls, Request, Response } from "./protocol";
import { fromWire } from "./wire-error";

interface OpenCall {
  onEvent(event: Calls[CallName]["event"]): void;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

export class RemoteEngine implements ChatEngine {
  readonly #createWorker: () => Worker;
  #worker: Worker | undefined;
  #isClosed = false;
  readonly #open = new Map<number, OpenCall>();
  readonly #listeners = new Set<(notice: EngineNotice) => void>();
  #lastId = 0;

  constructor(createWorker: () => Worker = engineWorker) {
    this.#createWorker = createWorker;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  load(
    source: ModelSource,
    { onProgress, signal, ...options }: LoadOptions = {},
  ): Promise<ModelInfo> {
    let hasAsked = false;
    return this.#call("load", [fromPage(source), hubFromPage(options)], {
      signal,
      onEvent(progress) {
        // Workers cannot ask.
        if (progress.phase === "download" && !hasAsked) {
          hasAsked = true;
          void askToPersist();
        }
        onProgress?.(progress);
      },
    });
  }

  planModel(
    source: ModelSource,
    { signal, ...options }: PlanOptions = {},
  ): Promise<ModelPlan> {
    const args: Calls["planModel"]["args"] = [
      fromPage(source),
      hubFromPage(options),
    ];
    return this.#call("planModel", args, { signal });
  }

  listModels(): Promise<KeptModel[]> {
    return this.#call("listModels", []);
  }

  deleteModel(id: string): Promise<void> {
    return this.#call("deleteModel", [id]);
  }

  listChats(): Promise<ChatSummary[]> {
    return this.#call("listChats", []);
  }

  searchChats(
    query: string,
    { signal }: SearchOptions = {},
  ): Promise<ChatHit[]> {
    return this.#call("searchChats", [query], { signal });
  }

  createChat(options?: ChatOptions): Promise<string> {
    return this.#call("createChat", [options]);
  }

  openChat(chatId: string): Promise<ChatHistory> {
    return this.#call("openChat", [chatId]);
  }

  leaveChat(chatId: string): Promise<void> {
    return this.#call("leaveChat", [chatId]);
  }

  restoreChat(
    chatId: string,
    { onProgress, signal }: RestoreOptions = {},
  ): Promise<RestoreReport> {
    return this.#call("restoreChat", [chatId], {
      signal,
      ...(onProgress && { onEvent: onProgress }),
    });
  }

  renameChat(chatId: string, title: string): Promise<void> {
    return this.#call("renameChat", [chatId, title]);
  }

  deleteChat(chatId: string): Promise<void> {
    return this.#call("deleteChat", [chatId]);
  }

  exportChat(chatId: string, options?: { withKv?: boolean }): Promise<Blob> {
    return this.#call("exportChat", [chatId, options]);
  }

  importChat(file: Blob): Promise<ChatSummary> {
    return this.#call("importChat", [file]);
  }

  async *chat(
    chatId: string,
    message: string,
    { signal, ...options }: ReplyOptions = {},
  ): AsyncGenerator<ReplyEvent> {
    const arrived: ReplyEvent[] = [];
    let wake = () => {};
    let failure: { error: unknown } | undefined;
    let isOver = false;
    // The caller's abort ends the reply, and so does leaving the loop.
    const stop = new AbortController();
    const forward = () => stop.abort(signal?.reason);
    if (signal?.aborted) forward();
    signal?.addEventListener("abort", forward);
    const call = this.#call("chat", [chatId, message, options], {
      signal: stop.signal,
      endsItself: true,
      onEvent(event) {
        arrived.push(event);
        wake();
      },
    });
    call
      .catch((error: unknown) => (failure = { error }))
      .finally(() => {
        isOver = true;
        wake();
      });
    try {
      while (true) {
        const event = arrived.shift();
        if (event) yield event;
        else if (failure) throw failure.error;
        else if (isOver) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      signal?.removeEventListener("abort", forward);
      if (!isOver) stop.abort();
    }
  }

  showVersion(chatId: string, roundId: number): Promise<ChatHistory> {
    return this.#call("showVersion", [chatId, roundId]);
  }

  deleteRound(
    chatId: string,
    roundId: number,
    options?: { isFast?: boolean },
  ): Promise<ChatHistory> {
    return this.#call("deleteRound", [chatId, roundId, options]);
  }

  moveRound(
    chatId: string,
    roundId: number,
    behind: number,
  ): Promise<ChatHistory> {
    return this.#call("moveRound", [chatId, roundId, behind]);
  }

  setSystem(chatId: string, system: string | undefined): Promise<ChatHistory> {
    return this.#call("setSystem", [chatId, system]);
  }

  attach(
    chatId: string,
    document: ChatDocument,
    { onProgress, signal }: RestoreOptions = {},
  ): Promise<AttachReport> {
    return this.#call("attach", [chatId, document], {
      signal,
      ...(onProgress && { onEvent: onProgress }),
    });
  }

  setHealing(isOn: boolean): Promise<void> {
    return this.#call("setHealing", [isOn]);
  }

  memory(options?: MemoryOptions): Promise<MemorySnapshot> {
    return this.#call("memory", [options]);
  }

  verify(
    chatId: string,
    roundId: number,
    { onProgress, signal }: VerifyOptions = {},
  ): Promise<VerifyReport> {
    return this.#call("verify", [chatId, roundId], {
      signal,
      ...(onProgress && { onEvent: onProgress }),
    });
  }

  pinRound(chatId: string, roundId: number, isPinned: boolean): Promise<void> {
    return this.#call("pinRound", [chatId, roundId, isPinned]);
  }

  evictRound(chatId: string, roundId: number): Promise<void> {
    return this.#call("evictRound", [chatId, roundId]);
  }

  wipeKv(chatId?: string): Promise<void> {
    return this.#call("wipeKv", [chatId]);
  }

  /** Starts the worker: what another tab does is heard also before the first call. */
  onNotice(listener: (notice: EngineNotice) => void): () => void {
    const hear = (notice: EngineNotice) => listener(notice);
    this.#listeners.add(hear);
    if (!this.#isClosed) this.#worker ??= this.#startWorker();
    return () => this.#listeners.delete(hear);
  }

  async close(): Promise<void> {
    if (this.#worker) await this.#call("close", []);
    this.#isClosed = true;
    this.#stopWorker(new Error("The engine is closed."));
  }

  /** @param endsItself an aborted call still gives its result, rather than being dropped at once */
  #call<K extends CallName>(
    call: K,
    args: Calls[K]["args"],
    {
      onEvent,
      signal,
      endsItself = false,
    }: {
      onEvent?: (event: Calls[K]["event"]) => void;
      signal?: AbortSignal | undefined;
      endsItself?: boolean;
    } = {},
  ): Promise<Calls[K]["result"]> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#post({ id, call: "abort" });
        if (endsItself) return;
        this.#open.delete(id);
        reject(signal?.reason as Error);
      };
      const settle = () => {
        this.#open.delete(id);
        signal?.removeEventListener("abort", abort);
      };
      this.#post({ id, call, args } as Request);
      this.#open.set(id, {
        onEvent: (event) => onEvent?.(event),
        resolve(result) {
          settle();
          resolve(result as Calls[K]["result"]);
        },
        reject(error) {
          settle();
          reject(error);
        },
      });
      if (signal?.aborted) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    });
  }

  #post(request: Request): void {
    if (this.#isClosed) throw new Error("The engine is closed.");
    this.#worker ??= this.#startWorker();
    this.#worker.postMessage(request);
  }

  /**
   * A worker that stops is replaced at the next call; the model must then be loaded again. Those who
   * listen hear the new one.
   */
  #startWorker(): Worker {
    const worker = this.#createWorker();
    worker.addEventListener("message", ({ data }: MessageEvent<Response>) =>
      this.#take(data),
    );
    worker.addEventListener("error", ({ message }) => {
      const why = message || "it could not be loaded";
      this.#stopWorker(
        new Error(`The engine's worker stopped: ${why}. Load the model again.`),
      );
    });
    return worker;
  }

  #stopWorker(error: Error): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    for (const call of [...this.#open.values()]) call.reject(error);
  }

  #take(response: Response): void {
    if (response.type === "notice") {
      for (const listener of [...this.#listeners]) listener(response.notice);
      return;
    }
    const call = this.#open.get(response.id);
    if (!call) return; // aborted meanwhile
    switch (response.type) {
      case "event":
        return call.onEvent(response.event);
      case "result":
        return call.resolve(response.result);
      case "error":
        return call.reject(fromWire(response.error));
      default:
        response satisfies never;
    }
  }
}

/** The source as the worker, whose own address is another one, finds it. */
function fromPage(source: ModelSource): ModelSource {
  if (typeof source !== "string" || hubName(source)) return source;
  return new URL(source, globalThis.location?.href).href;
}

function hubFromPage<Options extends PlanOptions>(options: Options): Options {
  const { hubUrl } = options;
  if (hubUrl === undefined) return options;
  return {
    ...options,
    hubUrl: new URL(hubUrl, globalThis.location?.href).href,
  };
}

/** In the built library, `worker.js` lies beside what imports this. */
function engineWorker(): Worker {
  const here = import.meta.url;
  if (isElsewhere(here))
    return workerElsewhere(new URL("./worker.js", here).href, "rondo engine");
  return new Worker(new URL("./worker.ts", import.meta.url), {
    type: "module",
    name: "rondo engine",
  });
}
