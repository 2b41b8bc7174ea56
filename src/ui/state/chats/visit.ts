/**
 * The stay in one chat. Who enters takes it from the engine: its text at once, and what the model knows
 * of it as soon as there is a model. Who goes on to another leaves it to other tabs.
 */
import type { ChatEngine } from "../../../engine/api/chat-engine";
import type { RestoreProgress } from "../../../engine/api/kv-memory";
import { asError } from "../../base/as-error";
import type { Conversation } from "./conversation";
import type { Turn, TurnQueue } from "./turn-queue";

export interface VisitHost {
  /** Something to draw has changed. */
  changed(): void;
  /** There is no such chat any more. */
  gone(conversation: Conversation): void;
  /** So many rounds of the chat could not be read, or only in part. */
  damaged(rounds: number): void;
  failed(error: Error): void;
}

export class Visit {
  readonly #host: VisitHost;
  readonly #queue: TurnQueue;
  #engine: ChatEngine | undefined;
  #conversation: Conversation | undefined;
  #endRestoring: () => void = () => {};

  /** How far the chat's memory is brought back; undefined while that does not go on. */
  progress: RestoreProgress | undefined;
  /** Whether the chat's text is on its way. */
  isOpening = false;

  constructor(queue: TurnQueue, host: VisitHost) {
    this.#queue = queue;
    this.#host = host;
  }

  /** Enters a chat, leaving the one before; or enters the same once more, to see what has become of it. */
  enter(engine: ChatEngine | undefined, conversation: Conversation): void {
    const before = this.#conversation;
    if (before !== undefined && before !== conversation) this.leave(before);
    this.#engine = engine;
    this.#conversation = conversation;
    this.#endRestoring();
    this.isOpening = false;
    if (engine === undefined || conversation.chatId === undefined) return;
    this.isOpening = true;
    step(conversation, () => this.#open(engine, conversation));
  }

  /**
   * Leaves a chat to other tabs, unless it is shown, or something is still due there: to be called again
   * after that. Where the engine does not list it, there is nothing for other tabs.
   */
  leave(conversation: Conversation): void {
    const engine = this.#engine;
    step(conversation, async () => {
      const { chatId, isBusy, isListed } = conversation;
      if (chatId === undefined || !isListed || isBusy) return;
      if (conversation !== this.#conversation) await engine?.leaveChat(chatId);
    });
  }

  /** Brings back what a change of the chat has left to do, as after its opening. */
  restore(conversation: Conversation): void {
    const isHere = conversation === this.#conversation;
    if (this.#engine !== undefined && isHere && conversation.access === "write")
      this.#restore(this.#engine, conversation);
  }

  /** Ends the bringing back of a chat that is about to be another one. */
  endRestoring(conversation: Conversation): void {
    if (conversation === this.#conversation) this.#endRestoring();
  }

  async #open(engine: ChatEngine, conversation: Conversation): Promise<void> {
    const isHere = () => conversation === this.#conversation;
    const { chatId } = conversation;
    if (chatId === undefined || !isHere()) return;
    try {
      const history = await engine.openChat(chatId);
      const known = conversation.damagedRounds;
      conversation.takeHistory(history);
      const { damagedRounds } = conversation;
      if (damagedRounds > known) this.#host.damaged(damagedRounds);
      this.restore(conversation);
    } catch (thrown) {
      this.#notOpened(conversation, asError(thrown));
    } finally {
      if (isHere()) this.isOpening = false;
      this.#host.changed();
    }
  }

  #notOpened(conversation: Conversation, error: Error): void {
    const { isEmpty, isListed } = conversation;
    if (error.name === "RangeError" && (isListed || isEmpty))
      return this.#host.gone(conversation);
    // What is on the page stays readable, and the engine may have it too though nothing is kept.
    if (!isEmpty) return;
    conversation.openError = error;
    this.#host.failed(error);
  }

  /** In the queue, so that a message sent meanwhile waits behind it. */
  #restore(engine: ChatEngine, conversation: Conversation): void {
    const { chatId } = conversation;
    if (chatId === undefined || conversation.isEmpty) return;
    this.#endRestoring();
    const ending = new AbortController();
    const { signal } = ending;
    const show = (progress: RestoreProgress | undefined) => {
      if (signal.aborted) return;
      this.progress = progress;
      this.#host.changed();
    };
    const task: Turn = async () => {
      show({ doneTokens: 0, totalTokens: 0 });
      try {
        await engine.restoreChat(chatId, { onProgress: show, signal });
      } catch {
        // The next turn needs the same, and says what is wrong.
      }
      show(undefined);
    };
    this.#endRestoring = () => {
      this.#queue.remove(task);
      ending.abort();
      this.progress = undefined;
    };
    this.#queue.add(task);
  }
}

/** A chat's openings and leavings go one after the other, for the last one counts. Chats do not wait for each other. */
function step(conversation: Conversation, take: () => Promise<void>): void {
  // What cannot be left stays with this tab until it is closed: no harm to what is shown here.
  conversation.visit = conversation.visit.then(take).catch(() => {});
}
