/** The engine itself: one model, many chats, one turn at a time. Needs only a GPU; runs in a worker, a page or Node. */
import { adapterLimits } from "../gpu/adapter-limits";
import { clearRound } from "../memory/round";
import type { ModelFiles } from "../model/files/model-files";
import type { ToolDefinition } from "../store/tools";
import { deviceName } from "../model/hub/device-name";
import { hubName } from "../model/hub/hub-name";
import { anySignal } from "../util/any-signal";
import { DeviceLostError } from "../util/errors";
import { lazyPart } from "../util/lazy-part";
import { TaskQueue } from "../util/task-queue";
import type { ChatEngine } from "./api/chat-engine";
import type {
  AddedMessage,
  ChatHistory,
  ChatHit,
  ChatOptions,
  ChatSummary,
  ExportOptions,
  ListOptions,
  MessageOptions,
  MessagePlace,
  RoundText,
  SearchOptions,
} from "./api/chats";
import type {
  MemoryOptions,
  RestoreOptions,
  VerifyOptions,
  VerifyReport,
} from "./api/kv-memory";
import type { MemorySnapshot } from "./api/memory-snapshot";
import type {
  FileSource,
  KeepOptions,
  StoredModel,
  LoadOptions,
  ModelInfo,
  ModelPlan,
  ModelSource,
  PlanOptions,
} from "./api/models";
import type { EngineNotice } from "./api/notice";
import { checkCalls, unknownName } from "./api/options";
import type { LocalReceipt, RestoreReport, ServerReceipt } from "./api/receipt";
import type {
  AttachReport,
  ChatDocument,
  ChatReplyOptions,
  ReplyEvent,
  ReplyOptions,
} from "./api/replies";
import type { TextWriter } from "./archive/text-writer";
import { type ChatRound, isUnanswered } from "./chat/chat-round";
import { documentRound } from "./chat/document";
import { AfterTurn } from "./idle/after-turn";
import { Healer } from "./idle/healer";
import type { LoadedModelOptions } from "./load/loaded-model";
import { part } from "./load/lazy-parts";
import { ModelHolder, notLoaded, type OpenModel } from "./load/model-holder";
import { ModelLibrary } from "./load/model-library";
import { MemoryControls } from "./memory-controls";
import { ActiveChat } from "./open/active-chat";
import {
  deleteRound,
  moveRound,
  setInstructions,
  showVersion,
} from "./open/edit-chat";
import {
  type ChatStoreOptions,
  type ChatStores,
  openChatStores,
} from "./open/open-archive";
import { noSuchChat, type OpenChat } from "./open/open-chats";
import { addRounds, placeMessage, placeRounds } from "./open/place-message";
import { newReport } from "./restore/kv-restore";
import type { ServerModel } from "./server/server-model";
import { checkReplyOptions } from "./turn/turn-request";

const openLoadedModel = part(
  async () => (await import("./running")).openLoadedModel,
);
const runPersistedTurn = lazyPart(
  async () => (await import("./running")).runPersistedTurn,
);
const chatMarkdown = lazyPart(
  async () => (await import("./chat/chat-markdown")).chatMarkdown,
);
const connectServer = lazyPart(async () => {
  const { ServerModel } = await import("./server/server-model");
  return (...args: Parameters<typeof ServerModel.connect>) =>
    ServerModel.connect(...args);
});
const runServerTurn = lazyPart(
  async () => (await import("./server/server-turn")).runServerTurn,
);
const checkFormat = lazyPart(
  async () => (await import("./reply/constrain-reply")).checkFormat,
);
const preload = lazyPart(async () => (await import("./running")).preload);

const attachDocument = lazyPart(
  async () => (await import("./turn/attach-document")).attachDocument,
);

export interface EngineOptions {
  /** Default: the platform's navigator.gpu. */
  gpu?: GPU | undefined;
  /** How a model's folder is read. Default: by fetch. */
  openFiles?: (url: string) => ModelFiles;
  /** The database's name. Default "rondo". */
  storeName?: string;
  /** How KV is stored: packed to int8, or bit for bit as it stands in the pages. Default int8. */
  storeAs?: "raw" | "int8";
  /**
   * How a model is made ready from its files. Default: on the GPU.
   *
   * @internal
   */
  openModel?: OpenModel;
  /**
   * What else than the model and its budget decides how its network is built.
   *
   * @internal
   */
  network?: LoadedModelOptions["network"];
  /**
   * How chats and their KV are kept. Default: in IndexedDB.
   *
   * @internal
   */
  openArchive?: ChatStoreOptions["openArchive"];
}

