/**
 * A page's engine as one element has it. Another element may use the same: a chat that one of them has in
 * hand is read only for the other, as it is for another tab, until the first one leaves it.
 */
import type { ChatEngine } from "../../engine/api/chat-engine";
import type {
  ChatHistory,
  ChatHit,
  ChatOptions,
  ChatSummary,
  SearchOptions,
} from "../../engine/api/chats";
import type {
  RestoreOptions,
  MemoryOptions,
  VerifyOptions,
  VerifyReport,
} from "../../engine/api/kv-memory";
import type {
  KeptModel,
  LoadOptions,
  ModelInfo,
  ModelPlan,
  ModelSource,
  PlanOptions,
} from "../../engine/api/models";
import type { EngineNotice } from "../../engine/api/notice";
import type { RestoreReport } from "../../engine/api/receipt";
import type {
  AttachReport,
  ChatDocument,
  ReplyEvent,
  ReplyOptions,
} from "../../engine/api/replies";
import type { MemorySnapshot } from "../../engine/api/memory-snapshot";
import { ChatBusyError } from "../../util/errors";
import {
  type EnginePool,
  type EngineUser,
  modelKey,
  type PooledEngine,
} from "./engine-pool";

type Listener = (notice: EngineNotice) => void;

export class SharedEngine implements ChatEngine, EngineUser {
  readonly #pool: EnginePool;
  readonly #listeners = new Set<Listener>();
  #pooled: PooledEngine | undefined;
  /** The one it had before it let go of it. */
  #before: PooledEngine | undefined;
  #stopHearing: () => void = () => {};
  /** Settled when what was in hand with one engine is in hand with the next. */
  #moving: Promise<void> = Promise.resolve();

  constructor(pool: EnginePool) {
    this.#pool = pool;
  }

  /** Whether it has let go of its engine: `load` and `wake` take one again. */
  isResting = false;

  load(source: ModelSource, options: LoadOptions = {}): Promise<ModelInfo> {
    this.isResting = false;
    const key = modelKey(source, options);
    this.#move(this.#pool.for(this, key));
    const pooled = this.#pooled!;
    return pooled.load(this, key, source, options);
  }

  /**
   * Lets go of the engine and all chats in hand: the element is put away. The model stays for others. What is
   * asked for now is still done, and takes nothing in hand.
   */
  rest(): void {
    this.isResting = true;
    const pooled = this.#pooled;
    if (pooled === undefined) return;
    this.#stopHearing();
    this.#pooled = undefined;
    this.#before = pooled;
    pooled.release(this);
    // A chat may still be on its way there.
    this.#moving = this.#moving.then(() => this.#leaveAll(pooled));
  }

  /** The element is in the page again. */
  wake(): void {
    this.isResting = false;
  }

