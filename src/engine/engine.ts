/** The engine itself: one model, many chats, one turn at a time. Needs only a GPU; runs in a worker, a page or Node. */
import { adapterLimits } from "../gpu/adapter-limits";
import { clearRound } from "../memory/round";
import type { ModelFiles } from "../model/files/model-files";
import { anySignal } from "../util/any-signal";
import { DeviceLostError } from "../util/errors";
import { TaskQueue } from "../util/task-queue";
import type { ChatEngine } from "./api/chat-engine";
import type {
  AddedMessage,
  ChatHistory,
  ChatHit,
  ChatOptions,
  ChatSummary,
  MessagePlace,
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
  KeptModel,
  LoadOptions,
  ModelInfo,
  ModelPlan,
  ModelSource,
  PlanOptions,
} from "./api/models";
import type { EngineNotice } from "./api/notice";
import type { LocalReceipt, RestoreReport } from "./api/receipt";
import type {
  AttachReport,
  ChatDocument,
  ChatReplyOptions,
  ReplyEvent,
  ReplyOptions,
} from "./api/replies";
import type { TextWriter } from "./archive/text-writer";
import { type ChatRound, isUnanswered } from "./chat/chat-round";
import { AfterTurn } from "./idle/after-turn";
import { Healer } from "./idle/healer";
import type { LoadedModelOptions } from "./load/loaded-model";
import { ModelHolder, type OpenModel } from "./load/model-holder";
import { ModelLibrary } from "./load/model-library";
import { MemoryControls } from "./memory-controls";
import { ActiveChat } from "./open/active-chat";
import {
  deleteRound,
  moveRound,
  setSystem,
  showVersion,
} from "./open/edit-chat";
import {
  type ChatStoreOptions,
  type ChatStores,
  openChatStores,
} from "./open/open-archive";
import type { OpenChat } from "./open/open-chats";
import { addRounds, placeMessage } from "./open/place-message";
import { newReport } from "./restore/kv-restore";
import { attachDocument } from "./turn/attach-document";
import { runPersistedTurn } from "./turn/persisted-turn";
import { preload } from "./turn/preload";
import { checkReplyOptions } from "./turn/turn-request";

export interface EngineOptions extends ChatStoreOptions {
  /** Default: the platform's navigator.gpu. */
  gpu?: GPU | undefined;
  /** How a model's folder is read. Default: by fetch. */
  openFiles?: (url: string) => ModelFiles;
  /** How a model is made ready from its files. Default: on the GPU. */
  openModel?: OpenModel;
  network?: LoadedModelOptions["network"];
}