const OPTION_NAMES: Record<keyof Required<EngineOptions>, 1> = {
  gpu: 1,
  openFiles: 1,
  storeName: 1,
  storeAs: 1,
  openModel: 1,
  network: 1,
  openArchive: 1,
};

export class Engine implements ChatEngine {
  static {
    checkCalls(this.prototype);
  }

  readonly #options: EngineOptions;
  /** Queue of everything that uses the GPU. */
  readonly #queue = new TaskQueue(() => this.#checkMemory());
  readonly #closing = new AbortController();
  readonly #listeners = new Set<(notice: EngineNotice) => void>();
  #opening: Promise<ChatStores> | undefined;
  #closed: Promise<void> | undefined;
  /** Whether everything has been released. */
  #isReleased = false;
  /** Loads that are queued or running. */
  #loads = 0;
  /** The download of the load that began last. */
  #download: { source: ModelSource; stop: AbortController } | undefined;
  readonly #library: ModelLibrary;
  readonly #model: ModelHolder<ServerModel>;
  readonly #memory: MemoryControls;
  readonly #afterTurn = new AfterTurn(
    () => this.#queue.hasWaiting,
    (notice) => this.#notify(notice),
  );
  readonly #healer = new Healer(
    this.#queue,
    (chatId) => this.#activeToWrite(chatId),
    (notice) => this.#notify(notice),
  );

  constructor(options: EngineOptions = {}) {
    const unknown = unknownName(OPTION_NAMES, options);
    if (unknown !== undefined)
      throw new RangeError(
        `new Engine() has no option ${unknown.join()}. Its options are ${Object.keys(OPTION_NAMES).join(", ")}.`,
      );
    this.#options = options;
    this.#library = new ModelLibrary({
      openFolder: options.openFiles,
      storeName: options.storeName,
      limits: () => adapterLimits(options.gpu),
    });
    this.#model = new ModelHolder({
      library: this.#library,
      platform: options.gpu,
      network: options.network,
      openModel: options.openModel ?? openLoadedModel,
      connect: connectServer,
      learned: async (url) => (await this.#stores()).archive.readLearned(url),
      packed: async () => (await this.#stores()).kv.packed(),
    });
    this.#memory = new MemoryControls({
      queue: this.#queue,
      models: this.#library,
      loaded: () => this.#model.current,
      stores: () => this.#stores(),
      activate: (chatId) => this.#activate(chatId),
      active: (chatId) => this.#active(chatId),
      tell: (chatId) => this.#notifyMemory(chatId),
    });
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  async load(
    source: ModelSource,
    options: LoadOptions = {},
  ): Promise<ModelInfo> {
    this.#assertOpen();
    this.#loads++;
    const { signal, release } = this.#abortOnClose(options.signal);
    try {
      return await this.#load(source, { ...options, signal });
    } finally {
      release();
      this.#loads--;
    }
  }

  /**
   * Takes its place in the queue at once, but gives it up for a download: the model that is loaded answers meanwhile.
   * Another load ends the download.
   */
  async #load(source: ModelSource, options: LoadOptions): Promise<ModelInfo> {
    const { onProgress } = options;
    const { current, served } = this.#model;
    const answers = current !== undefined || served !== undefined;
    let place: Promise<() => void> | undefined = this.#queue.enter();
    const giveUpPlace = () => {
      void place?.then((leave) => leave());
      place = undefined;
    };
    const stop = new AbortController();
    if (this.#download && this.#download.source !== source)
      this.#download.stop.abort(
        new DOMException("Another model is loaded instead.", "AbortError"),
      );
    this.#download = { source, stop };
    const { signal, release } = anySignal([options.signal, stop.signal]);
    let replace: (options: LoadOptions) => Promise<ModelInfo>;
    try {
      replace = await this.#model.prepare(source, {
        ...options,
        signal,
        onProgress(progress) {
          if (answers) giveUpPlace();
          onProgress?.(progress);
        },
      });
    } catch (error) {
      giveUpPlace();
      throw error;
    } finally {
      release();
      if (this.#download?.stop === stop) this.#download = undefined;
    }
    // Whoever sends messages now sends them to the new model.
    onProgress?.({ phase: "adapter", loadedBytes: 0, totalBytes: 0 });
    const leave = await (place ?? this.#queue.enter());
    try {
      const info = await replace(options);
      this.#notifyMemory(undefined);
      return info;
    } finally {
      leave();
    }
  }

  planModel(source: FileSource, options?: PlanOptions): Promise<ModelPlan> {
    return this.#library.plan(source, options);
  }

  keepModel(
    files: readonly File[],
    options?: KeepOptions,
  ): Promise<StoredModel> {
    return this.#library.keep(files, options);
  }

  listModels(): Promise<StoredModel[]> {
    return this.#library.list();
  }

  deleteModel(id: string): Promise<void> {
    return this.#library.delete(id);
  }

  async countTokens(text: string): Promise<number> {
    const { current, served } = this.#model;
    if (served !== undefined)
      throw new Error(
        `${served.info.name} runs on a server, which alone knows its tokens.`,
      );
    if (current === undefined) throw notLoaded();
    return current.model.tokenizer.encodeText(text).length;
  }

  async listChats(options?: ListOptions): Promise<ChatSummary[]> {
    return (await this.#stores()).archive.list(options?.owner);
  }

  async searchChats(
    query: string,
    options?: SearchOptions,
  ): Promise<ChatHit[]> {
    return (await this.#stores()).archive.search(query, options);
  }

  async createChat(options: ChatOptions = {}): Promise<string> {
    return (await this.#stores()).chats.create(options);
  }

  async openChat(chatId: string): Promise<ChatHistory> {
    const { chats, kv } = await this.#stores();
    const { history, replaced } = await chats.open(chatId);
    // Another tab has changed the chat: its KV on this tab's GPU is useless.
    if (replaced)
      this.#inBackground(async () => {
        await kv.packed();
        this.#clear(replaced.conversation.all);
      });
    return history;
  }

  async leaveChat(chatId: string): Promise<void> {
    const { chats, kv } = await this.#stores();
    await chats.leave(chatId, () => this.#queue.run(() => kv.idle(chatId)));
  }

  async renameChat(chatId: string, title: string): Promise<void> {
    const { archive, chats } = await this.#stores();
    await archive.rename(chatId, title);
    chats.note(chatId, { title });
  }

  async deleteChat(chatId: string): Promise<void> {
    const { archive, chats, kv } = await this.#stores();
    if (!chats.get(chatId) && !(await archive.read(chatId)))
      throw noSuchChat(chatId);
    await archive.delete(chatId);
    const forget = async () => {
      // Packing pins the pages: wait before they are given back.
      await kv.packed();
      const chat = await chats.forget(chatId);
      if (chat) this.#clear(chat.conversation.all);
    };
    // A chat without pages need not wait for the GPU queue.
    await (chats.get(chatId)?.bound ? this.#queue.run(forget) : forget());
    this.#notifyMemory(chatId);
  }

  async exportChat(
    chatId: string,
    { format, withKv = false }: ExportOptions = {},
  ): Promise<Blob> {
    const { archive, chats, kv } = await this.#stores();
    if (format === "markdown") {
      const chat = await chats.find(chatId);
      if (!chat) throw noSuchChat(chatId);
      return chatMarkdown(chat.conversation, chat.summary.title);
    }
    // Wait for the queue first: a running turn has KV to store when it ends.
    await this.#queue.run(() => kv.idle(chatId));
    return archive.exportChat(chatId, { withKv });
  }

  async importChat(
    file: Blob,
    options?: { withKv?: boolean },
  ): Promise<ChatSummary> {
    const { archive } = await this.#stores();
    return (await archive.importChat(file, options)).summary;
  }

  async addMessage(
    chatId: string,
    message: string,
    options: MessageOptions = {},
  ): Promise<AddedMessage> {
    const { chats } = await this.#stores();
    const { round, isSaved } = await chats.change(chatId, (chat, text) =>
      placeMessage(chat, text, message, options),
    );
    this.#noteUse(chatId, chats);
    return { roundId: round.id, isSaved };
  }

  addRounds(
    chatId: string,
    rounds: readonly RoundText[],
    { place }: { place?: MessagePlace | undefined } = {},
  ): Promise<ChatHistory> {
    return this.#revise(chatId, async (chat, text) => {
      await placeRounds(chat, text, rounds, place);
    });
  }

  async *chat(
    chatId: string,
    message: string,
    { place, results, ...options }: ChatReplyOptions = {},
  ): AsyncGenerator<ReplyEvent<LocalReceipt | ServerReceipt>, void> {
    // Invalid options must not leave a message in the chat.
    checkReplyOptions(options);
    const { responseFormat } = options;
    // A server may know other keywords of schemas.
    if (responseFormat && !this.#model.served)
      await checkFormat(responseFormat);
    if (this.#loads === 0) this.#model.assertLoaded();
    const said = { place, results };
    const { roundId } = await this.addMessage(chatId, message, said);
    yield* this.reply(chatId, roundId, options);
  }

  async *reply(
    chatId: string,
    roundId: number,
    options: ReplyOptions = {},
  ): AsyncGenerator<ReplyEvent<LocalReceipt | ServerReceipt>, void> {
    checkReplyOptions(options);
    this.#assertOpen();
    const { chats } = await this.#stores();
    const { signal, release } = this.#abortOnClose(options.signal);
    const leave = await this.#queue.enter();
    try {
      // A turn that loses its device before its first token starts again on a new device.
      for (let mayBeginAgain = true; ; mayBeginAgain = false) {
        try {
          if (this.#model.served) {
            yield* this.#askServer(chatId, roundId, { ...options, signal });
            return;
          }
          const active = await this.#activate(chatId);
          const round = unansweredIn(active, roundId);
          round.modelName = this.#modelName() || undefined;
          const note = this.#memory.turns.begin(chatId, active.loaded.gpu);
          const turn = await runPersistedTurn(active, round, {
            ...options,
            signal,
          });
          for await (const event of turn) {
            if (event.type !== "prefill") mayBeginAgain = false;
            if (event.type === "end") note(event.receipt);
            yield event;
          }
          return;
        } catch (error) {
          if (!mayBeginAgain || !(error instanceof DeviceLostError))
            throw error;
        }
      }
    } finally {
      release();
      leave();
      this.#noteUse(chatId, chats);
      this.#notifyMemory(chatId);
      // While the user reads: KV of the round's last tokens is computed, and all of it is stored.
      this.#inBackground(() => this.#settle(chatId));
    }
  }

  async *#askServer(
    chatId: string,
    roundId: number,
    options: ReplyOptions,
  ): AsyncGenerator<ReplyEvent<ServerReceipt>, void> {
    const { text } = await this.#stores();
    const model = this.#model.served!;
    const chat = await this.#unbound(chatId);
    const round = unansweredIn(chat, roundId);
    round.modelName = model.info.name;
    const served = { ...chat, text, model };
    yield* await runServerTurn(served, round, options);
  }

  attach(
    chatId: string,
    document: ChatDocument,
    options: RestoreOptions = {},
  ): Promise<AttachReport> {
    return this.#run(options, async (options) => {
      const { chats, archive } = await this.#stores();
      if (this.#model.served) {
        const { conversation } = await this.#unbound(chatId);
        const round = documentRound(conversation, document);
        await chats.change(chatId, ({ conversation }, text) =>
          addRounds(conversation, text, [round]),
        );
        return { roundId: round.id, encodedTokens: 0, reusedTokens: 0 };
      }
      const active = await this.#activate(chatId);
      const place = {
        add: async (round: ChatRound) => {
          await chats.change(chatId, ({ conversation }, text) =>
            addRounds(conversation, text, [round]),
          );
        },
        remove: ({ id }: ChatRound) =>
          chats.change(chatId, (chat) =>
            deleteRound(chat, archive, id, { isFast: true }),
          ),
      };
      const report = await attachDocument(active, document, place, options);
      this.#notifyMemory(chatId);
      this.#healer.heal(chatId);
      return report;
    });
  }

  showVersion(chatId: string, roundId: number): Promise<ChatHistory> {
    return this.#revise(chatId, (chat, text) =>
      showVersion(chat, text, roundId),
    );
  }

  deleteRound(
    chatId: string,
    roundId: number,
    options: { isFast?: boolean } = {},
  ): Promise<ChatHistory> {
    return this.#revise(chatId, async (chat) => {
      const { archive } = await this.#stores();
      const { conversation } = chat;
      const before = [...conversation.all];
      await deleteRound(chat, archive, roundId, options);
      const left = new Set(conversation.all);
      this.#clear(before.filter((round) => !left.has(round)));
    });
  }

  moveRound(
    chatId: string,
    roundId: number,
    behind: number,
  ): Promise<ChatHistory> {
    return this.#revise(chatId, (chat, text) =>
      moveRound(chat, text, roundId, behind),
    );
  }

  setSystem(chatId: string, system: string | undefined): Promise<ChatHistory> {
    return this.#revise(chatId, (chat, text) =>
      setInstructions(chat, text, { system: system || undefined }),
    );
  }

  setTools(
    chatId: string,
    tools: readonly ToolDefinition[] | undefined,
  ): Promise<ChatHistory> {
    return this.#revise(chatId, (chat, text) =>
      setInstructions(chat, text, { tools }),
    );
  }

  restoreChat(
    chatId: string,
    options: RestoreOptions = {},
  ): Promise<RestoreReport> {
    return this.#run(options, async ({ onProgress, signal }) => {
      const report = newReport();
      if (this.#model.served) return report;
      const active = await this.#activate(chatId);
      for await (const progress of await preload(active.context, report)) {
        onProgress?.(progress);
        signal.throwIfAborted();
      }
      active.conversation.preloaded = report;
      active.storeKv();
      this.#notifyMemory(chatId);
      this.#healer.heal(chatId);
      return report;
    });
  }

  async setHealing(isOn: boolean): Promise<void> {
    const goesOn = isOn && !this.#afterTurn.calibrates;
    this.#afterTurn.calibrates = isOn;
    this.#healer.setEnabled(isOn);
    if (!goesOn) return;
    const { lastId } = (await this.#stores()).chats;
    if (lastId !== undefined) this.#inBackground(() => this.#settle(lastId));
  }

  memory(options?: MemoryOptions): Promise<MemorySnapshot> {
    return this.#memory.memory(options);
  }

  async verify(
    chatId: string,
    roundId: number,
    options: VerifyOptions = {},
  ): Promise<VerifyReport> {
    const { signal, release } = this.#abortOnClose(options.signal);
    try {
      return await this.#memory.verify(chatId, roundId, { ...options, signal });
    } finally {
      release();
    }
  }

  pinRound(chatId: string, roundId: number, isPinned: boolean): Promise<void> {
    return this.#memory.pinRound(chatId, roundId, isPinned);
  }

  evictRound(chatId: string, roundId: number): Promise<void> {
    return this.#memory.evictRound(chatId, roundId);
  }

  wipeKv(chatId?: string): Promise<void> {
    return this.#memory.wipeKv(chatId);
  }

  onNotice(listener: (notice: EngineNotice) => void): () => void {
    this.#listeners.add(listener);
    // Open the archive now, so that other tabs' changes are heard from the start.
    this.#stores().catch(() => undefined);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Stops a running load, reply or verification. What a reply left to store is still stored. Closing again waits
   * for the same.
   */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#closing.abort(new Error("The engine is closed."));
    this.#healer.setEnabled(false);
    // The task that is being aborted may queue work of its own as it ends.
    await this.#queue.run(async () => undefined);
    await this.#queue.run(async () => {
      const stores = await this.#opening;
      await this.#model.release();
      this.#isReleased = true;
      await stores?.archive.close();
      await stores?.chats.leaveAll();
      await this.#library.close();
    });
  }

  /**
   * Changes the text of a chat. No turn runs meanwhile, for it reads the chat; KV that becomes stale is repaired
   * until healing computes it again.
   */
  #revise(
    chatId: string,
    change: (chat: OpenChat, text: TextWriter) => Promise<void>,
  ): Promise<ChatHistory> {
    return this.#queue.run(async () => {
      const { chats } = await this.#stores();
      await chats.change(chatId, change);
      this.#notifyMemory(chatId);
      this.#healer.heal(chatId);
      return chats.historyOf(chatId);
    });
  }

  /** Finishes what a turn left, then heals KV. */
  async #settle(chatId: string): Promise<void> {
    const active = await this.#activeToWrite(chatId);
    if (!active) return;
    await this.#afterTurn.run(active, this.#model.url, () =>
      this.#notifyMemory(chatId),
    );
    this.#healer.heal(chatId);
  }

  /** A chat bound to the loaded model, with a working device. */
  async #activate(chatId: string): Promise<ActiveChat> {
    const stores = await this.#stores();
    const loaded = await this.#model.recovered();
    const chat = await stores.chats.bind(chatId, loaded.model);
    return new ActiveChat(chat, loaded, stores);
  }

  /** A chat as text alone, for a server. A model of this device reads it anew. */
  async #unbound(chatId: string): Promise<OpenChat> {
    const { chats } = await this.#stores();
    const chat = chats.toWrite(chatId);
    chats.lastId = chatId;
    chat.bound = undefined;
    return chat;
  }

  /** The same if the chat is bound already. */
  async #active(chatId: string): Promise<ActiveChat | undefined> {
    const stores = await this.#stores();
    const chat = stores.chats.get(chatId)?.bound;
    const loaded = this.#model.sound;
    return (
      chat &&
      loaded &&
      (chat.segmentFingerprint === loaded.model.segmentFingerprint
        ? new ActiveChat(chat, loaded, stores)
        : undefined)
    );
  }

  /** The same if also this tab writes the chat. */
  async #activeToWrite(chatId: string): Promise<ActiveChat | undefined> {
    const { chats } = await this.#stores();
    return chats.isWritten(chatId) ? this.#active(chatId) : undefined;
  }

  /** The chats' stores; opened once. */
  async #stores(): Promise<ChatStores> {
    if (this.#isReleased) this.#assertOpen();
    this.#opening ??= openChatStores(
      this.#options,
      () => this.#modelLabel(),
      (notice) => this.#notify(notice),
    );
    return this.#opening;
  }

  #modelLabel(): { name: string; url: string } {
    const { name, url } = this.#model;
    return { name, url };
  }

  /** The name that rounds keep, by its file where a name can mean several; "" if no model is loaded. */
  #modelName(): string {
    const { name, url } = this.#model;
    return deviceName(url) ?? (hubName(url) ? url : name);
  }

  #noteUse(chatId: string, chats: ChatStores["chats"]): void {
    const { name } = this.#modelLabel();
    const modelName = name === "" ? {} : { modelName: name };
    chats.note(chatId, { updatedMs: Date.now(), ...modelName });
  }

  /** Runs a task that uses the GPU; closing the engine aborts it. */
  async #run<O extends { signal?: AbortSignal | undefined }, T>(
    options: O,
    task: (options: O & { signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    this.#assertOpen();
    const { signal, release } = this.#abortOnClose(options.signal);
    try {
      return await this.#queue.run(() => task({ ...options, signal }));
    } finally {
      release();
    }
  }

  /** @throws Error if the engine is closed or closing */
  #assertOpen(): void {
    this.#closing.signal.throwIfAborted();
  }

  #abortOnClose(signal: AbortSignal | undefined) {
    return anySignal([signal, this.#closing.signal]);
  }

  /** Runs background work, unless the engine is closed before. */
  #inBackground(task: () => Promise<void>): void {
    this.#queue.run(task).catch(() => undefined);
  }

  /** Gives the pages of rounds that are gone back to the pools they are from, those of the index too. */
  #clear(rounds: readonly ChatRound[]): void {
    for (const round of rounds) {
      clearRound(round);
      this.#model.current?.index?.drop(round);
    }
  }

  /**
   * Checks after each task that free + used pages = all, and that no page is misplaced. A fault is reported, and
   * costs the KV concerned: text is the truth.
   */
  #checkMemory(): void {
    const residency = this.#model.current?.residency;
    const faults = residency?.faults() ?? [];
    if (faults.length === 0) return;
    residency?.recover();
    this.#notify({
      type: "memory-fault",
      message: `The bookkeeping of GPU memory is inconsistent (${faults.join("; ")}). The KV concerned is recomputed; no text is lost.`,
    });
  }

  #notifyMemory(chatId: string | undefined): void {
    this.#notify({ type: "memory-changed", chatId });
  }

  #notify(notice: EngineNotice): void {
    for (const listener of this.#listeners) listener(notice);
  }
}

/** @throws RangeError if there is no such message, or it has a reply */
function unansweredIn(
  { conversation }: Pick<ActiveChat, "conversation">,
  roundId: number,
): ChatRound {
  const round = conversation.find(roundId);
  if (!isUnanswered(round))
    throw new RangeError(`Round ${roundId} of this chat already has a reply.`);
  // Another version may be shown by now.
  if (!conversation.branch.includes(round)) conversation.show(roundId);
  return round;
}
