/** The Prompt API's `LanguageModel` over an engine in this page. */
import type { ChatEngine } from "../../engine/api/chat-engine";
import type { LoadOptions, ModelSource } from "../../engine/api/models";
import { abortable } from "../../util/abortable";
import { StatelessChats } from "../chats/stateless-chats";
import { isSupported, notSupported, readInitial, readTools } from "./input";
import { Session } from "./session";
import type { Availability, CoreOptions, CreateOptions } from "./types";

export interface LanguageModelOptions {
  /** Loaded by the first `create`, unless the engine has a model. Default: what is loaded by then. */
  model?: ModelSource | undefined;
  /** How it is loaded. */
  load?: Omit<LoadOptions, "onProgress" | "signal"> | undefined;
  /** How many chats are kept at most for sessions. Default 32. */
  mostChats?: number | undefined;
}

const OWNER = "rondo/prompt-api";
const MOST_CHATS = 32;

/** What pages call `LanguageModel`: its static methods. */
export class LanguageModelFace {
  readonly #engine: ChatEngine;
  readonly #options: LanguageModelOptions;
  readonly #chats: StatelessChats;
  #loading: Promise<unknown> | undefined;

  constructor(engine: ChatEngine, options: LanguageModelOptions = {}) {
    this.#engine = engine;
    this.#options = options;
    const { mostChats = MOST_CHATS } = options;
    this.#chats = new StatelessChats(engine, { owner: OWNER, mostChats });
  }

  availability = async (options: CoreOptions = {}): Promise<Availability> => {
    if (!isSupported(options)) return "unavailable";
    if ((await this.#loaded()) !== undefined) return "available";
    if (this.#loading !== undefined) return "downloading";
    return this.#options.model === undefined ? "unavailable" : "downloadable";
  };

  /**
   * Loads the model where that is still to be done, and starts a session.
   *
   * @throws DOMException `NotSupportedError`, TypeError; as `ChatEngine.load`; the signal's reason
   */
  create = async (options: CreateOptions = {}): Promise<Session> => {
    const { initialPrompts, temperature, topK, signal, monitor } = options;
    signal?.throwIfAborted();
    if (!isSupported(options)) throw notSupported("More than text");
    const said = readInitial(initialPrompts);
    const tools = readTools(options.tools);
    const target = new EventTarget();
    monitor?.(target);
    await this.#load(target, signal);
    const model = await this.#loaded();
    if (model === undefined)
      throw new DOMException(
        "No model is loaded: load one, or name one when LanguageModel is made.",
        "NotSupportedError",
      );
    const sampler = {
      ...(temperature !== undefined && { temperature }),
      ...(topK !== undefined && { topK }),
    };
    const parts = {
      engine: this.#engine,
      chats: this.#chats,
      sampler,
      tools,
      contextWindow: model.contextTokens,
    };
    return new Session(parts, said);
  };

  async #loaded() {
    return (await this.#engine.memory()).model;
  }

  async #load(
    target: EventTarget,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { model, load } = this.#options;
    const tell = (loaded: number) =>
      target.dispatchEvent(
        new ProgressEvent("downloadprogress", {
          lengthComputable: true,
          loaded,
          total: 1,
        }),
      );
    if (model === undefined || (await this.#loaded()) !== undefined) return;
    tell(0);
    // The files are fetched, then read.
    let most = 0;
    this.#loading ??= this.#engine
      .load(model, {
        ...load,
        onProgress: ({ phase, loadedBytes, totalBytes }) => {
          if (phase !== "download" && phase !== "weights") return;
          const share = totalBytes > 0 ? loadedBytes / totalBytes : 0;
          if (share <= most) return;
          most = share;
          tell(share);
        },
      })
      .finally(() => (this.#loading = undefined));
    // Those who wait hear of a failure; they may all be gone.
    this.#loading.catch(() => undefined);
    await abortable(this.#loading, signal);
    tell(1);
  }
}
