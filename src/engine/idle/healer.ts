/** Has the KV of one chat made exact, round by round, whenever nobody waits for anything. */
import type { TaskQueue } from "../../util/task-queue";
import type { EngineNotice } from "../api/notice";
import { stateOf } from "../chat/kv-state";
import type { ActiveChat } from "../open/active-chat";
import { healFirst } from "./heal";

/** A chat to work on; undefined where no model has bound it, another tab writes it, or its device is gone. */
type FindChat = (chatId: string) => Promise<ActiveChat | undefined>;

export class Healer {
  readonly #queue: TaskQueue;
  readonly #find: FindChat;
  readonly #notify: (notice: EngineNotice) => void;
  #isOn = true;
  /** The chat that is healed, or would be. */
  #chatId: string | undefined;

  constructor(
    queue: TaskQueue,
    find: FindChat,
    notify: (notice: EngineNotice) => void,
  ) {
    this.#queue = queue;
    this.#find = find;
    this.#notify = notify;
  }

  turn(isOn: boolean): void {
    this.#isOn = isOn;
    if (this.#chatId !== undefined) this.heal(this.#chatId);
  }

  /** Begins with a chat, or goes on with it; another one is left. */
  heal(chatId: string): void {
    this.#chatId = chatId;
    if (!this.#isOn) return;
    void this.#queue.run(() => this.#healOne(chatId), true);
  }

  /** Never rejects: where there is no room for it, or no device, turns repair what they need. */
  async #healOne(chatId: string): Promise<void> {
    const tell = (roundsLeft: number) =>
      this.#notify({ type: "healing", chatId, roundsLeft });
    try {
      const active = await this.#find(chatId);
      if (!active || !this.#isOn || this.#chatId !== chatId) return;
      const { inexact } = await stateOf(active.conversation.rounds);
      tell(inexact.length);
      if (inexact.length === 0) return;
      await active.packed();
      const isWanted = () => this.#queue.isWanted;
      const { healed, roundsLeft } = await healFirst(active.context, isWanted);
      if (healed) {
        active.storeKv();
        this.#notify({ type: "memory-changed", chatId });
      }
      tell(roundsLeft);
      if (roundsLeft > 0) this.heal(chatId);
    } catch {
      tell(0);
    }
  }
}
