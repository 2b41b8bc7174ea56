/** Heals the KV of one chat, a few rounds at a time, whenever the engine is idle. */
import type { TaskQueue } from "../../util/task-queue";
import type { EngineNotice } from "../api/notice";
import { stateOf } from "../chat/kv-state";
import type { ActiveChat } from "../open/active-chat";
import { lazyPart } from "../../util/lazy-part";

const healSome = lazyPart(async () => (await import("./heal")).healSome);

/** Resolves a chat to work on; undefined if no model has bound it, another tab writes it, or its device is lost. */
type FindChat = (chatId: string) => Promise<ActiveChat | undefined>;

export class Healer {
  readonly #queue: TaskQueue;
  readonly #find: FindChat;
  readonly #notify: (notice: EngineNotice) => void;
  #isOn = true;
  /** The chat that is being healed, or would be. */
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

  setEnabled(isOn: boolean): void {
    this.#isOn = isOn;
    if (this.#chatId !== undefined) this.heal(this.#chatId);
  }

  /** Starts or continues healing a chat, instead of any other. */
  heal(chatId: string): void {
    this.#chatId = chatId;
    if (!this.#isOn) return;
    void this.#queue.run(() => this.#healOne(chatId), true);
  }

  /** Never rejects: without room or a device, turns repair what they need. */
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
      const shouldYield = () => this.#queue.hasWaiting;
      const { healed, roundsLeft } = await healSome(
        active.context,
        shouldYield,
      );
      if (healed.length > 0) {
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
