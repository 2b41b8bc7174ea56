/**
 * A ChatEngine without a model, for the page's tests and its preview. It does what its script says:
 * a test holds each load and each reply in its hands and moves them on itself; the preview gives a
 * script that moves by itself.
 */
import type {
  ChatEngine,
  LoadOptions,
  MemorySnapshot,
  ModelInfo,
  Receipt,
  ReplyEvent,
  ReplyOptions,
} from "../../src/engine/chat-engine";

export const fakeModel: ModelInfo = {
  name: "rondo-tiny",
  architecture: "LlamaForCausalLM",
  parameterCount: 3_400_000,
  layerCount: 8,
  contextTokens: 2048,
  weightBytes: 6_896_400,
  kvBytesPerToken: 4096,
  device: {
    vendor: "fake",
    architecture: "none",
    description: "Fake GPU",
    isSoftware: false,
  },
};

export const fakeReceipt: Receipt = {
  finishReason: "stop",
  cachedTokens: 41,
  prefilledTokens: 23,
  replyTokens: 12,
  timeToFirstTokenMs: 210,
  decodeTokensPerSecond: 38.2,
  seed: 1,
};

/** An error as it comes out of a worker: the name says what it is. */
export function namedError(name: string, message = `${name} it is.`): Error {
  return Object.assign(new Error(message), { name });
}

/** A load in a test's hands. */
export class FakeLoad {
  readonly url: string;
  readonly options: LoadOptions;
  readonly outcome: Promise<ModelInfo>;
  finish!: (model?: ModelInfo) => void;
  fail!: (error: Error) => void;

  constructor(url: string, options: LoadOptions = {}) {
    this.url = url;
    this.options = options;
    this.outcome = new Promise((resolve, reject) => {
      this.finish = (model = fakeModel) => resolve(model);
      this.fail = reject;
    });
    const { signal } = options;
    signal?.addEventListener("abort", () => this.fail(signal.reason as Error));
  }

  weights(loadedBytes: number, totalBytes: number): void {
    this.options.onProgress?.({ phase: "weights", loadedBytes, totalBytes });
  }
}

/** A reply in a test's hands. An abort ends it as the engine would, with what was said so far. */
export class FakeReply implements AsyncIterable<ReplyEvent> {
  readonly chatId: string;
  readonly message: string;
  readonly signal: AbortSignal | undefined;
  #steps: (ReplyEvent | Error)[] = [];
  #wake = () => {};

  constructor(chatId: string, message: string, options: ReplyOptions = {}) {
    this.chatId = chatId;
    this.message = message;
    this.signal = options.signal;
    this.signal?.addEventListener("abort", () =>
      this.end({ finishReason: "aborted" }),
    );
  }

  prefill(doneTokens: number, totalTokens: number): void {
    this.#push({ type: "prefill", doneTokens, totalTokens });
  }

  text(text: string): void {
    this.#push({ type: "text", text });
  }

  end(receipt: Partial<Receipt> = {}): void {
    this.#push({ type: "end", receipt: { ...fakeReceipt, ...receipt } });
  }

  fail(error: Error): void {
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

/** Called with each load and reply as it begins. */
export interface FakeScript {
  load?: (load: FakeLoad) => void | Promise<void>;
  reply?: (reply: FakeReply) => void | Promise<void>;
}

export class FakeEngine implements ChatEngine {
  readonly loads: FakeLoad[] = [];
  readonly replies: FakeReply[] = [];
  readonly deletedChats: string[] = [];
  readonly #script: FakeScript;
  #chatCount = 0;

  constructor(script: FakeScript = {}) {
    this.#script = script;
  }

  load(url: string, options?: LoadOptions): Promise<ModelInfo> {
    const load = new FakeLoad(url, options);
    this.loads.push(load);
    void this.#script.load?.(load);
    return load.outcome;
  }

  createChat(): Promise<string> {
    return Promise.resolve(`chat ${++this.#chatCount}`);
  }

  deleteChat(chatId: string): Promise<void> {
    this.deletedChats.push(chatId);
    return Promise.resolve();
  }

  chat(
    chatId: string,
    message: string,
    options?: ReplyOptions,
  ): AsyncIterable<ReplyEvent> {
    const reply = new FakeReply(chatId, message, options);
    this.replies.push(reply);
    void this.#script.reply?.(reply);
    return reply;
  }

  memory(): Promise<MemorySnapshot> {
    return Promise.reject(new Error("The fake engine has no memory."));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A script that loads in steps and answers `text` word by word. */
export function selfMoving(text: string, delayMs: number): FakeScript {
  const pause = () => new Promise((resolve) => setTimeout(resolve, delayMs));
  return {
    load: async (load) => {
      for (let part = 0; part <= 10; part++) {
        load.weights((part / 10) * 6_896_400, 6_896_400);
        await pause();
      }
      load.finish();
    },
    reply: async (reply) => {
      for (let done = 0; done < 64; done += 16) {
        reply.prefill(done, 64);
        await pause();
      }
      for (const word of text.split(/(?<=\s)/)) {
        if (reply.signal?.aborted) return;
        reply.text(word);
        await pause();
      }
      reply.end();
    },
  };
}
