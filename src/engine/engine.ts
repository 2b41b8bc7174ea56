/** The engine itself: one model, many chats, one turn at a time. Needs only a GPU; runs in a worker, a page or Node. */
import { adapterLimits } from "../gpu/adapter-limits";
import { HALVES } from "../util/kv-half";
import type { ModelFiles } from "../model/files/model-files";
import { DeviceLostError } from "../util/errors";
import type { Archive } from "./archive/archive";
import { attachDocument } from "./turn/attach-document";
import type { BoundChat } from "./chat/bound-chat";
import type { ChatEngine } from "./api/chat-engine";
import type {
  ChatHistory,
  ChatHit,
  ChatOptions,
  ChatSummary,
  SearchOptions,
} from "./api/chats";
import type {
  RestoreOptions,
  MemoryOptions,
  VerifyOptions,
  VerifyReport,
} from "./api/kv-memory";
import type {
  KeptModel,
  LoadOptions,
  ModelInfo,
  ModelPlan,
  ModelSource,
  PlanOptions,
} from "./api/models";
import type { EngineNotice } from "./api/notice";
import type { RestoreReport } from "./api/receipt";
import type {
  AttachReport,
  ChatDocument,
  ReplyEvent,
  ReplyOptions,
} from "./api/replies";
import { Desk } from "./open/active-chat";
import { EngineMemory } from "./memory-controls";
import { Healer } from "./idle/healer";
import { runKeptTurn } from "./turn/persisted-turn";
import type { MemorySnapshot } from "./api/memory-snapshot";
import { ModelLibrary } from "./load/model-library";
import type { NetworkOptions } from "./load/network";
import { newReport } from "./restore/kv-restore";
import { deleteRound, moveRound, setSystem } from "./turn/edit-chat";
import { SelfCalibration } from "./idle/self-calibration";
import { Session } from "./load/loaded-model";
import { openShelf, type Shelf, type ShelfOptions } from "./open/open-archive";
import { TaskQueue } from "../util/task-queue";
import { settleRound } from "./turn/turn";
import { warm } from "./turn/preload";

export interface EngineOptions extends ShelfOptions {
  /** Default: the platform's navigator.gpu. */
  gpu?: GPU | undefined;
  /** How a model's folder is read. Default: by fetch. */
  openFiles?: (url: string) => ModelFiles;
  network?: Pick<NetworkOptions, "kvFormat" | "kvBudgetBytes" | "watershed">;
}

