/**
 * The engines of a page, for elements without their own. Elements that name the same model share one engine, which
 * loads it once. An unused engine stays loaded, and is the first to be given another model.
 */
import type { ChatEngine } from "../../engine/api/chat-engine";
import type {
  LoadOptions,
  LoadProgress,
  ModelInfo,
  ModelSource,
} from "../../engine/api/models";
import type { EngineNotice } from "../../engine/api/notice";

/** A user of an engine: one per element. */
export interface EngineUser {
  /** Receives the engine's notices. */
  tell(notice: EngineNotice): void;
}

export class EnginePool {
  readonly #makeEngine: () => ChatEngine;
  readonly #engines = new Set<PooledEngine>();

  constructor(makeEngine: () => ChatEngine) {
    this.#makeEngine = makeEngine;
  }

  /** An engine for calls that need no model. */
  any(user: EngineUser): PooledEngine {
    const found = this.still(undefined);
    found.users.add(user);
    return found;
  }

  /** The same engine for a former user with unfinished work; another where it has ended. */
  still(before: PooledEngine | undefined): PooledEngine {
    if (before !== undefined && this.#engines.has(before)) return before;
    const [first = this.#add()] = this.#engines;
    return first;
  }

  /** The engine that has loaded this model, or will load it. */
  for(user: EngineUser, key: string | undefined): PooledEngine {
    const all = [...this.#engines];
    const found =
      all.find((one) => key !== undefined && one.key === key) ??
      all.find(({ users }) => [...users].every((one) => one === user)) ??
      this.#add();
    found.users.add(user);
    return found;
  }

  /** Closes an engine, unless it is in use. */
  endUnused(engine: PooledEngine): void {
    if (engine.users.size > 0) return;
    this.#engines.delete(engine);
    void engine.engine.close().catch(() => {});
  }

  #add(): PooledEngine {
    const added = new PooledEngine(this.#makeEngine());
    this.#engines.add(added);
    return added;
  }
}

/** The key under which users share a model; undefined for files, which are not shared. */
export function modelKey(
  source: ModelSource,
  { hubUrl, weightBits, contextTokens }: LoadOptions,
): string | undefined {
  if (typeof source !== "string") return undefined;
  return JSON.stringify([source, hubUrl, weightBits, contextTokens]);
}

/** An engine, its users, and which of them has which chat open. */
export class PooledEngine {
  readonly engine: ChatEngine;
  readonly users = new Set<EngineUser>();
  /** The user that may write a chat, by chat id. */
  readonly holders = new Map<string, EngineUser>();
  #load: SharedLoad | undefined;

  constructor(engine: ChatEngine) {
    this.engine = engine;
  }

  /** The model that is loaded or loading. */
  get key(): string | undefined {
    return this.#load?.key;
  }

  /** Whether `user` already got this model here: asking again means reloading it. */
  hasServed(user: EngineUser): boolean {
    return this.#load?.served.has(user) ?? false;
  }

  /** Ends `user`'s use. When it returns, it finds whatever is loaded then. */
  release(user: EngineUser): void {
    this.users.delete(user);
    this.#load?.served.delete(user);
  }

  /** Joins a load of the same model, or starts one. */
  load(
    user: EngineUser,
    key: string | undefined,
    source: ModelSource,
    options: LoadOptions,
  ): Promise<ModelInfo> {
    const isThere = key !== undefined && this.#load?.key === key;
    if (!isThere || options.refresh || this.hasServed(user))
      this.#begin(key, source, options);
    return this.#load!.join(user, options);
  }

  #begin(
    key: string | undefined,
    source: ModelSource,
    options: LoadOptions,
  ): void {
    const load = new SharedLoad(key, (shared) =>
      this.engine.load(source, { ...options, ...shared }),
    );
    const before = this.#load;
    this.#load = load;
    const forget = () => {
      // A download that fails leaves the model before where it was.
      if (this.#load === load)
        this.#load = load.isOnlyDownloaded ? before : undefined;
    };
    load.outcome.catch(forget);
  }
}

/** One load that several users wait for. Aborted when the last of them gives up. */
class SharedLoad {
  /** Undefined once it is aborted. */
  key: string | undefined;
  readonly outcome: Promise<ModelInfo>;
  readonly served = new WeakSet<EngineUser>();
  readonly #ending = new AbortController();
  readonly #waiting = new Set<LoadOptions>();
  #progress: LoadProgress | undefined;

  /** Whether the engine has done no more than download. */
  get isOnlyDownloaded(): boolean {
    return this.#progress?.phase === "download";
  }

  constructor(
    key: string | undefined,
    load: (
      options: Required<Pick<LoadOptions, "onProgress">> & LoadOptions,
    ) => Promise<ModelInfo>,
  ) {
    this.key = key;
    this.outcome = load({
      signal: this.#ending.signal,
      onProgress: (progress) => {
        this.#progress = progress;
        for (const { onProgress } of this.#waiting) onProgress?.(progress);
      },
    });
  }

  async join(user: EngineUser, options: LoadOptions): Promise<ModelInfo> {
    const { onProgress, signal } = options;
    this.served.add(user);
    this.#waiting.add(options);
    if (this.#progress) onProgress?.(this.#progress);
    let giveUp = () => {};
    const givenUp = new Promise<never>((_, reject) => {
      giveUp = () => reject(signal?.reason as Error);
      signal?.addEventListener("abort", giveUp);
      if (signal?.aborted) giveUp();
    });
    try {
      return await Promise.race([this.outcome, givenUp]);
    } finally {
      signal?.removeEventListener("abort", giveUp);
      this.#waiting.delete(options);
      // A user that gave up and asks again joins the others.
      if (signal?.aborted) this.served.delete(user);
      if (signal?.aborted && this.#waiting.size === 0) {
        this.key = undefined;
        this.#ending.abort(signal.reason);
      }
    }
  }
}
