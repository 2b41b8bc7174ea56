/**
 * An element's handle to a shared engine. A chat that one element has open is read-only for the others, as for other
 * tabs, until it is left.
 */
import {
  CALLS,
  type CallName,
  type CallShape,
  ForwardingEngine,
} from "../../engine/api/calls";
import type { ChatEngine } from "../../engine/api/chat-engine";
import type { ChatHistory, ChatOptions } from "../../engine/api/chats";
import type {
  LoadOptions,
  ModelInfo,
  ModelSource,
} from "../../engine/api/models";
import type { EngineNotice } from "../../engine/api/notice";
import { ChatBusyError } from "../../util/errors";
import {
  type EnginePool,
  type EngineUser,
  modelKey,
  type PooledEngine,
} from "./engine-pool";

type Listener = (notice: EngineNotice) => void;

export class SharedEngine
  extends ForwardingEngine
  implements ChatEngine, EngineUser
{
  readonly #pool: EnginePool;
  readonly #listeners = new Set<Listener>();
  #pooled: PooledEngine | undefined;
  /** The engine before `rest`. */
  #before: PooledEngine | undefined;
  #stopHearing: () => void = () => {};
  /** Settled when the open chats have moved to the next engine. */
  #moving: Promise<void> = Promise.resolve();

  constructor(pool: EnginePool) {
    super();
    this.#pool = pool;
  }

  /** Whether it has released its engine: `load` and `wake` take one again. */
  isResting = false;

  override load(
    source: ModelSource,
    options: LoadOptions = {},
  ): Promise<ModelInfo> {
    this.isResting = false;
    const key = modelKey(source, options);
    this.#move(this.#pool.for(this, key));
    const pooled = this.#pooled!;
    return pooled.load(this, key, source, options);
  }

  /**
   * Releases the engine and closes all open chats, when the element leaves the page. The model stays for others.
   * Later calls still work, and leave no chat open.
   */
  rest(): void {
    this.isResting = true;
    const pooled = this.#pooled;
    if (pooled === undefined) return;
    this.#stopHearing();
    this.#pooled = undefined;
    this.#before = pooled;
    pooled.release(this);
    // A chat may still be opening there.
    this.#moving = this.#moving.then(() => this.#leaveAll(pooled));
  }

  /** The element is in the page again. */
  wake(): void {
    this.isResting = false;
  }

  tell(notice: EngineNotice): void {
    for (const listener of this.#listeners) listener(notice);
  }

  /** Forwards a method, and keeps each chat to one element. */
  forward(name: CallName, args: readonly unknown[]): unknown {
    const { kind, writes }: CallShape = CALLS[name];
    const engine = writes
      ? this.#writer(args[0] as string)
      : this.#any().then((pooled) => pooled.engine);
    const call = async () => {
      const found = await engine;
      const method = found[name].bind(found) as (...all: unknown[]) => unknown;
      return method(...args);
    };
    return kind === "stream" ? streamOf(call) : call();
  }

  override async createChat(options?: ChatOptions): Promise<string> {
    const { engine, holders } = await this.#any();
    const chatId = await engine.createChat(options);
    if (!this.isResting) holders.set(chatId, this);
    return chatId;
  }

  override async openChat(chatId: string): Promise<ChatHistory> {
    return this.#open(await this.#any(), chatId);
  }

  override async leaveChat(chatId: string): Promise<void> {
    await this.#leave(await this.#any(), chatId);
  }

  override async deleteChat(chatId: string): Promise<void> {
    const { engine, holders } = await this.#any();
    await engine.deleteChat(chatId);
    holders.delete(chatId);
  }

  onNotice(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The engine stays open for others. */
  async close(): Promise<void> {
    const pooled = this.#pooled;
    this.rest();
    await this.#moving;
    if (pooled) this.#pool.endUnused(pooled);
  }

  /** The engine of the model; until one is asked for, any will do. */
  async #any(): Promise<PooledEngine> {
    // An element that asks for a model does so in this same task.
    await Promise.resolve();
    if (this.#pooled === undefined && !this.isResting)
      this.#hear(this.#pool.any(this));
    await this.#moving;
    if (this.#pooled !== undefined) return this.#pooled;
    return this.isResting ? this.#pool.still(this.#before) : this.#any();
  }

  /** The engine, for changing a chat. @throws ChatBusyError where another element has it open */
  async #writer(chatId: string): Promise<ChatEngine> {
    const { engine, holders } = await this.#any();
    const holder = holders.get(chatId);
    if (holder !== undefined && holder !== this)
      throw new ChatBusyError(
        "This chat is open elsewhere on this page. Close it there to continue here.",
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
    // Nothing else would close it.
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

async function* streamOf(
  call: () => Promise<unknown>,
): AsyncGenerator<unknown, void> {
  yield* (await call()) as AsyncIterable<unknown>;
}

function heldBy(user: SharedEngine, { holders }: PooledEngine): string[] {
  return [...holders]
    .filter(([, holder]) => holder === user)
    .map(([chatId]) => chatId);
}
