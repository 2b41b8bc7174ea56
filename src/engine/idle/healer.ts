/** Has the KV of one chat made exact, round by round, whenever nobody waits for anything. */
import type { EngineNotice } from "../api/notice";
import type { Desk } from "../open/active-chat";
import { healFirst } from "./heal";
import { stalenessOf } from "../chat/staleness";
import type { TaskQueue } from "../../util/task-queue";

export class Healer {
  readonly #queue: TaskQueue;
  readonly #desk: (chatId: string) => Promise<Desk | undefined>;
  readonly #notify: (notice: EngineNotice) => void;
  #isOn = true;
  /** The chat that is healed, or would be. */
  #chatId: string | undefined;

  /** @param desk what is at hand for a chat; undefined where it is not bound, not written here, or its device is gone */
  constructor(
    queue: TaskQueue,
    desk: (chatId: string) => Promise<Desk | undefined>,
    notify: (notice: EngineNotice) => void,
  ) {
    this.#queue = queue;
    this.#desk = desk;
    this.#notify = notify;
  }

  turn(isOn: boolean): void {
    this.#isOn = isOn;
    if (this.#chatId !== undefined) this.heal(this.#chatId);
  }

  /** Begins with a chat, or goes on with it; another one is left. */
  heal(chatId: string): void {
    this.#chatId = chatId;
    if (this.#isOn) void this.#queue.run(() => this.#healOne(chatId), true);
  }

  /** Never rejects: where there is no room for it, or no device, turns repair what they need. */
  async #healOne(chatId: string): Promise<void> {
    const desk = await this.#desk(chatId);
    if (!desk || !this.#isOn || this.#chatId !== chatId) return;
    const tell = (roundsLeft: number) =>
      this.#notify({ type: "healing", chatId, roundsLeft });
    try {
      const { inexact } = await stalenessOf(desk.chat.conversation.rounds);
      tell(inexact.length);
      if (inexact.length === 0) return;
      await desk.keeper.packed();
      const isWanted = () => this.#queue.isWanted;
      const { healed, roundsLeft } = await healFirst(desk.context, isWanted);
      if (healed) {
        desk.keepKv();
        this.#notify({ type: "memory-changed", chatId });
      }
      tell(roundsLeft);
      if (roundsLeft > 0) this.heal(chatId);
    } catch {
      tell(0);
    }
  }
}
