/**
 * Loading a model. A load can be paused, which aborts it and keeps its downloads, or cancelled, which goes back to
 * the previous model. While the new one is downloaded, the previous one answers.
 *
 *   idle ──> loading ──> ready ──> loading another ──> …
 *             │   ▲ └──> failed, unavailable
 *             ▼   │
 *            paused
 */
import type { ChatEngine } from "../../../engine/api/chat-engine";
import type { LoadProgress, ModelInfo } from "../../../engine/api/models";
import { deviceName } from "../../../model/hub/device-name";
import { hubName } from "../../../model/hub/hub-name";
import { asError } from "../../base/as-error";
import { engineOptions, idOfSource, type ModelRequest } from "./model-request";
import { noteLoading } from "./remembered-model";

/** State of the model: none requested, loading, paused, ready, failed, or no WebGPU. */
export type ChatState =
  "idle" | "loading" | "paused" | "ready" | "failed" | "unavailable";

export interface LoadingHost {
  /**
   * No model answers from now on, until the next one is ready.
   *
   * @param isAtOnce the next one was not downloaded first
   */
  left(isAtOnce: boolean): void;
  /** The progress has changed. */
  redraw(): void;
  /** The state has changed. */
  entered(state: ChatState): void;
  failed(error: Error): void;
}

export class ModelLoading {
  readonly #host: LoadingHost;
  #loading = new AbortController();
  /** Whether the upload to the GPU has begun and is noted. */
  #isOnItsWay = false;
  /** The model before the current request. */
  #before: ModelRequest | undefined;

  state: ChatState = "idle";
  /** The model requested last; loaded once ready. */
  request: ModelRequest | undefined;
  /** The model that answers. */
  answering: ModelRequest | undefined;
  /** While loading, and while paused. */
  progress: LoadProgress | undefined;
  /** What is known of the model that answers: once ready, and while another is downloaded. */
  model: ModelInfo | undefined;
  /** Why the model could not be loaded. */
  error: Error | undefined;
  /** The hub's URL, where it is not the default. */
  hubUrl: string | undefined;
  /** Memory budget of the next load. */
  memoryBudgetBytes: number | undefined;
  /** Memory budget of the last load. */
  #loadedBudgetBytes: number | undefined;

  constructor(host: LoadingHost) {
    this.#host = host;
  }

  /** Whether cancelling returns to another model. */
  get hasBefore(): boolean {
    return this.#before !== undefined && this.#before !== this.request;
  }

  /** The loaded model as the engine names it in rounds: by its file where a name can mean several. */
  get modelName(): string | undefined {
    const id = idOfSource(this.answering?.source ?? "");
    return deviceName(id) ?? (hubName(id) ? id : this.model?.name);
  }

  /** The file that the chosen model needs and that is not on this device. */
  get wantedFile(): string | undefined {
    const { error, request, state } = this;
    if (state !== "failed" || error?.name !== "ModelFetchError")
      return undefined;
    const { source } = request ?? {};
    return typeof source === "string" ? deviceName(source) : undefined;
  }

  /** Whether the memory budget has changed since the model was loaded. */
  get hasNewBudget(): boolean {
    const isNew = this.memoryBudgetBytes !== this.#loadedBudgetBytes;
    return this.state === "ready" && isNew;
  }

  async load(engine: ChatEngine, request: ModelRequest): Promise<void> {
    if (this.state === "ready" && request !== this.request)
      this.#before = this.request;
    this.#loading.abort();
    if (this.#isOnItsWay) this.#note("replaced");
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    this.request = request;
    this.progress = this.error = undefined;
    this.#enter("loading");
    let isAtOnce = true;
    const replaced = () => {
      if (this.model === undefined) return;
      this.leave();
      this.#host.left(isAtOnce);
    };
    const onProgress = (progress: LoadProgress) => {
      if (signal.aborted) return;
      if (progress.phase === "download") isAtOnce = false;
      else replaced();
      // Pages crash while weights are uploaded, not while files are downloaded.
      if (progress.phase === "weights" && !this.#isOnItsWay)
        this.#note("begun");
      this.progress = progress;
      this.#host.redraw();
    };
    try {
      const options = engineOptions(request, this);
      this.#loadedBudgetBytes = this.memoryBudgetBytes;
      const model = await engine.load(request.source, {
        ...options,
        onProgress,
        signal,
      });
      if (signal.aborted) return;
      replaced();
      this.model = model;
      this.#before = undefined;
      // A reload, for example after the GPU was lost, does not check for updates again.
      this.request = this.answering = {
        ...request,
        options: { ...request.options, refresh: false },
      };
      this.#enter("ready");
    } catch (thrown) {
      if (signal.aborted) return;
      const error = asError(thrown);
      this.#fail(error);
      this.#host.failed(error);
    } finally {
      // If another load has begun, the note belongs to that one.
      if (signal === this.#loading.signal) this.#note("over");
    }
  }

  /** Does not load a model that crashed the page, until the user asks again. */
  hold(request: ModelRequest): void {
    this.request = request;
    this.#note("over");
    this.fail(
      new Error(
        "The page crashed twice while loading this model: it may be too large for this device. Load it again, or choose a smaller one.",
      ),
    );
  }

  /** Downloaded parts stay on this device. */
  pause(): void {
    if (this.state !== "loading") return;
    this.#loading.abort();
    this.#enter("paused");
  }

  /** Cancels the load. Returns the previous model, if any: to be loaded again, unless it answers still. */
  giveUp(): ModelRequest | undefined {
    this.#loading.abort();
    if (this.model === undefined && this.#before !== undefined)
      return this.#before;
    this.request = this.answering;
    this.progress = this.error = undefined;
    this.#enter(this.model === undefined ? "idle" : "ready");
    return this.request;
  }

  /** No model answers any more. */
  leave(): void {
    this.model = this.answering = undefined;
  }

  /** The model was lost, or must not be loaded. */
  fail(error: Error): void {
    this.leave();
    this.#fail(error);
  }

  /** A model that answers is still there. */
  #fail(error: Error): void {
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
