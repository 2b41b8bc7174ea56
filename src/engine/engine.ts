/** The engine itself: one model, many chats, one turn at a time. Needs only a GPU; runs in a worker, a page or Node. */
import { Gpu } from "../gpu/gpu";
import { ReadbackRing } from "../gpu/readback";
import { chatLayout } from "../model/chat-layout";
import { type ChatTokens, chatTokens } from "../model/chat-tokens";
import { destroyModel, loadModel, type Model } from "./model";
import { fetchedFiles, type ModelFiles } from "../model/model-files";
import { DeviceLostError } from "../util/errors";
import type { NetworkOptions } from "./network";
import type {
  ChatEngine,
  ChatOptions,
  LoadOptions,
  MemorySnapshot,
  ModelInfo,
  ReplyEvent,
  ReplyOptions,
} from "./chat-engine";
import { Conversation } from "./conversation";
import { Runner } from "./runner";
import { samplerSettings } from "./sampler-settings";
import { TaskQueue } from "./task-queue";
import { givePages, runTurn, type TurnContext } from "./turn";

export interface EngineOptions {
  /** Default: the platform's navigator.gpu. */
  gpu?: GPU | undefined;
  /** How a model's folder is read. Default: by fetch. */
  openFiles?: (url: string) => ModelFiles;
  network?: Pick<NetworkOptions, "kvFormat" | "kvBudgetBytes" | "watershed">;
}

/** A loaded model and what turns need beside it. */
interface Session {
  gpu: Gpu;
  model: Model;
  runner: Runner;
  ring: ReadbackRing;
}

interface Chat {
  conversation: Conversation;
  tokens: ChatTokens;
}

/** Slots for tokens on their way back: two steps in flight, and one being read. */
const RING_SLOTS = 3;
const DEFAULT_MAX_TOKENS = 1024;

export class Engine implements ChatEngine {
  readonly #options: EngineOptions;
  readonly #queue = new TaskQueue();
  /** Least recently used first. */
  readonly #chats = new Map<string, Chat>();
  #session: Session | undefined;
  /** Where the model came from: chats are of one model, and go with it. */
  #url: string | undefined;

  constructor(options: EngineOptions = {}) {
    this.#options = options;
  }

