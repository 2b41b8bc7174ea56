/**
 * The engine's part in the memory panel: takes snapshots, verifies turns, and pins, evicts and wipes KV for the
 * user. Text is never touched.
 */
import { isResident } from "../memory/round";
import { HALVES } from "../util/kv-half";
import { lazyPart } from "../util/lazy-part";
import { TaskQueue } from "../util/task-queue";
import type {
  KvMemory,
  MemoryOptions,
  VerifyOptions,
  VerifyReport,
} from "./api/kv-memory";
import type { MemorySnapshot } from "./api/memory-snapshot";
import { type ChatRound, forgetDeletedKv } from "./chat/chat-round";
import type { SnapshotSources } from "./inspect/take-snapshot";
import type { ActiveChat } from "./open/active-chat";
import { pinRound } from "./open/edit-chat";
import type { ChatStores } from "./open/open-archive";
import { TurnLog } from "./turn/turn-log";

const takeSnapshot = lazyPart(
  async () => (await import("./inspect/take-snapshot")).takeSnapshot,
);
const verifyRound = lazyPart(
  async () => (await import("./inspect/verify")).verifyRound,
);

/** The parts of the engine that it uses. */
export interface MemoryControlsContext extends Pick<
  SnapshotSources,
  "loaded" | "models"
> {
  /** Queue of everything that uses the GPU. */
  queue: TaskQueue;
  stores: () => Promise<ChatStores>;
  /** A chat to work on; loads its model and binds it first, if necessary. */
  activate: (chatId: string) => Promise<ActiveChat>;
  /** The same if the chat is bound and its device is there. */
  active: (chatId: string) => Promise<ActiveChat | undefined>;
  /** Notifies listeners that the memory snapshot changed. */
  tell: (chatId: string | undefined) => void;
}

export class MemoryControls implements Omit<
  KvMemory,
  "restoreChat" | "setHealing"
> {
  readonly turns = new TurnLog();
  readonly #context: MemoryControlsContext;
  readonly #verifying = new TaskQueue();

  constructor(context: MemoryControlsContext) {
    this.#context = context;
  }

  async memory(options?: MemoryOptions): Promise<MemorySnapshot> {
    const stores = await this.#context.stores();
    const { records } = this.turns;
    return takeSnapshot({ ...this.#context, stores, turns: records }, options);
  }

  verify(
    chatId: string,
    roundId: number,
    options: VerifyOptions = {},
  ): Promise<VerifyReport> {
    const { queue, activate, tell } = this.#context;
    const shouldYield = () => queue.hasWaiting;
    // One at a time: two would interrupt each other for ever.
    return this.#verifying.run(async () => {
      for (;;) {
        options.signal?.throwIfAborted();
        try {
          const report = await queue.run(async () => {
            const active = await activate(chatId);
            // Packing pins the pages meanwhile.
            await active.packed();
            return verifyRound(active, roundId, { ...options, shouldYield });
          });
          if (report) return report;
        } finally {
          tell(chatId);
        }
      }
    });
  }

  async pinRound(
    chatId: string,
    roundId: number,
    isPinned: boolean,
  ): Promise<void> {
    const { stores, tell } = this.#context;
    const { chats } = await stores();
    await chats.change(chatId, (chat, text) =>
      pinRound(chat, text, roundId, isPinned),
    );
    tell(chatId);
  }

  async evictRound(chatId: string, roundId: number): Promise<void> {
    const { queue, stores, active, tell } = this.#context;
    const running = await active(chatId);
    if (running) {
      await running.packed();
      assertNotInUse(running, roundId);
    }
    await queue.run(async () => {
      const { chats } = await stores();
      const found = await active(chatId);
      // A chat that no model has bound has no pages.
      if (found) await evict(found, roundId, chats.isWritten(chatId));
      else (await known(stores, chatId)).find(roundId);
    });
    tell(chatId);
  }

  async wipeKv(chatId?: string): Promise<void> {
    const { queue, stores, tell } = this.#context;
    await queue.run(async () => {
      const { archive, chats, kv } = await stores();
      await kv.packed();
      if (chatId !== undefined && chats.get(chatId)) chats.toWrite(chatId);
      else if (chatId !== undefined) await known(stores, chatId);
      await archive.wipeKv(chatId);
      const open = chatId === undefined ? chats.all : [chats.get(chatId)];
      for (const chat of open) chat?.conversation.all.forEach(forgetDeletedKv);
    });
    tell(chatId);
  }
}

/** @throws RangeError if there is no such chat; StoreError */
async function known(stores: MemoryControlsContext["stores"], chatId: string) {
  const found = await (await stores()).chats.find(chatId);
  if (found) return found.conversation;
  throw new RangeError(`There is no chat ${chatId}.`);
}

/**
 * Evicts a round from the GPU, storing it first as far as the store has room. No turn may run.
 *
 * @param isWritten whether this tab writes the chat, and so may store KV of it
 */
async function evict(
  active: ActiveChat,
  roundId: number,
  isWritten: boolean,
): Promise<void> {
  await active.packed();
  const round = assertNotInUse(active, roundId);
  if (isWritten && HALVES.some((half) => isResident(round, half)))
    active.storeKv([round]);
  await active.stored();
  assertNotInUse(active, roundId);
  for (const half of HALVES) active.loaded.residency.drop(round, half);
}

/** @throws RangeError if there is no such round; Error if a turn needs it */
function assertNotInUse(
  { conversation, loaded: { residency } }: ActiveChat,
  roundId: number,
): ChatRound {
  const round = conversation.find(roundId);
  if (HALVES.some((half) => residency.isPinned(round, half)))
    throw new Error(
      `Round ${roundId} is in use by the current reply. Try again when the reply has ended.`,
    );
  return round;
}