  tell(notice: EngineNotice): void {
    for (const listener of this.#listeners) listener(notice);
  }

  async planModel(
    source: ModelSource,
    options?: PlanOptions,
  ): Promise<ModelPlan> {
    return (await this.#any()).engine.planModel(source, options);
  }

  async listModels(): Promise<KeptModel[]> {
    return (await this.#any()).engine.listModels();
  }

  async deleteModel(id: string): Promise<void> {
    return (await this.#any()).engine.deleteModel(id);
  }

  async listChats(): Promise<ChatSummary[]> {
    return (await this.#any()).engine.listChats();
  }

  async searchChats(
    query: string,
    options?: SearchOptions,
  ): Promise<ChatHit[]> {
    return (await this.#any()).engine.searchChats(query, options);
  }

  async createChat(options?: ChatOptions): Promise<string> {
    const { engine, holders } = await this.#any();
    const chatId = await engine.createChat(options);
    if (!this.isResting) holders.set(chatId, this);
    return chatId;
  }

  async openChat(chatId: string): Promise<ChatHistory> {
    return this.#open(await this.#any(), chatId);
  }

  async leaveChat(chatId: string): Promise<void> {
    await this.#leave(await this.#any(), chatId);
  }

  async restoreChat(
    chatId: string,
    options?: RestoreOptions,
  ): Promise<RestoreReport> {
    return (await this.#any()).engine.restoreChat(chatId, options);
  }

  async renameChat(chatId: string, title: string): Promise<void> {
    return (await this.#any()).engine.renameChat(chatId, title);
  }

  async deleteChat(chatId: string): Promise<void> {
    const { engine, holders } = await this.#any();
    await engine.deleteChat(chatId);
    holders.delete(chatId);
  }

  async exportChat(
    chatId: string,
    options?: { withKv?: boolean },
  ): Promise<Blob> {
    return (await this.#any()).engine.exportChat(chatId, options);
  }

  async importChat(file: Blob): Promise<ChatSummary> {
    return (await this.#any()).engine.importChat(file);
  }

  async *chat(
    chatId: string,
    message: string,
    options?: ReplyOptions,
  ): AsyncGenerator<ReplyEvent, void> {
    yield* (await this.#writer(chatId)).chat(chatId, message, options);
  }

  async showVersion(chatId: string, roundId: number): Promise<ChatHistory> {
    return (await this.#writer(chatId)).showVersion(chatId, roundId);
  }

  async deleteRound(
    chatId: string,
    roundId: number,
    options?: { isFast?: boolean },
  ): Promise<ChatHistory> {
    return (await this.#writer(chatId)).deleteRound(chatId, roundId, options);
  }

  async moveRound(
    chatId: string,
    roundId: number,
    behind: number,
  ): Promise<ChatHistory> {
    return (await this.#writer(chatId)).moveRound(chatId, roundId, behind);
  }

  async setSystem(
    chatId: string,
    system: string | undefined,
  ): Promise<ChatHistory> {
    return (await this.#writer(chatId)).setSystem(chatId, system);
  }

  async attach(
    chatId: string,
    document: ChatDocument,
    options?: RestoreOptions,
  ): Promise<AttachReport> {
    return (await this.#writer(chatId)).attach(chatId, document, options);
  }

  async setHealing(isOn: boolean): Promise<void> {
    return (await this.#any()).engine.setHealing(isOn);
  }

  async memory(options?: MemoryOptions): Promise<MemorySnapshot> {
    return (await this.#any()).engine.memory(options);
  }

  async verify(
    chatId: string,
    roundId: number,
    options?: VerifyOptions,
  ): Promise<VerifyReport> {
    return (await this.#any()).engine.verify(chatId, roundId, options);
  }

  async pinRound(
    chatId: string,
    roundId: number,
    isPinned: boolean,
  ): Promise<void> {
    return (await this.#writer(chatId)).pinRound(chatId, roundId, isPinned);
  }

  async evictRound(chatId: string, roundId: number): Promise<void> {
    return (await this.#any()).engine.evictRound(chatId, roundId);
  }

  async wipeKv(chatId?: string): Promise<void> {
    return (await this.#any()).engine.wipeKv(chatId);
  }

  onNotice(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The engine goes on for others. */
  async close(): Promise<void> {
    const pooled = this.#pooled;
    this.rest();
    await this.#moving;
    if (pooled) this.#pool.endUnused(pooled);
  }

  /** The engine of the model; until one is asked for, any will do. */
  async #any(): Promise<PooledEngine> {
    // Who is about to ask for a model does so in this very task.
    await Promise.resolve();
    if (this.#pooled === undefined && !this.isResting)
      this.#hear(this.#pool.any(this));
    await this.#moving;
    if (this.#pooled !== undefined) return this.#pooled;
    return this.isResting ? this.#pool.still(this.#before) : this.#any();
  }

  /** The engine, to change a chat with. @throws ChatBusyError where another element has it in hand */
  async #writer(chatId: string): Promise<ChatEngine> {
    const { engine, holders } = await this.#any();
    const holder = holders.get(chatId);
    if (holder !== undefined && holder !== this)
      throw new ChatBusyError(
        "This chat is open in another place of this page. Close it there to go on here.",
      );
    return engine;
  }

  #move(next: PooledEngine): void {
    const before = this.#pooled;
    if (next === before) return;
    this.#stopHearing();
    this.#hear(next);
    if (before === undefined) return;
    before.release(this);
    const held = heldBy(this, before);
    this.#moving = this.#moving.then(async () => {
      await this.#leaveAll(before);
      this.#pool.endUnused(before);
      for (const chatId of held)
        await this.#open(next, chatId).catch(() => undefined);
    });
  }

  #hear(pooled: PooledEngine): void {
    this.#pooled = pooled;
    this.#stopHearing = pooled.engine.onNotice((notice) => this.tell(notice));
  }

  async #open(pooled: PooledEngine, chatId: string): Promise<ChatHistory> {
    const { engine, holders } = pooled;
    const history = await engine.openChat(chatId);
    const holder = holders.get(chatId) ?? this;
    if (holder !== this) return { ...history, access: "read" };
    if (history.access === "write") holders.set(chatId, this);
    // Nobody would leave it.
    if (this.isResting) await this.#leave(pooled, chatId);
    return history;
  }

  async #leave(pooled: PooledEngine, chatId: string): Promise<void> {
    const { engine, holders, users } = pooled;
    if (holders.get(chatId) !== this) return;
    holders.delete(chatId);
    await engine.leaveChat(chatId);
    for (const user of users)
      if (user !== this) user.tell({ type: "chat-writable", chatId });
  }

  async #leaveAll(pooled: PooledEngine): Promise<void> {
    for (const chatId of heldBy(this, pooled))
      await this.#leave(pooled, chatId).catch(() => undefined);
  }
}

function heldBy(user: SharedEngine, { holders }: PooledEngine): string[] {
  return [...holders]
    .filter(([, holder]) => holder === user)
    .map(([chatId]) => chatId);
}
