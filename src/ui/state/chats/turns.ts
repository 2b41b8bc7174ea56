/** What is said in the chats: each message waits for its turn, and a turn that has failed is said so. */
import type { ChatEngine } from "../../../engine/api/chat-engine";
import type { Conversation } from "./conversation";
import { isKept, type Round } from "./round";
import type { VersionWay } from "./round-place";
import type { SettingOptions } from "../settings/settings";
import type { Turn, TurnQueue } from "./turn-queue";
import type { Visit } from "./visit";

export interface TurnsHost {
  engine(): ChatEngine | undefined;
  /** How replies are made. */
  options(): SettingOptions;
  /** A message was sent. */
  sent(conversation: Conversation, round: Round): void;
  /** After what the user or the engine did. */
  changed(): void;
  /** After each step of a reply. */
  redraw(): void;
  /** A reply has ended. */
  ended(conversation: Conversation, round: Round): void;
  /** No reply is coming any more, however the last one ended. */
  over(conversation: Conversation): void;
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

  /**
   * Sends `text`. Does nothing while something else is on its way there.
   *
   * @returns the round when it is over: done, failed, or not sent after all; undefined where nothing was sent
   */
  send(conversation: Conversation, text: string): Promise<Round> | undefined {
    const message = text.trim();
    if (message === "" || !conversation.maySend) return undefined;
    const round = conversation.append(message);
    if (conversation.draft.trim() === message) conversation.draft = "";
    return this.#begin(conversation, round);
  }

  /** Sends an example, or leaves it in the empty box where that cannot be. */
  suggest(conversation: Conversation, text: string): void {
    if (conversation.maySend) return void this.send(conversation, text);
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
    if (round !== undefined) void this.#begin(conversation, round);
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
    if (round !== undefined) void this.send(conversation, round.message);
  }

  /** Puts the message of a round that failed or was not sent back into the box. */
  putBack(conversation: Conversation, roundId: number): void {
    const round = conversation.take(roundId);
    if (round !== undefined) conversation.putBack(round.message);
    this.#host.changed();
  }

  #begin(conversation: Conversation, round: Round): Promise<Round> {
    const stopping = new AbortController();
    return new Promise((settle) => {
      const turn: Turn = () => {
        const { signal } = stopping;
        const running = this.#run(conversation, round, signal);
        return (conversation.turn = running.then(settle));
      };
      conversation.stop = () => {
        const unsent: Round = { ...round, phase: "unsent" };
        if (!this.#queue.remove(turn)) stopReply(conversation, stopping);
        else {
          if (round.place) conversation.withdrawVersion(round);
          else conversation.replace(unsent);
          settle(unsent);
        }
        this.#host.changed();
      };
      this.#queue.add(turn);
      this.#host.sent(conversation, round);
      this.#host.changed();
    });
  }

  async #run(
    conversation: Conversation,
    sent: Round,
    signal: AbortSignal,
  ): Promise<Round> {
    const { id, place } = sent;
    // A chat that is just being left must be opened again first.
    await conversation.visit;
    const engine = this.#host.engine();
    if (engine === undefined) return sent;
    const redraw = () => this.#host.redraw();
    const { thinks } = this;
    const options = this.#host.options();
    const ways = { ...options, thinks, signal, changed: redraw };
    const round = await conversation.reply(engine, id, ways);
    if (place !== undefined) await this.#readAgain(engine, conversation);
    if (round?.error?.name === "ChatBusyError")
      this.#yield(conversation, round);
    else if (round?.error !== undefined) this.#host.failed(round.error);
    else if (round?.phase === "done") this.#host.ended(conversation, round);
    this.#visit.leave(conversation);
    this.#host.over(conversation);
    this.#host.changed();
    return round ?? { ...sent, phase: "unsent" };
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
