/** The engine as the page sees it: forwards every call to a worker; replies stream back. */
import { deviceName } from "../../model/hub/device-name";
import { hubName } from "../../model/hub/hub-name";
import { askToPersist } from "../../store/disk-space";
import {
  isCrossOrigin,
  crossOriginWorker,
} from "../../util/cross-origin-worker";
import { trustedWorker } from "../../util/trusted-types";
import {
  CALLS,
  type CallName,
  ForwardingEngine,
  splitOptions,
} from "../api/calls";
import type { ChatEngine } from "../api/chat-engine";
import type {
  FileSource,
  KeepOptions,
  LoadOptions,
  ModelInfo,
  ModelPlan,
  ModelSource,
  PlanOptions,
  StoredModel,
} from "../api/models";
import type { EngineNotice } from "../api/notice";
import { isServerSource } from "../api/server-source";
import type { Request, Response } from "./protocol";
import { fromWire } from "./wire-error";

interface OpenCall {
  onEvent(event: unknown): void;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** How often a busy worker is asked whether it is alive. */
const PING_MS = 10_000;
/** After this many questions without an answer the worker counts as dead: something blocks it. */
const MOST_PINGS = 6;

export class RemoteEngine extends ForwardingEngine implements ChatEngine {
  readonly #createWorker: () => Worker;
  #worker: Worker | undefined;
  #isClosed = false;
  #closing: Promise<void> | undefined;
  readonly #open = new Map<number, OpenCall>();
  readonly #listeners = new Set<(notice: EngineNotice) => void>();
  #lastId = 0;
  #pinging: ReturnType<typeof setInterval> | undefined;
  #unansweredPings = 0;

  constructor(createWorker: () => Worker = engineWorker) {
    super();
    this.#createWorker = createWorker;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  override async load(
    source: ModelSource,
    options: LoadOptions = {},
  ): Promise<ModelInfo> {
    let hasAsked = false;
    const absolute = isServerSource(source)
      ? { ...source, endpoint: addressOf(source.endpoint) }
      : fromPage(source);
    return super.load(absolute, {
      ...hubFromPage(options),
      onProgress(progress) {
        // Workers cannot ask.
        if (progress.phase === "download" && !hasAsked) {
          hasAsked = true;
          void askToPersist();
        }
        options.onProgress?.(progress);
      },
    });
  }

  override async planModel(
    source: FileSource,
    options: PlanOptions = {},
  ): Promise<ModelPlan> {
    return super.planModel(fromPage(source), hubFromPage(options));
  }

  override keepModel(
    files: readonly File[],
    options?: KeepOptions,
  ): Promise<StoredModel> {
    void askToPersist();
    return super.keepModel(files, options);
  }