export class Engine implements ChatEngine {
  readonly #options: EngineOptions;
  /** All that uses the GPU. */
  readonly #queue = new TaskQueue(() => this.#checkMemory());
  readonly #closing = new AbortController();
  readonly #listeners = new Set<(notice: EngineNotice) => void>();
  #opening: Promise<ChatStores> | undefined;
  #closed: Promise<void> | undefined;
  /** Whether all of it is given back. */
  #isShut = false;
  /** Loads that are wanted, or under way. */
  #loads = 0;
  readonly #library: ModelLibrary;
  readonly #model: ModelHolder;
  readonly #memory: MemoryControls;
  readonly #afterTurn = new AfterTurn(() => this.#queue.isWanted);
  readonly #healer = new Healer(
    this.#queue,
    (chatId) => this.#activeToWrite(chatId),
    (notice) => this.#notify(notice),
  );

  constructor(options: EngineOptions = {}) {
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
      openModel: options.openModel,
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
      tell: (chatId) => this.#tellMemory(chatId),
    });
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  load(source: ModelSource, options: LoadOptions = {}): Promise<ModelInfo> {
    this.#loads++;
    const loading = this.#run(options, async (options) => {
      const loaded = await this.#model.load(source, options);
      this.#tellMemory(undefined);
      return loaded.info();
    });
    return loading.finally(() => this.#loads--);
  }

  planModel(source: ModelSource, options?: PlanOptions): Promise<ModelPlan> {
    return this.#library.plan(source, options);
  }

  listModels(): Promise<KeptModel[]> {
    return this.#library.list();
  }

  deleteModel(id: string): Promise<void> {
    return this.#library.delete(id);
  }

  async listChats(): Promise<ChatSummary[]> {
    return (await this.#stores()).archive.list();
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
    // Another tab has changed the chat: what this one has of it on the GPU is of no use.
    if (replaced)
      this.#inBackground(async () => {
        await kv.packed();
        clearChat(replaced);
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
      throw new RangeError(`There is no chat ${chatId}.`);
    await archive.delete(chatId);
    const forget = async () => {
      // What is being packed is not given to others meanwhile.
      await kv.packed();
      const chat = await chats.forget(chatId);
      if (chat) clearChat(chat);
    };
    // A chat that has nothing on the GPU need not wait for what is going on there.
    await (chats.get(chatId)?.bound ? this.#queue.run(forget) : forget());
    this.#tellMemory(chatId);
  }

  async exportChat(
    chatId: string,
    options?: { withKv?: boolean },
  ): Promise<Blob> {
    const { archive, kv } = await this.#stores();
    // What a turn leaves to be stored is stored behind it.
    await this.#queue.run(() => kv.idle(chatId));
    return archive.exportChat(chatId, options);
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
    { place }: { place?: MessagePlace | undefined } = {},
  ): Promise<AddedMessage> {
    const { chats } = await this.#stores();
    const { round, isSaved } = await chats.change(chatId, (chat, text) =>
      placeMessage(chat, text, message, place),
    );
    this.#noteUse(chatId, chats);
    return { roundId: round.id, isSaved };
  }

  async *chat(
    chatId: string,
    message: string,
    { place, ...options }: ChatReplyOptions = {},
  ): AsyncGenerator<ReplyEvent<LocalReceipt>, void> {
    // What the caller has got wrong leaves nothing in the chat.
    checkReplyOptions(options);
    if (this.#loads === 0) this.#model.assertLoaded();
    const { roundId } = await this.addMessage(chatId, message, { place });
    yield* this.reply(chatId, roundId, options);
  }

  async *reply(
    chatId: string,
    roundId: number,
    options: ReplyOptions = {},
  ): AsyncGenerator<ReplyEvent<LocalReceipt>, void> {
    checkReplyOptions(options);
    this.#assertOpen();
    const { chats } = await this.#stores();
    const { signal, release } = this.#untilClosed(options.signal);
    const leave = await this.#queue.enter();
    try {
      // A turn that loses its device before anyone has seen a word of it begins again with a new one.
      for (let mayBeginAgain = true; ; mayBeginAgain = false) {
        try {
          const active = await this.#activate(chatId);
          const round = unansweredIn(active, roundId);
          const note = this.#memory.turns.begin(chatId, active.loaded.gpu);
          const turn = runPersistedTurn(active, round, { ...options, signal });
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
      this.#tellMemory(chatId);
      // The round's last tokens get their KV, and all of it is stored, while the user reads.
      this.#inBackground(() => this.#settle(chatId));
    }
  }

  attach(
    chatId: string,
    document: ChatDocument,
    options: RestoreOptions = {},
  ): Promise<AttachReport> {
    return this.#run(options, async (options) => {
      const active = await this.#activate(chatId);
      const { chats, archive } = await this.#stores();
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
      this.#tellMemory(chatId);
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
      await deleteRound(chat, archive, roundId, options);
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
      setSystem(chat, text, system || undefined),
    );
  }

  restoreChat(
    chatId: string,
    options: RestoreOptions = {},
  ): Promise<RestoreReport> {
    return this.#run(options, async ({ onProgress, signal }) => {
      const active = await this.#activate(chatId);
      const report = newReport();
      for await (const progress of preload(active.context, report)) {
        onProgress?.(progress);
        signal.throwIfAborted();
      }
      active.conversation.preloaded = report;
      active.storeKv();
      this.#tellMemory(chatId);
      this.#healer.heal(chatId);
      return report;
    });
  }

  async setHealing(isOn: boolean): Promise<void> {
    this.#healer.turn(isOn);
  }

  memory(options?: MemoryOptions): Promise<MemorySnapshot> {
    return this.#memory.memory(options);
  }

  async verify(
    chatId: string,
    roundId: number,
    options: VerifyOptions = {},
  ): Promise<VerifyReport> {
    const { signal, release } = this.#untilClosed(options.signal);
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
    // Another tab's changes are heard from the start.
    this.#stores().catch(() => undefined);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Ends what is going on: a load, a reply, a verification. What a reply leaves to be stored is stored.
   * Closing again waits for the same.
   */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#closing.abort(new Error("The engine is closed."));
    this.#healer.turn(false);
    // What ends now has something to leave behind.
    await this.#queue.run(async () => undefined);
    await this.#queue.run(async () => {
      const stores = await this.#opening;
      await this.#model.release();
      this.#isShut = true;
      await stores?.archive.close();
      await stores?.chats.leaveAll();
      await this.#library.close();
    });
  }

  /**
   * Changes what was said. No turn runs meanwhile, for it reads the chat; KV of what that makes stale is of use
   * until it is computed again.
   */
  #revise(
    chatId: string,
    change: (chat: OpenChat, text: TextWriter) => Promise<void>,
  ): Promise<ChatHistory> {
    return this.#queue.run(async () => {
      const { chats } = await this.#stores();
      await chats.change(chatId, change);
      this.#tellMemory(chatId);
      this.#healer.heal(chatId);
      return chats.historyOf(chatId);
    });
  }

  /** Finishes what a turn left, then makes KV exact. */
  async #settle(chatId: string): Promise<void> {
    const active = await this.#activeToWrite(chatId);
    if (!active) return;
    await this.#afterTurn.run(active, this.#model.url, () =>
      this.#tellMemory(chatId),
    );
    this.#healer.heal(chatId);
  }

  /** A chat to work on: bound to the loaded model, whose device is there. */
  async #activate(chatId: string): Promise<ActiveChat> {
    const stores = await this.#stores();
    const loaded = await this.#model.recovered();
    const chat = await stores.chats.bind(chatId, loaded.model);
    return new ActiveChat(chat, loaded, stores);
  }

  /** The same, where that is so already. */
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

  /** The same again, where this tab writes the chat. */
  async #activeToWrite(chatId: string): Promise<ActiveChat | undefined> {
    const { chats } = await this.#stores();
    return chats.isWritten(chatId) ? this.#active(chatId) : undefined;
  }

  /** The chats' stores, opened once. */
  async #stores(): Promise<ChatStores> {
    if (this.#isShut) this.#assertOpen();
    this.#opening ??= openChatStores(
      this.#options,
      () => this.#modelLabel(),
      (notice) => this.#notify(notice),
    );
    return this.#opening;
  }

  #modelLabel(): { name: string; url: string } {
    const { current, url } = this.#model;
    return { name: current?.model.name ?? "", url };
  }

  #noteUse(chatId: string, chats: ChatStores["chats"]): void {
    const { name } = this.#modelLabel();
    const modelName = name === "" ? {} : { modelName: name };
    chats.note(chatId, { updatedMs: Date.now(), ...modelName });
  }

  /** Runs a task that uses the GPU; closing the engine ends it. */
  async #run<O extends { signal?: AbortSignal | undefined }, T>(
    options: O,
    task: (options: O & { signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    this.#assertOpen();
    const { signal, release } = this.#untilClosed(options.signal);
    try {
      return await this.#queue.run(() => task({ ...options, signal }));
    } finally {
      release();
    }
  }

  /** @throws Error where the engine is closed, or is about to be */
  #assertOpen(): void {
    this.#closing.signal.throwIfAborted();
  }

  #untilClosed(signal: AbortSignal | undefined) {
    return anySignal([signal, this.#closing.signal]);
  }

  /** Runs what nobody waits for, unless the engine is closed before. */
  #inBackground(task: () => Promise<void>): void {
    this.#queue.run(task).catch(() => undefined);
  }

  /**
   * After each task: free + used pages = all, and nothing is where it should not be. A fault is told, and costs
   * the KV that it concerns: text is the truth.
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

  #tellMemory(chatId: string | undefined): void {
    this.#notify({ type: "memory-changed", chatId });
  }

  #notify(notice: EngineNotice): void {
    for (const listener of this.#listeners) listener(notice);
  }
}

/** @throws RangeError where there is no such message, or it has a reply */
function unansweredIn(
  { conversation }: ActiveChat,
  roundId: number,
): ChatRound {
  const round = conversation.find(roundId);
  if (!isUnanswered(round))
    throw new RangeError(`Round ${roundId} of this chat already has a reply.`);
  // Another version may be shown by now.
  if (!conversation.branch.includes(round)) conversation.show(roundId);
  return round;
}

/** Gives the pages of a chat back to whichever pool they are from. */
function clearChat({ conversation }: OpenChat): void {
  conversation.all.forEach(clearRound);
}
