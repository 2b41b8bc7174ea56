/**
 * Where the model stands: asked for, coming, there, or not loadable. A load can be paused, which ends it
 * and keeps what it has fetched, and given up, which goes back to the model that was there before.
 *
 *   idle ──> loading ──> ready ──> loading another ──> …
 *             │   ▲ └──> failed, unavailable
 *             ▼   │
 *            paused
 */
import type { ChatEngine } from "../../../engine/api/chat-engine";
import type { LoadProgress, ModelInfo } from "../../../engine/api/models";
import { asError } from "../../base/as-error";
import { engineOptions, type ModelWish } from "./model-request";
import { noteLoading } from "./remembered-model";

/** Where the model stands: none asked for, coming, held by the user, there, not loadable, or no WebGPU for it. */
export type ChatState =
  "idle" | "loading" | "paused" | "ready" | "failed" | "unavailable";

export interface LoadingHost {
  /** How far it is has changed. */
  redraw(): void;
  /** Where it stands has changed. */
  entered(state: ChatState): void;
  failed(error: Error): void;
}

export class ModelLoading {
  readonly #host: LoadingHost;
  #loading = new AbortController();
  /** Whether the load's model is on its way to the GPU, and noted to be. */
  #isOnItsWay = false;
  /** What was there before another was asked for. */
  #before: ModelWish | undefined;

  state: ChatState = "idle";
  /** What was asked for last, and is there once ready. */
  wish: ModelWish | undefined;
  /** While loading, and while paused. */
  progress: LoadProgress | undefined;
  /** Once ready. */
  model: ModelInfo | undefined;
  /** Why the model is not there. */
  error: Error | undefined;
  /** Another hub than the usual one. */
  hubUrl: string | undefined;
  /** What the next load may take for the chats' memory. */
  memoryBudgetBytes: number | undefined;
  /** What the last one was told. */
  #loadedBudgetBytes: number | undefined;

  constructor(host: LoadingHost) {
    this.#host = host;
  }

  /** Whether there is a model to go back to. */
  get hasBefore(): boolean {
    return this.#before !== undefined && this.#before !== this.wish;
  }

  /** Whether the memory budget is another one since the model was loaded. */
  get hasNewBudget(): boolean {
    const isNew = this.memoryBudgetBytes !== this.#loadedBudgetBytes;
    return this.state === "ready" && isNew;
  }

  async load(engine: ChatEngine, wish: ModelWish): Promise<void> {
    if (this.state === "ready" && wish !== this.wish) this.#before = this.wish;
    this.#loading.abort();
    if (this.#isOnItsWay) this.#note("replaced");
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    this.wish = wish;
    this.progress = this.model = this.error = undefined;
    this.#enter("loading");
    const onProgress = (progress: LoadProgress) => {
      if (signal.aborted) return;
      // Whatever takes the page with it happens on the GPU, not while files are fetched.
      if (progress.phase === "weights" && !this.#isOnItsWay)
        this.#note("begun");
      this.progress = progress;
      this.#host.redraw();
    };
    try {
      const options = engineOptions(wish, this);
      this.#loadedBudgetBytes = this.memoryBudgetBytes;
      const model = await engine.load(wish.source, {
        ...options,
        onProgress,
        signal,
      });
      if (signal.aborted) return;
      this.model = model;
      this.#before = undefined;
      // Loaded once more, say after the GPU was taken away, it is the same one.
      this.wish = { ...wish, options: { ...wish.options, refresh: false } };
      this.#enter("ready");
    } catch (thrown) {
      if (signal.aborted) return;
      const error = asError(thrown);
      this.fail(error);
      this.#host.failed(error);
    } finally {
      // By now another may be loading: the note is that one's.
      if (signal === this.#loading.signal) this.#note("over");
    }
  }

  /** Does not load what has ended the page before, until it is asked for once more. */
  hold(wish: ModelWish): void {
    this.wish = wish;
    this.#note("over");
    this.fail(
      new Error(
        "The page crashed twice while loading this model: it may be too large for this device. Load it again, or choose a smaller one.",
      ),
    );
  }

  /** What was fetched so far stays on this device. */
  pause(): void {
    if (this.state !== "loading") return;
    this.#loading.abort();
    this.#enter("paused");
  }

  /** Ends the load; returns the model to go back to, if there was one before. */
  giveUp(): ModelWish | undefined {
    this.#loading.abort();
    if (this.#before !== undefined) return this.#before;
    this.wish = this.progress = this.error = undefined;
    this.#enter("idle");
    return undefined;
  }

  /** The model is not there, or no more. */
  fail(error: Error): void {
    const isUnavailable = error.name === "WebGpuUnavailableError";
    this.error = error;
    this.#enter(isUnavailable ? "unavailable" : "failed");
  }

  #note(what: Parameters<typeof noteLoading>[0]): void {
    this.#isOnItsWay = what === "begun";
    noteLoading(what);
  }

  #enter(state: ChatState): void {
    this.state = state;
    this.#host.entered(state);
  }
}