  /** Implements the forwarded methods. */
  forward(name: CallName, given: readonly unknown[]): unknown {
    const { args, options } = splitOptions(name, given);
    const { signal, onProgress } = options;
    if (CALLS[name].kind === "stream") return this.#stream(name, args, signal);
    return this.#call(name, args, {
      signal,
      onEvent: onProgress as ((event: unknown) => void) | undefined,
    });
  }

  /** Starts the worker, so that other tabs' changes are heard even before the first call. */
  onNotice(listener: (notice: EngineNotice) => void): () => void {
    const hear = (notice: EngineNotice) => listener(notice);
    this.#listeners.add(hear);
    if (!this.#isClosed) this.#worker ??= this.#startWorker();
    return () => this.#listeners.delete(hear);
  }

  /** Closing again waits for the same. The worker is ended whatever it answers. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    try {
      if (this.#worker) await this.#call("close", []);
    } finally {
      this.#isClosed = true;
      this.#stopWorker(new Error("The engine is closed."));
    }
  }

  async *#stream(
    name: CallName,
    args: unknown[],
    signal: AbortSignal | undefined,
  ): AsyncGenerator {
    const arrived: unknown[] = [];
    let wake = () => {};
    let failure: { error: unknown } | undefined;
    let isOver = false;
    // The caller's abort ends the stream, and so does leaving the loop.
    const stop = new AbortController();
    const forward = () => stop.abort(signal?.reason);
    if (signal?.aborted) forward();
    signal?.addEventListener("abort", forward);
    const call = this.#call(name, args, {
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
        if (arrived.length > 0) yield arrived.shift();
        else if (failure) throw failure.error;
        else if (isOver) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      signal?.removeEventListener("abort", forward);
      if (!isOver) stop.abort();
    }
  }

  /** @param endsItself whether an aborted call still gives its result, rather than being dropped at once */
  #call(
    call: CallName | "close",
    args: unknown[],
    {
      onEvent,
      signal,
      endsItself = false,
    }: {
      onEvent?: ((event: unknown) => void) | undefined;
      signal?: AbortSignal | undefined;
      endsItself?: boolean;
    } = {},
  ): Promise<void> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#post({ id, call: "abort" });
        if (endsItself) return;
        this.#settled(id);
        reject(signal?.reason as Error);
      };
      const settle = () => {
        this.#settled(id);
        signal?.removeEventListener("abort", abort);
      };
      this.#post({ id, call, args });
      this.#open.set(id, {
        onEvent: (event) => onEvent?.(event),
        resolve(result) {
          settle();
          resolve(result as undefined);
        },
        reject(error) {
          settle();
          reject(error);
        },
      });
      this.#watch();
      if (signal?.aborted) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    });
  }

  #post(request: Request): void {
    if (this.#isClosed) throw new Error("The engine is closed.");
    this.#worker ??= this.#startWorker();
    this.#worker.postMessage(request);
  }

  #settled(id: number): void {
    this.#open.delete(id);
    if (this.#open.size === 0) this.#unwatch();
  }

  /**
   * Asks the worker now and then whether it is alive, while a call waits for it. A page that sleeps asks nothing,
   * so a worker that slept with it does not count as dead.
   */
  #watch(): void {
    if (this.#pinging !== undefined) return;
    this.#unansweredPings = 0;
    this.#pinging = setInterval(() => {
      if (++this.#unansweredPings > MOST_PINGS)
        this.#stopWorker(
          new Error(
            `The engine did not respond for ${(MOST_PINGS * PING_MS) / 1000} seconds and was stopped: a model file, such as its chat template, may never end. Load the model again, or another one.`,
          ),
        );
      else this.#worker?.postMessage({ call: "ping" } satisfies Request);
    }, PING_MS);
  }

  #unwatch(): void {
    clearInterval(this.#pinging);
    this.#pinging = undefined;
  }

  /**
   * Replaces a worker that stopped, at the next call; the model must then be loaded again. Listeners hear the new
   * worker.
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
    this.#unwatch();
    this.#worker?.terminate();
    this.#worker = undefined;
    for (const call of [...this.#open.values()]) call.reject(error);
  }

  #take(response: Response): void {
    this.#unansweredPings = 0;
    if (response.type === "pong") return;
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

/** The source with addresses made absolute: the worker has another base address. */
function fromPage(source: FileSource): FileSource {
  if (
    typeof source !== "string" ||
    source === "" ||
    hubName(source) ||
    deviceName(source)
  )
    return source;
  return addressOf(source);
}

/** @throws TypeError */
function addressOf(given: string): string {
  const base = globalThis.location?.href;
  if (URL.canParse(given, base)) return new URL(given, base).href;
  throw new TypeError(`${JSON.stringify(given)} is not an address.`);
}

function hubFromPage<Options extends PlanOptions>(options: Options): Options {
  const { hubUrl } = (options as Options | null) ?? {};
  // What is no text the engine refuses.
  if (typeof hubUrl !== "string") return options;
  return { ...options, hubUrl: addressOf(hubUrl) };
}

/** In the built library, `worker.js` lies beside what imports this. */
function engineWorker(): Worker {
  const here = import.meta.url;
  if (isCrossOrigin(here))
    return crossOriginWorker(new URL("./worker.js", here).href, "rondo engine");
  return trustedWorker(
    () =>
      new Worker(new URL("./worker.ts", import.meta.url), {
        type: "module",
        name: "rondo engine",
      }),
  );
}
