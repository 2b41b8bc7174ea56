/** An engine as WebLLM has it, in a worker of its own. */
import type { ChatEngine } from "../../engine/api/chat-engine";
import type { LoadOptions, LoadProgress } from "../../engine/api/models";
import { RemoteEngine } from "../../engine/worker/remote-engine";
import { Completions } from "../openai/completions";
import type {
  ChatCompletion,
  ChatCompletionChunk,
  CompletionRequest,
  StreamedRequest,
  WholeRequest,
} from "../openai/types";

export interface InitProgressReport {
  /** From 0 to 1, of what the text says. */
  progress: number;
  /** Seconds since loading began. */
  timeElapsed: number;
  text: string;
}

export type InitProgressCallback = (report: InitProgressReport) => void;

export interface MLCEngineConfig {
  initProgressCallback?: InitProgressCallback | undefined;
  /** How models are loaded. */
  load?: Omit<LoadOptions, "onProgress"> | undefined;
  /** Default: Rondo's engine in a worker. */
  createEngine?: (() => ChatEngine) | undefined;
}

/** The model need not be named: there is one. */
type Unnamed<Request extends CompletionRequest> = Omit<Request, "model"> & {
  model?: string;
  /** Fields that are WebLLM's own, such as `enable_thinking`. */
  extra_body?: { enable_thinking?: boolean | null } | null;
};

type Chunks = AsyncGenerator<ChatCompletionChunk, void>;

interface Create {
  (request: Unnamed<StreamedRequest>): Promise<Chunks>;
  (request: Unnamed<WholeRequest>): Promise<ChatCompletion>;
}

interface Loaded {
  engine: ChatEngine;
  completions: Completions;
  name: string;
}

export class MLCEngine {
  readonly chat: { completions: { create: Create } };
  readonly #config: MLCEngineConfig;
  #onProgress: InitProgressCallback | undefined;
  #loaded: Loaded | undefined;
  #interrupt = new AbortController();
  #message = "";

  constructor(config: MLCEngineConfig = {}) {
    this.#config = config;
    this.#onProgress = config.initProgressCallback;
    const create = (request: object) => this.#create(request);
    this.chat = { completions: { create: create as Create } };
  }

  setInitProgressCallback(callback?: InitProgressCallback): void {
    this.#onProgress = callback;
  }

  getInitProgressCallback(): InitProgressCallback | undefined {
    return this.#onProgress;
  }

  /**
   * Loads a model, and releases the one before.
   *
   * @param modelId as `ChatEngine.load` takes it: a name on the hub, an address
   * @throws as `ChatEngine.load` does
   */
  async reload(modelId: string): Promise<void> {
    const { createEngine = () => new RemoteEngine(), load } = this.#config;
    const start = performance.now();
    const report = (progress: number, text: string) => {
      const timeElapsed = Math.round((performance.now() - start) / 1000);
      this.#onProgress?.({ progress, timeElapsed, text });
    };
    const engine = this.#loaded?.engine ?? createEngine();
    try {
      const { name } = await engine.load(modelId, {
        ...load,
        onProgress: (progress) => report(...partOf(progress)),
      });
      const completions = new Completions(engine, { model: modelId });
      this.#loaded = { engine, completions, name: modelId };
      report(1, `${name} is loaded.`);
    } catch (error) {
      this.#loaded = undefined;
      await engine.close();
      throw error;
    }
  }

  /** Releases the model, its GPU and its worker. `reload` brings it back. */
  async unload(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    this.interruptGenerate();
    await loaded?.engine.close();
  }

  /** Ends replies that are running: they keep the text so far, with the finish reason `abort`. */
  interruptGenerate(): void {
    this.#interrupt.abort();
    this.#interrupt = new AbortController();
  }

  /** Forgets the last reply. Nothing else is to be reset: each request says what the model reads. */
  async resetChat(): Promise<void> {
    this.interruptGenerate();
    this.#message = "";
  }

  /** The last reply, as far as it was said. */
  async getMessage(): Promise<string> {
    return this.#message;
  }

  async #create({
    extra_body,
    ...request
  }: Partial<Unnamed<CompletionRequest>>): Promise<ChatCompletion | Chunks> {
    if (this.#loaded === undefined)
      throw new Error("No model is loaded: call reload() first.");
    const { completions, name } = this.#loaded;
    const streamed = {
      model: name,
      ...request,
      ...extra_body,
    };
    const interrupt = this.#interrupt.signal;
    const made = await completions.answer(streamed, { interrupt });
    this.#message = "";
    if (!("object" in made)) return this.#listening(made);
    this.#message = made.choices[0].message.content ?? "";
    return made;
  }

  async *#listening(chunks: Chunks): Chunks {
    for await (const chunk of chunks) {
      this.#message += chunk.choices[0]?.delta.content ?? "";
      yield chunk;
    }
  }
}

function partOf({
  phase,
  loadedBytes,
  totalBytes,
}: LoadProgress): [progress: number, text: string] {
  if (totalBytes === 0) return [0, `${phase}…`];
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0);
  return [
    loadedBytes / totalBytes,
    `${phase}: ${megabytes(loadedBytes)} of ${megabytes(totalBytes)} MB`,
  ];
}