export class Engine implements ChatEngine {
  readonly #options: EngineOptions;
  readonly #queue = new TaskQueue();
  readonly #listeners = new Set<(notice: EngineNotice) => void>();
  #opening: Promise<Shelf> | undefined;
  #session: Session | undefined;
  readonly #healer = new Healer(
    this.#queue,
    (chatId) => this.#deskToWrite(chatId),
    (notice) => this.#notify(notice),
  );
  #calibration = new SelfCalibration();
  readonly #models: ModelLibrary;
  readonly #memory: EngineMemory;
  /** Where the model came from, and how. */
  #source: { source: ModelSource; options: LoadOptions } | undefined;

  constructor(options: EngineOptions = {}) {
    this.#options = options;
    this.#models = new ModelLibrary({
      openFolder: options.openFiles,
      storeName: options.storeName,
      limits: () => adapterLimits(options.gpu),
    });
    this.#memory = new EngineMemory({
      queue: this.#queue,
      models: this.#models,
      session: () => this.#session,
      shelf: () => this.#shelf(),
      desk: (chatId) => this.#desk(chatId),
      deskAtHand: (chatId) => this.#deskAtHand(chatId),
      tell: (chatId) => this.#tellMemory(chatId),
    });
  }

  load(source: ModelSource, options: LoadOptions = {}): Promise<ModelInfo> {
    return this.#queue.run(async () => {
      const session = await this.#open(source, options);
      this.#tellMemory(undefined);
      return session.info();
    });
  }

  planModel(source: ModelSource, options?: PlanOptions): Promise<ModelPlan> {
    return this.#models.plan(source, options);
  }

  listModels(): Promise<KeptModel[]> {
    return this.#models.list();
  }

  deleteModel(id: string): Promise<void> {
    return this.#models.delete(id);
  }

  async listChats(): Promise<ChatSummary[]> {
    return (await this.#shelf()).archive.list();
  }

  async searchChats(
    query: string,
    options?: SearchOptions,
  ): Promise<ChatHit[]> {
    return (await this.#shelf()).archive.search(query, options);
  }

  async createChat(options: ChatOptions = {}): Promise<string> {
    this.#loaded();
    return (await this.#shelf()).chats.create(options);
  }

  async openChat(chatId: string): Promise<ChatHistory> {
    const { chats, keeper } = await this.#shelf();
    const before = chats.bound(chatId);
    const history = await chats.open(chatId);
    if (before && chats.bound(chatId) !== before) {
      void this.#queue.run(async () => {
        await keeper.packed();
        this.#drop(before);
      });
    }
    return history;
  }

  async leaveChat(chatId: string): Promise<void> {
    const { chats, keeper } = await this.#shelf();
    await this.#queue.run(() => keeper.idle(chatId));
    await chats.leave(chatId);
  }

  restoreChat(
    chatId: string,
    { onProgress, signal }: RestoreOptions = {},
  ): Promise<RestoreReport> {
    return this.#queue.run(async () => {
      const desk = await this.#desk(chatId);
      const report = newReport();
      for await (const progress of warm(desk.context, report)) {
        onProgress?.(progress);
        signal?.throwIfAborted();
      }
      desk.chat.conversation.warmed = report;
      desk.keepKv();
      this.#tellMemory(chatId);
      this.#healer.heal(chatId);
      return report;
    });
  }

  async renameChat(chatId: string, title: string): Promise<void> {
    await (await this.#shelf()).archive.rename(chatId, title);
  }

  async deleteChat(chatId: string): Promise<void> {
    const { archive, chats, keeper } = await this.#shelf();
    if (!chats.has(chatId) && !(await archive.read(chatId)))
      throw new RangeError(`There is no chat ${chatId}.`);
    const forget = async () => {
      // What is being packed is not given to others meanwhile.
      await keeper.packed();
      const bound = await chats.forget(chatId);
      if (bound) this.#drop(bound);
    };
    // A chat that has nothing on the GPU need not wait for what is going on there.
    await (chats.bound(chatId) ? this.#queue.run(forget) : forget());
    await archive.delete(chatId);
    this.#tellMemory(chatId);
  }

  async exportChat(
    chatId: string,
    options?: { withKv?: boolean },
  ): Promise<Blob> {
    const { archive, keeper } = await this.#shelf();
    // What a turn leaves to be stored is stored behind it.
    await this.#queue.run(() => keeper.idle(chatId));
    return archive.exportChat(chatId, options);
  }

  async importChat(file: Blob): Promise<ChatSummary> {
    const { summary } = await (await this.#shelf()).archive.importChat(file);
    return summary;
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
        try {
          const desk = await this.#desk(chatId);
          const note = this.#memory.turns.begin(chatId, desk.session.gpu);
          for await (const event of runKeptTurn(desk, message, options)) {
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
      leave();
      this.#tellMemory(chatId);
      // The round's last tokens get their KV, and all of it is stored, while the user reads.
      void this.#queue.run(() => this.#settle(chatId));
    }
  }

  async showVersion(chatId: string, roundId: number): Promise<ChatHistory> {
    const { chats } = await this.#shelf();
    return this.#queue.run(() => chats.show(chatId, roundId));
  }

  deleteRound(
    chatId: string,
    roundId: number,
    options: { isFast?: boolean } = {},
  ): Promise<ChatHistory> {
    return this.#revise(chatId, (desk) => deleteRound(desk, roundId, options));
  }

  moveRound(
    chatId: string,
    roundId: number,
    behind: number,
  ): Promise<ChatHistory> {
    return this.#revise(chatId, (desk) => moveRound(desk, roundId, behind));
  }

  setSystem(chatId: string, system: string | undefined): Promise<ChatHistory> {
    return this.#revise(chatId, (desk) => setSystem(desk, system));
  }

  attach(
    chatId: string,
    document: ChatDocument,
    options: RestoreOptions = {},
  ): Promise<AttachReport> {
    return this.#queue.run(async () => {
      const desk = await this.#desk(chatId);
      const report = await attachDocument(desk, document, options);
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

  verify(
    chatId: string,
    roundId: number,
    options?: VerifyOptions,
  ): Promise<VerifyReport> {
    return this.#memory.verify(chatId, roundId, options);
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
    void this.#shelf();
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    return this.#queue.run(async () => {
      const shelf = await this.#opening;
      await this.#release();
      await shelf?.archive.close();
      await shelf?.chats.leaveAll();
      await this.#models.close();
      this.#opening = undefined;
    });
  }

  /** Changes what was said. KV of what that makes stale is of use until it is computed again. */
  #revise(
    chatId: string,
    change: (desk: Desk) => Promise<void>,
  ): Promise<ChatHistory> {
    return this.#queue.run(async () => {
      const { chats } = await this.#shelf();
      const desk = await this.#desk(chatId);
      await desk.kept();
      await change(desk);
      this.#tellMemory(chatId);
      this.#healer.heal(chatId);
      return chats.open(chatId);
    });
  }

  /** Finishes what a turn left: KV of its last tokens, then all KV that is not stored. */
  async #settle(chatId: string): Promise<void> {
    const desk = await this.#deskToWrite(chatId);
    if (!desk) return;
    const { chat, session, archive, context } = desk;
    try {
      for (const round of chat.conversation.rounds)
        await settleRound(context, round);
    } catch {
      // Nothing is lost: the next turn computes what is missing, and says what is wrong.
    }
    desk.keepKv();
    void desk.kept().then(() => this.#tellMemory(chatId));
    void archive.saveUses();
    await this.#learn(session, chat, archive);
    this.#healer.heal(chatId);
  }

  /** A model that was not calibrated learns from what it is asked. */
  async #learn(
    session: Session,
    chat: BoundChat,
    archive: Archive,
  ): Promise<void> {
    try {
      const isWanted = () => this.#queue.isWanted;
      const learned = await this.#calibration.learn(session, chat, isWanted);
      if (!learned) return;
      session.model.selection = learned;
      session.model.calibration = "learned";
      const { contextTokens: _, ...config } = learned;
      await archive.saveLearned(this.#url, { version: 1, ...config });
    } catch {
      // It is tried again with the next question.
    }
  }

  /** All that work on a chat needs. */
  async #desk(chatId: string): Promise<Desk> {
    const chat = await this.#bind(chatId);
    return new Desk(chat, this.#loaded(), await this.#shelf(), this.#url);
  }

  /** The same, where the chat is bound and its device is there. */
  async #deskAtHand(chatId: string): Promise<Desk | undefined> {
    const shelf = await this.#shelf();
    const chat = shelf.chats.bound(chatId);
    const session = this.#session;
    if (!chat || !session?.gpu.isSound) return undefined;
    return new Desk(chat, session, shelf, this.#url);
  }

  /** The same again, where this tab writes the chat. */
  async #deskToWrite(chatId: string): Promise<Desk | undefined> {
    const { chats } = await this.#shelf();
    return chats.isWritten(chatId) ? this.#deskAtHand(chatId) : undefined;
  }

  /** The chat, bound to a model whose device is there. */
  async #bind(chatId: string): Promise<BoundChat> {
    const { chats } = await this.#shelf();
    const before = chats.bound(chatId);
    const chat = await chats.bind(chatId, await this.#recovered());
    if (before && before !== chat) this.#drop(before);
    return chat;
  }

  /** A device that was lost, or on which something failed, is replaced: KV is in the store, or computed again. */
  async #recovered(): Promise<Session> {
    const isSound = this.#session?.gpu.isSound ?? false;
    if (!isSound && this.#source)
      return this.#open(this.#source.source, this.#source.options);
    return this.#loaded();
  }

  async #open(source: ModelSource, options: LoadOptions): Promise<Session> {
    options.signal?.throwIfAborted();
    // A model that can't be fetched takes nothing from the one that is loaded.
    const files = await this.#models.open(source, options);
    await this.#release();
    const { memoryBudgetBytes, weightBits, hubUrl } = options;
    this.#source = {
      source,
      options: { memoryBudgetBytes, weightBits, hubUrl },
    };
    const { gpu, network } = this.#options;
    const { keeper, archive } = await this.#shelf();
    this.#session = await Session.open(files, {
      ...options,
      learned: await archive.readLearned(this.#url),
      platform: gpu,
      network,
    });
    this.#calibration = new SelfCalibration();
    this.#session.residency.transfersDone = () => keeper.packed();
    return this.#session;
  }

  #loaded(): Session {
    if (!this.#session)
      throw new Error("No model is loaded: call load() first.");
    return this.#session;
  }

  /** Gives all GPU memory back. Chats stay: their KV is restored, or computed again, when it is needed. */
  async #release(): Promise<void> {
    const session = this.#session;
    if (!session) return;
    this.#session = undefined;
    const { chats, keeper } = await this.#shelf();
    if (session.gpu.isSound) await keeper.packed();
    chats.forgetPages();
    session.destroy();
  }

  /** Gives the pages of a chat back, if they are not gone with their pools. */
  #drop({ conversation }: BoundChat): void {
    for (const round of conversation.all) {
      for (const half of HALVES) this.#session?.residency.drop(round, half);
    }
  }

  get #url(): string {
    const source = this.#source?.source ?? "";
    return typeof source === "string"
      ? source
      : source.map(({ name }) => name).join(" ");
  }

  /** The store, opened once. */
  #shelf(): Promise<Shelf> {
    return (this.#opening ??= openShelf(this.#options, (notice) =>
      this.#notify(notice),
    ));
  }

  #tellMemory(chatId: string | undefined): void {
    this.#notify({ type: "memory-changed", chatId });
  }

  #notify(notice: EngineNotice): void {
    for (const listener of this.#listeners) listener(notice);
  }
}
