/** What is said in the chats: each message waits for its turn, and a turn that has failed is said so. */
import type { ChatEngine } from "../engine/chat-engine";
import type { Conversation } from "./conversation";
import { isKept, type Round } from "./round";
import type { VersionWay } from "./round-place";
import type { Turn, TurnQueue } from "./turn-queue";
import type { Visit } from "./visit";

export interface TurnsHost {
  engine(): ChatEngine | undefined;
  /** After what the user or the engine did. */
  changed(): void;
  /** After each step of a reply. */
  redraw(): void;
  /** A reply has ended. */
  ended(conversation: Conversation, round: Round): void;
  failed(error: Error): void;
  /** Another tab writes the chat. */
  taken(conversation: Conversation): void;
}

export class Turns {
  readonly #host: TurnsHost;
  readonly #queue: TurnQueue;
  readonly #visit: Visit;
  /** Whether a model that can thinks before it answers. */
  thinks = true;

  constructor(queue: TurnQueue, visit: Visit, host: TurnsHost) {
    this.#queue = queue;
    this.#visit = visit;
    this.#host = host;
  }

  /** Sends `text`. Does nothing while something else is on its way there. */
  send(conversation: Conversation, text: string): void {
    const message = text.trim();
    if (message === "" || !conversation.maySend) return;
    const round = conversation.append(message);
    if (conversation.draft.trim() === message) conversation.draft = "";
    this.#begin(conversation, round);
  }

  /** Sends an example, or leaves it in the empty box where that cannot be. */
  suggest(conversation: Conversation, text: string): void {
    if (conversation.maySend) return this.send(conversation, text);
    conversation.draft ||= text;
    this.#host.changed();
  }

  /** Sends another version of a kept round's message, or a message above it. */
  sendVersion(
    conversation: Conversation,
    roundId: number,
    text: string,
    way: VersionWay,
  ): void {
    const message = text.trim();
    if (message === "" || !conversation.maySend) return;
    const round = conversation.appendVersion(roundId, message, way);
    if (round !== undefined) this.#begin(conversation, round);
  }

  /** Has the same message answered once more. */
  regenerate(conversation: Conversation, roundId: number): void {
    const message = conversation.find(roundId)?.message ?? "";
    this.sendVersion(conversation, roundId, message, "branch");
  }

  stop(conversation: Conversation): void {
    if (conversation.running !== undefined) conversation.stop();
  }

  /** Sends a round that failed or was not sent once more; puts it into the box while that cannot be. */
  retry(conversation: Conversation, roundId: number): void {
    const failed = conversation.find(roundId);
    if (failed !== undefined && isKept(failed))
      return this.regenerate(conversation, roundId);
    if (!conversation.maySend) return this.putBack(conversation, roundId);
    const round = conversation.take(roundId);
    if (round !== undefined) this.send(conversation, round.message);
  }

  /** Puts the message of a round that failed or was not sent back into the box. */
  putBack(conversation: Conversation, roundId: number): void {
    const round = conversation.take(roundId);
    if (round !== undefined) conversation.putBack(round.message);
    this.#host.changed();
  }

  #begin(conversation: Conversation, round: Round): void {
    const stopping = new AbortController();
    const turn: Turn = () => {
      const { signal } = stopping;
      return (conversation.turn = this.#run(conversation, round, signal));
    };
    conversation.stop = () => {
      if (!this.#queue.remove(turn)) stopReply(conversation, stopping);
      else if (round.place) conversation.withdrawVersion(round);
      else conversation.replace({ ...round, phase: "unsent" });
      this.#host.changed();
    };
    this.#queue.add(turn);
    this.#host.changed();
  }

  async #run(
    conversation: Conversation,
    { id, place }: Round,
    signal: AbortSignal,
  ): Promise<void> {
    // A chat that is just being left must be opened again first.
    await conversation.visit;
    const engine = this.#host.engine();
    if (engine === undefined) return;
    const redraw = () => this.#host.redraw();
    const { thinks } = this;
    const ways = { thinks, signal, changed: redraw };
    const round = await conversation.reply(engine, id, ways);
    if (place !== undefined) await this.#readAgain(engine, conversation);
    if (round?.error?.name === "ChatBusyError")
      this.#yield(conversation, round);
    else if (round?.error !== undefined) this.#host.failed(round.error);
    else if (round?.phase === "done") this.#host.ended(conversation, round);
    this.#visit.leave(conversation);
    this.#host.changed();
  }

  /** What follows a version that was added has other names now. */
  async #readAgain(
    engine: ChatEngine,
    conversation: Conversation,
  ): Promise<void> {
    const { chatId } = conversation;
    if (chatId === undefined) return;
    conversation.isChanging = true;
    try {
      conversation.takeHistory(await engine.openChat(chatId));
    } catch {
      // What is on the page is what was said, though not all of it may be named rightly.
    } finally {
      conversation.isChanging = false;
    }
  }

  /** What was not sent goes back into the box until it may be. */
  #yield(conversation: Conversation, round: Round): void {
    if (round.place === undefined) {
      conversation.take(round.id);
      conversation.putBack(round.message);
    } else if (conversation.find(round.id)?.edit !== undefined) {
      conversation.edit(round.id, undefined);
      conversation.putBack(round.message);
    }
    conversation.access = "read";
    this.#host.taken(conversation);
  }
}

function stopReply(conversation: Conversation, stopping: AbortController) {
  const { running } = conversation;
  if (running !== undefined)
    conversation.replace({ ...running, isStopping: true });
  stopping.abort();
}
