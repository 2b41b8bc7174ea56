/**
 * Opens the shown chat in the engine: its text at once, its KV as soon as there is a model. Closes it when another is
 * shown, so that other tabs can write it.
 */
import type { ChatEngine } from "../../../engine/api/chat-engine";
import type { RestoreProgress } from "../../../engine/api/kv-memory";
import { asError } from "../../base/as-error";
import type { Conversation } from "./conversation";
import type { Turn, TurnQueue } from "./turn-queue";

export interface VisitHost {
  /** Something to draw has changed. */
  changed(): void;
  /** The chat no longer exists. */
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

  /** Progress of restoring the chat's KV, while that runs. */
  progress: RestoreProgress | undefined;
  /** Whether the chat's text is being read. */
  isOpening = false;

  constructor(queue: TurnQueue, host: VisitHost) {
    this.#queue = queue;
    this.#host = host;
  }

  /** Opens a chat and closes the previous one; or reads the same one again. */
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
   * Closes a chat for other tabs, unless it is shown or has pending work: call again after that. An unlisted chat
   * needs no closing.
   */
  leave(conversation: Conversation): void {
    const engine = this.#engine;
    step(conversation, async () => {
      const { chatId, isBusy, isListed } = conversation;
      if (chatId === undefined || !isListed || isBusy) return;
      if (conversation !== this.#conversation) await engine?.leaveChat(chatId);
    });
  }

  /** Restores KV after a change, as after opening. */
  restore(conversation: Conversation): void {
    const isHere = conversation === this.#conversation;
    if (this.#engine !== undefined && isHere && conversation.access === "write")
      this.#restore(this.#engine, conversation);
  }

  /** Stops restoring a chat that is about to change. */
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
    // The page's rounds stay readable, and the engine may have them although nothing is saved.
    if (!isEmpty) return;
    conversation.openError = error;
    this.#host.failed(error);
  }

  /** Queued, so that a message sent meanwhile waits behind it. */
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
        // The next turn needs the same, and reports the error.
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

/** Openings and closings of one chat run in order, since the last one counts. Chats don't wait for each other. */
function step(conversation: Conversation, take: () => Promise<void>): void {
  // A chat that can't be closed stays with this tab until the tab is closed.
  conversation.visit = conversation.visit.then(take).catch(() => {});
}
