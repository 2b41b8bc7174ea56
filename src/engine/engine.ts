/** The engine itself: one model, many chats, one turn at a time. Needs only a GPU; runs in a worker, a page or Node. */
import { HALVES } from "../memory/round";
import { fetchedFiles, type ModelFiles } from "../model/model-files";
import { DeviceLostError } from "../util/errors";
import type { Archive } from "./archive";
import { attach } from "./attach";
import type { BoundChat } from "./chat";
import type {
  AttachReport,
  ChatDocument,
  ChatEngine,
  ChatHistory,
  ChatOptions,
  ChatSummary,
  EngineNotice,
  LoadOptions,
  MemorySnapshot,
  ModelInfo,
  ReplyEvent,
  ReplyOptions,
  RestoreOptions,
  RestoreReport,
} from "./chat-engine";
import type { NetworkOptions } from "./network";
import type { ChatRound } from "./conversation";
import { documentId } from "./document";
import { contentHash } from "./fingerprint";
import { healFirst } from "./heal";
import {
  changeSystem,
  copyBehind,
  makePlace,
  moveRound,
  removeRound,
} from "./revise";
import { Session } from "./session";
import { stalenessOf } from "./staleness";
import { newReport } from "./recall";
import { openShelf, type Shelf, type ShelfOptions } from "./shelf";
import { TaskQueue } from "./task-queue";
import { runTurn, settleRound, type TurnContext } from "./turn";
import { turnRequest } from "./turn-request";
import { warm } from "./warm";

export interface EngineOptions extends ShelfOptions {
  /** Default: the platform's navigator.gpu. */
  gpu?: GPU | undefined;
  /** How a model's folder is read. Default: by fetch. */
  openFiles?: (url: string) => ModelFiles;
  network?: Pick<NetworkOptions, "kvFormat" | "kvBudgetBytes" | "watershed">;
}

/** While a reply comes it is written down so often: what a killed page can lose of it. */
const SAVE_TEXT_MS = 2000;

export class Engine implements ChatEngine {
  readonly #options: EngineOptions;
  readonly #queue = new TaskQueue();
  readonly #listeners = new Set<(notice: EngineNotice) => void>();
  #opening: Promise<Shelf> | undefined;
  #session: Session | undefined;
  #heals = true;
  /** The chat that is healed, or would be. */
  #healing: string | undefined;
  /** Where the model came from, and how. */
  #source: { url: string; options: LoadOptions } | undefined;

  constructor(options: EngineOptions = {}) {
    this.#options = options;
  }

