/**
 * What the engine does for the memory panel: says what is where, holds turns against full attention, and has
 * people pin, evict and forget. Text is never touched.
 */
import { HALVES } from "../util/kv-half";
import type { ChatRound } from "./chat/conversation";
import type { Desk } from "./open/active-chat";
import type {
  MemoryOptions,
  MemorySource,
  VerifyOptions,
  VerifyReport,
} from "./api/kv-memory";
import type { MemorySnapshot } from "./api/memory-snapshot";
import { type SnapshotSources, takeSnapshot } from "./inspect/take-snapshot";
import type { Shelf } from "./open/open-archive";
import { forgetKv } from "./chat/staleness";
import { TaskQueue } from "../util/task-queue";
import { TurnLog } from "./turn/turn-log";
import { verifyRound } from "./inspect/verify";

/** What it needs of the engine. */
export interface EngineHands extends Pick<
  SnapshotSources,
  "session" | "models"
> {
  /** Of all that uses the GPU. */
  queue: TaskQueue;
  shelf: () => Promise<Shelf>;
  /** All that work on a chat needs. */
  desk: (chatId: string) => Promise<Desk>;
  /** The same, where the chat is bound and its device is there. */
  deskAtHand: (chatId: string) => Promise<Desk | undefined>;
  /** Tells who listens that memory is another one now. */
  tell: (chatId: string | undefined) => void;
}

export class EngineMemory implements Omit<
  MemorySource,
  "deleteRound" | "onNotice"
> {
  readonly turns = new TurnLog();
  readonly #hands: EngineHands;
  readonly #verifying = new TaskQueue();

  constructor(hands: EngineHands) {
    this.#hands = hands;
  }

  async memory(options?: MemoryOptions): Promise<MemorySnapshot> {
    const shelf = await this.#hands.shelf();
    const { records } = this.turns;
    return takeSnapshot({ ...this.#hands, shelf, turns: records }, options);
  }

  verify(
    chatId: string,
    roundId: number,
    options: VerifyOptions = {},
  ): Promise<VerifyReport> {
    const { queue, desk, tell } = this.#hands;
    const isWanted = () => queue.isWanted;
    // One at a time: two would interrupt each other for ever.
    return this.#verifying.run(async () => {
      for (;;) {
        options.signal?.throwIfAborted();
        try {
          const report = await queue.run(async () => {
            const ready = await desk(chatId);
            // What is being packed stays where it is meanwhile.
            await ready.keeper.packed();
            return verifyRound(ready, roundId, { ...options, isWanted });
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
    const { shelf, tell } = this.#hands;
    await (await shelf()).chats.pin(chatId, roundId, isPinned);
    tell(chatId);
  }

  async evictRound(chatId: string, roundId: number): Promise<void> {
    const { queue, shelf, deskAtHand, tell } = this.#hands;
    const running = await deskAtHand(chatId);
    if (running) {
      await running.keeper.packed();
      assertNotInUse(running, roundId);
    }
    await queue.run(async () => {
      const desk = await deskAtHand(chatId);
      const { chats } = await shelf();
      // What no model has bound has nothing on the GPU.
      if (desk) await evict(desk, roundId, chats.isWritten(chatId));
      else await chats.assertRound(chatId, roundId);
    });
    tell(chatId);
  }

  async wipeKv(chatId?: string): Promise<void> {
    const { queue, shelf, session, tell } = this.#hands;
    await queue.run(async () => {
      const { archive, chats, keeper } = await shelf();
      await keeper.packed();
      const bound = await chats.forgetKv(chatId);
      await archive.wipeKv(chatId);
      for (const { conversation } of bound)
        for (const round of conversation.all)
          forgetKv(session()?.residency, round);
    });
    tell(chatId);
  }
}

/**
 * Takes a round off the GPU, stored before as far as the store has room. While no turn runs.
 *
 * @param isWritten whether this tab writes the chat, and so may store something of it
 */
async function evict(
  desk: Desk,
  roundId: number,
  isWritten: boolean,
): Promise<void> {
  await desk.keeper.packed();
  const found = assertNotInUse(desk, roundId);
  if (isWritten) desk.keepKv([found]);
  await desk.kept();
  const round = assertNotInUse(desk, roundId);
  for (const half of HALVES) desk.session.residency.drop(round, half);
  // What comes back is what is stored.
  round.isRepaired = false;
}

/** @throws RangeError where there is no such round; Error where a turn needs it */
function assertNotInUse(
  { chat, session: { residency } }: Desk,
  roundId: number,
): ChatRound {
  const { all } = chat.conversation;
  const round = all.find(({ id }) => id === roundId);
  if (!round)
    throw new RangeError(`There is no round ${roundId} in this chat.`);
  if (HALVES.some((half) => residency.isPinned(round, half)))
    throw new Error(
      `Round ${roundId} is in use: the reply that is being given reads it. Try again when that has ended.`,
    );
  return round;
}