  load(url: string, options: LoadOptions = {}): Promise<ModelInfo> {
    return this.#queue.run(async () => {
      if (url !== this.#url) this.#chats.clear();
      this.#url = url;
      const session = await this.#open(url, options);
      return modelInfo(session);
    });
  }

  async createChat({ system }: ChatOptions = {}): Promise<string> {
    const { model } = this.#loaded();
    const { tokenizer, template } = model;
    const layout = chatLayout(template, { system, markers: tokenizer.markers });
    const tokens = chatTokens(tokenizer, layout);
    const conversation = new Conversation(crypto.randomUUID(), system);
    conversation.add(tokens.prefix);
    this.#chats.set(conversation.id, { conversation, tokens });
    return conversation.id;
  }

  deleteChat(chatId: string): Promise<void> {
    return this.#queue.run(async () => {
      const { conversation } = this.#chat(chatId);
      this.#chats.delete(chatId);
      // Without a model its pages are gone already.
      if (this.#session) conversation.drop(this.#session.runner.cache);
    });
  }

  async *chat(
    chatId: string,
    message: string,
    options: ReplyOptions = {},
  ): AsyncGenerator<ReplyEvent, void> {
    const leave = await this.#queue.enter();
    try {
      // A turn that loses its device before anyone has seen a word of it begins again with a new one.
      for (let mayBeginAgain = true; ; mayBeginAgain = false) {
        await this.#recover();
        try {
          for await (const event of this.#turn(chatId, message, options)) {
            if (event.type !== "prefill") mayBeginAgain = false;
            yield event;
          }
          return;
        } catch (error) {
          if (!mayBeginAgain || !(error instanceof DeviceLostError))
            throw error;
        }
      }
    } finally {
      leave();
      // The round's last tokens get their KV while the user reads.
      void this.#queue.run(() => this.#settle(chatId));
    }
  }

  async memory(): Promise<MemorySnapshot> {
    const { gpu, runner } = this.#loaded();
    const pool = (half: "lower" | "upper") => ({
      pageCount: runner.cache[half].pool.pageCount,
      freePages: runner.cache[half].pool.freePages,
      bytesPerPage: runner.cache[half].pageBytes,
    });
    return {
      bytes: { ...gpu.ledger.bytes },
      peakBytes: gpu.ledger.peakBytes,
      lower: pool("lower"),
      upper: pool("upper"),
    };
  }

  close(): Promise<void> {
    return this.#queue.run(async () => this.#release());
  }

  #turn(
    chatId: string,
    message: string,
    { sampler, maxTokens = DEFAULT_MAX_TOKENS, signal }: ReplyOptions,
  ): AsyncGenerator<ReplyEvent, void> {
    const { generation, tokenizer } = this.#loaded().model;
    const { conversation, tokens } = this.#chat(chatId);
    const isFirst = conversation.rounds.length === 1;
    // A model whose files name no stop token ends with what its template ends a reply with.
    const [closing] = tokens.close;
    const marks = closing !== undefined && !tokenizer.isText(closing);
    return runTurn(this.#turnContext(conversation), {
      openTokens: tokens.open(message, { isFirst }),
      closeTokens: tokens.close,
      stopTokens: new Set([
        ...generation.eosTokenIds,
        ...(marks ? [closing] : []),
      ]),
      sampler: samplerSettings(generation.sampler, sampler),
      maxTokens: Math.max(1, maxTokens),
      signal,
    });
  }

  async #open(
    url: string,
    { onProgress, signal }: LoadOptions,
  ): Promise<Session> {
    signal?.throwIfAborted();
    this.#release();
    onProgress?.({ phase: "adapter", loadedBytes: 0, totalBytes: 0 });
    const { gpu: platform, openFiles = fetchedFiles, network } = this.#options;
    const gpu = await Gpu.open(platform);
    try {
      const model = await loadModel(gpu, openFiles(url), {
        ...network,
        signal,
        ...(onProgress && { onProgress }),
      });
      const { llama, cache } = model.network;
      const runner = new Runner(gpu, llama, cache);
      const ring = new ReadbackRing(gpu, RING_SLOTS);
      this.#session = { gpu, model, runner, ring };
      return this.#session;
    } catch (error) {
      gpu.destroy();
      throw await gpu.causeOf(error);
    }
  }

  /** A device that was lost is replaced: the chats' tokens are here, and their KV is computed again. */
  async #recover(): Promise<void> {
    const isThere = this.#session && !this.#session.gpu.isLost;
    if (!isThere && this.#url !== undefined) await this.#open(this.#url, {});
  }

  #loaded(): Session {
    if (!this.#session)
      throw new Error("No model is loaded: call load() first.");
    return this.#session;
  }

  /** The chat, as the most recently used one from now on. */
  #chat(chatId: string): Chat {
    const chat = this.#chats.get(chatId);
    if (!chat) throw new RangeError(`There is no chat ${chatId}.`);
    this.#chats.delete(chatId);
    this.#chats.set(chatId, chat);
    return chat;
  }

  #turnContext(conversation: Conversation): TurnContext {
    const { model, runner, ring } = this.#loaded();
    return {
      runner,
      ring,
      conversation,
      tokenizer: model.tokenizer,
      contextTokens: model.network.config.maxPositionEmbeddings,
      makeRoom: (pages) => this.#makeRoom(conversation, pages),
    };
  }

  /** Pages for a chat, taken from the least recently used others where the budget is spent. */
  async #makeRoom(conversation: Conversation, pages: number): Promise<void> {
    const { cache } = this.#loaded().runner;
    for (const { conversation: other } of this.#chats.values()) {
      if (cache.canReserve(pages)) break;
      if (other !== conversation) other.drop(cache);
    }
    await cache.reserve(pages);
  }

  async #settle(chatId: string): Promise<void> {
    const chat = this.#chats.get(chatId);
    if (!chat || !this.#session || chat.conversation.pendingTokens === 0)
      return;
    try {
      const context = this.#turnContext(chat.conversation);
      await givePages(context);
      const placed = chat.conversation.placed();
      for await (const _ of context.runner.prefill(placed)) void _;
    } catch {
      // Nothing is lost: the next turn prefills what is missing, and says what is wrong.
    }
  }

  /** Gives all memory back. Chats keep their tokens; their KV is computed again when needed. */
  #release(): void {
    if (!this.#session) return;
    const { gpu, model, ring } = this.#session;
    this.#session = undefined;
    for (const { conversation } of this.#chats.values())
      conversation.forgetPages();
    ring.destroy();
    destroyModel(gpu, model);
    gpu.destroy();
  }
}

function modelInfo({ gpu, model }: Session): ModelInfo {
  const { config, weights, cache } = model.network;
  const { vendor, architecture, description } = gpu.info;
  return {
    name: model.name,
    architecture: config.architecture,
    parameterCount: weights.parameterCount,
    layerCount: config.numHiddenLayers,
    contextTokens: config.maxPositionEmbeddings,
    weightBytes: weights.bytes,
    kvBytesPerToken: cache.tokenBytes,
    device: { vendor, architecture, description, isSoftware: gpu.isSoftware },
  };
}