  load(url: string, options: LoadOptions = {}): Promise<ModelInfo> {
    return this.#queue.run(async () => {
      const { memoryBudgetBytes } = options;
      this.#source = {
        url,
        options: memoryBudgetBytes === undefined ? {} : { memoryBudgetBytes },
      };
      return (await this.#open(url, options)).info();
    });
  }

  async listChats(): Promise<ChatSummary[]> {
    return (await this.#shelf()).archive.list();
  }

  async createChat({ system }: ChatOptions = {}): Promise<string> {
    this.#loaded();
    return (await this.#shelf()).chats.create(system);
  }

  async openChat(chatId: string): Promise<ChatHistory> {
    const { chats } = await this.#shelf();
    const before = chats.bound(chatId);
    const history = await chats.open(chatId);
    if (before && chats.bound(chatId) !== before) {
      void this.#queue.run(async () => this.#drop(before));
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
      const chat = await this.#bind(chatId);
      const session = this.#loaded();
      const { keeper } = await this.#shelf();
      const report = newReport();
      const steps = warm(await this.#turnContext(session, chat), report);
      for await (const progress of steps) {
        onProgress?.(progress);
        signal?.throwIfAborted();
      }
      chat.conversation.warmed = report;
      keeper.keepKv(session, chat, this.#url);
      this.#heal(chatId);
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
    { isFast = false }: { isFast?: boolean } = {},
  ): Promise<ChatHistory> {
    return this.#revise(chatId, async (chat, session) => {
      const { archive } = await this.#shelf();
      const { conversation } = chat;
      const gone = conversation.all.find(({ id }) => id === roundId);
      removeRound(conversation, session.residency, roundId, isFast);
      await archive.deleteRound(chatId, roundId, { keepsKv: isFast });
      if (gone?.document !== undefined && !isFast)
        await archive.deleteDocument(
          documentId(await contentHash(gone.tokens)),
        );
      return [];
    });
  }

  moveRound(
    chatId: string,
    roundId: number,
    behind: number,
  ): Promise<ChatHistory> {
    return this.#revise(chatId, async ({ conversation }) =>
      moveRound(conversation, roundId, behind),
    );
  }

  setSystem(chatId: string, system: string | undefined): Promise<ChatHistory> {
    return this.#revise(chatId, async (chat, { residency }) => {
      const { archive } = await this.#shelf();
      const changed = changeSystem(chat, residency, system || undefined);
      if (chat.conversation.all.length === 1) return [];
      await archive.change(chatId, { system: system || undefined });
      return changed;
    });
  }

  attach(
    chatId: string,
    document: ChatDocument,
    { onProgress, signal }: RestoreOptions = {},
  ): Promise<AttachReport> {
    return this.#queue.run(async () => {
      const chat = await this.#bind(chatId);
      const session = this.#loaded();
      const { archive, keeper } = await this.#shelf();
      const context = await this.#turnContext(session, chat);
      const report = { roundId: 0, encodedTokens: 0, reusedTokens: 0 };
      for await (const progress of attach(
        context,
        chat,
        document,
        archive,
        report,
      )) {
        onProgress?.(progress);
        signal?.throwIfAborted();
      }
      const round = chat.conversation.rounds.at(-1)!;
      if (report.encodedTokens > 0)
        await keeper.keepDocument(session, chat, round);
      await keeper.keepText(session, chat, round, this.#url);
      this.#heal(chatId);
      return report;
    });
  }

  async setHealing(isOn: boolean): Promise<void> {
    this.#heals = isOn;
    if (isOn && this.#healing !== undefined) this.#heal(this.#healing);
  }

  async memory(): Promise<MemorySnapshot> {
    return this.#loaded().memory();
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
      this.#opening = undefined;
    });
  }

  async *#turn(
    chatId: string,
    message: string,
    options: ReplyOptions,
  ): AsyncGenerator<ReplyEvent, void> {
    const chat = await this.#bind(chatId);
    const session = this.#loaded();
    const { keeper } = await this.#shelf();
    const context = await this.#turnContext(session, chat);
    const { conversation } = chat;
    const { rounds } = conversation;
    const shown = rounds.at(-1)!.id;
    const { place } = options;
    // Copies find KV where it is stored.
    if (place) await keeper.idle(chatId);
    const later = place ? makePlace(conversation, place) : [];
    const { stale } = await stalenessOf(rounds);
    // What is repaired is not to be packed meanwhile.
    if (stale.size > 0) await keeper.packed();
    const before = rounds.length;
    let savedMs = -Infinity;
    try {
      const request = turnRequest(session.model, chat, message, options);
      for await (const event of runTurn(context, request)) {
        const round = rounds[before];
        const now = performance.now();
        if (round && event.type !== "end" && now - savedMs >= SAVE_TEXT_MS) {
          savedMs = now;
          void keeper.keepText(session, chat, round, this.#url);
        }
        yield event;
      }
    } finally {
      const round = rounds[before];
      if (round) void keeper.keepText(session, chat, round, this.#url);
      else conversation.show(shown);
      if (round)
        for (const copy of copyBehind(conversation, later))
          void keeper.keepText(session, chat, copy, this.#url);
    }
  }

  /** Changes what was said, and keeps what is new of it. */
  #revise(
    chatId: string,
    change: (chat: BoundChat, session: Session) => Promise<ChatRound[]>,
  ): Promise<ChatHistory> {
    return this.#queue.run(async () => {
      const { chats, keeper } = await this.#shelf();
      const chat = await this.#bind(chatId);
      const session = this.#loaded();
      await keeper.idle(chatId);
      const changed = await change(chat, session);
      for (const round of changed)
        await keeper.keepText(session, chat, round, this.#url);
      this.#heal(chatId);
      return chats.open(chatId);
    });
  }

  /** Makes the KV of a chat exact, round by round, as long as nobody waits. */
  #heal(chatId: string): void {
    this.#healing = chatId;
    if (!this.#heals) return;
    void this.#queue.run(async () => {
      const { chats, keeper } = await this.#shelf();
      const chat = chats.bound(chatId);
      const session = this.#session;
      const isMeant = this.#heals && this.#healing === chatId;
      if (!isMeant || !chat || !session?.gpu.isSound) return;
      try {
        await keeper.packed();
        const context = await this.#turnContext(session, chat);
        const isWanted = () => this.#queue.isWanted;
        const { inexact } = await stalenessOf(chat.conversation.rounds);
        if (inexact.length === 0) return;
        const begun = inexact.length;
        this.#notify({ type: "healing", chatId, roundsLeft: begun });
        const { healed, roundsLeft } = await healFirst(context, isWanted);
        if (healed) keeper.keepKv(session, chat, this.#url);
        this.#notify({ type: "healing", chatId, roundsLeft });
        if (roundsLeft > 0) this.#heal(chatId);
      } catch {
        // There is no room for it, or no device: turns repair what they need.
      }
    });
  }

  /** Finishes what a turn left: KV of its last tokens, then all KV that is not stored. */
  async #settle(chatId: string): Promise<void> {
    const { chats, archive, keeper } = await this.#shelf();
    const chat = chats.bound(chatId);
    const session = this.#session;
    if (!chat || !session?.gpu.isSound) return;
    try {
      const context = await this.#turnContext(session, chat);
      for (const round of chat.conversation.rounds)
        await settleRound(context, round);
    } catch {
      // Nothing is lost: the next turn computes what is missing, and says what is wrong.
    }
    keeper.keepKv(session, chat, this.#url);
    void archive.saveUses();
    await this.#learn(session, chat, archive);
    this.#heal(chatId);
  }

  /** A model that was not calibrated learns from what it is asked. */
  async #learn(
    session: Session,
    chat: BoundChat,
    archive: Archive,
  ): Promise<void> {
    try {
      const isWanted = () => this.#queue.isWanted;
      const learned = await session.calibration.learn(session, chat, isWanted);
      if (!learned) return;
      session.model.selection = learned;
      const { contextTokens: _, ...config } = learned;
      await archive.saveLearned(this.#url, { version: 1, ...config });
    } catch {
      // It is tried again with the next question.
    }
  }

  async #turnContext(session: Session, chat: BoundChat): Promise<TurnContext> {
    const { keeper } = await this.#shelf();
    const { model, runner, residency, recall, ring } = session;
    return {
      runner,
      residency,
      recall,
      ring,
      source: keeper.sourceOf(session, chat),
      tokenizer: model.tokenizer,
      conversation: chat.conversation,
      contextTokens: model.contextTokens,
    };
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
      return this.#open(this.#source.url, this.#source.options);
    return this.#loaded();
  }

  async #open(url: string, options: LoadOptions): Promise<Session> {
    options.signal?.throwIfAborted();
    await this.#release();
    const { gpu, openFiles = fetchedFiles, network } = this.#options;
    const { keeper, archive } = await this.#shelf();
    this.#session = await Session.open(openFiles(url), {
      ...options,
      learned: await archive.readLearned(url),
      platform: gpu,
      network,
    });
    this.#session.residency.waitFor(() => keeper.packed());
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
    return this.#source?.url ?? "";
  }

  /** The store, opened once. */
  #shelf(): Promise<Shelf> {
    return (this.#opening ??= openShelf(this.#options, (notice) =>
      this.#notify(notice),
    ));
  }

  #notify(notice: EngineNotice): void {
    for (const listener of this.#listeners) listener(notice);
  }
}
