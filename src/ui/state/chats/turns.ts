/** Sends messages: each is saved, then answered in its turn; failures are reported. */
import type { ChatEngine } from "../../../engine/api/chat-engine";
import type { MessageOptions } from "../../../engine/api/chats";
import { asError } from "../../base/as-error";
import type { Conversation } from "./conversation";
import { isKept, isSound, type Round, waitingRound } from "./round";
import type { VersionWay } from "./round-place";
import type { SettingOptions } from "../settings/settings";
import type { Turn, TurnQueue } from "./turn-queue";
import type { Visit } from "./visit";

export interface TurnsHost {
  engine(): ChatEngine | undefined;
  /** How replies are made. */
  options(): SettingOptions;
  /** The loaded model, as rounds name it. */
  modelName(): string | undefined;
  /** A message was sent. */
  sent(conversation: Conversation, round: Round): void;
  /** After an action of the user or the engine. */
  changed(): void;
  /** After each step of a reply. */
  redraw(): void;
  /** A reply has ended. */
  ended(conversation: Conversation, round: Round): void;
  /** No reply is running any more, however the last one ended. */
  over(conversation: Conversation): void;
  failed(error: Error, during: "send" | "open" | "reply"): void;
  /** Another tab writes the chat. */
  taken(conversation: Conversation): void;
}

export class Turns {
  readonly #host: TurnsHost;
  readonly #queue: TurnQueue;
  readonly #visit: Visit;
  /** Whether the model thinks before it answers, if it can. */
  thinks = true;

  constructor(queue: TurnQueue, visit: Visit, host: TurnsHost) {
    this.#queue = queue;
    this.#visit = visit;
    this.#host = host;
  }

  /**
   * Sends `text`: saves it, then has it answered. Does nothing while the chat is busy.
   *
   * @returns the round when it is done, failed or left unanswered; undefined where nothing was sent
   */
  send(conversation: Conversation, text: string): Promise<Round> | undefined {
    const message = messageOf(text);
    if (message === "" || !conversation.maySend) return undefined;
    return this.#keep(conversation, message, undefined, async (keptId) => {
      // Until it is saved, it stays in the box.
      if (messageOf(conversation.draft) === message) conversation.draft = "";
      // A message that was left unanswered has become another version of this one.
      const last = conversation.rounds.findLast(isKept);
      if (keptId !== undefined && last && !isSound(last))
        return this.#readAgain(conversation, message, keptId);
      return conversation.append(message, keptId);
    });
  }

  /** Sends what is in the box once the reply has stopped. */
  sendNext(conversation: Conversation): void {
    void conversation.turn
      .then(() => this.send(conversation, conversation.draft))
      .catch(() => undefined);
  }

  /** Sends an example, or puts it into an empty box where it can't be sent. */
  suggest(conversation: Conversation, text: string): void {
    const sent = this.send(conversation, text);
    const putIntoBox = () => {
      conversation.draft ||= text;
      this.#host.changed();
    };
    if (sent) sent.catch(putIntoBox);
    else putIntoBox();
  }

  /** Sends another version of a saved round's message, or a message above it. */
  sendVersion(
    conversation: Conversation,
    roundId: number,
    text: string,
    way: VersionWay,
  ): void {
    // Unsent text is still in its editor, or in the box of a read-only chat.
    this.#sendVersion(conversation, roundId, text, way)?.catch(() => {
      if (conversation.access === "write") return;
      conversation.edit(roundId, undefined);
      conversation.putBack(messageOf(text));
      this.#host.changed();
    });
  }

  /** Answers the same message again. If that fails, the previous reply is shown again. */
  regenerate(conversation: Conversation, roundId: number): void {
    const old = conversation.find(roundId);
    if (old === undefined || !isKept(old)) return;
    const { message, results } = old;
    const way = "branch";
    this.#sendVersion(conversation, roundId, message, way, results)?.then(
      (round) => {
        if (!isKept(round) || round.phase === "done") return;
        this.#change(conversation, async (engine, chatId) => {
          await engine.deleteRound(chatId, round.keptId, { isFast: true });
          const history = await engine.showVersion(chatId, old.keptId);
          conversation.takeHistory(history);
          const shown = conversation.findKept(old.keptId);
          const { error } = round;
          if (shown && error) conversation.replace({ ...shown, error });
        });
      },
      () => undefined,
    );
  }

  stop(conversation: Conversation): void {
    const { isSending, running } = conversation;
    if (isSending || running !== undefined) conversation.stop();
  }

  /** Answers a failed or unanswered round; puts it into the box where that is not possible. */
  retry(conversation: Conversation, roundId: number): void {
    const round = conversation.find(roundId);
    if (round === undefined) return;
    if (round.phase === "done") return this.regenerate(conversation, roundId);
    if (!conversation.maySend) return void this.putBack(conversation, roundId);
    void this.#begin(conversation, round, new AbortController());
  }

  /**
   * Opens the message of a failed or unanswered round for editing: in the box, or in its editor where it has other
   * versions or later rounds.
   *
   * @returns where
   */
  putBack(conversation: Conversation, roundId: number): "box" | "editor" {
    const round = conversation.find(roundId);
    if (round === undefined) return "box";
    const { message, versions } = round;
    const isAlone = versions.length < 2 && conversation.rounds.at(-1) === round;
    if (isKept(round) && !isAlone) {
      conversation.edit(roundId, { text: message });
    } else {
      conversation.take(roundId);
      conversation.putBack(message);
      this.forget(conversation, round);
    }
    this.#host.changed();
    return isKept(round) && !isAlone ? "editor" : "box";
  }

  /** Deletes a removed round in the engine. */
  forget(conversation: Conversation, { keptId }: Round): void {
    if (keptId === undefined) return;
    this.#change(conversation, async (engine, chatId) => {
      const changes = { isFast: true };
      conversation.takeHistory(
        await engine.deleteRound(chatId, keptId, changes),
      );
    });
  }

  #sendVersion(
    conversation: Conversation,
    roundId: number,
    text: string,
    way: VersionWay,
    results?: MessageOptions["results"],
  ): Promise<Round> | undefined {
    const message = messageOf(text);
    const isEmpty = message === "" && results === undefined;
    if (isEmpty || !conversation.maySend) return undefined;
    const place = conversation.placeFor(roundId, way);
    if (place === undefined) return undefined;
    const options = { place, results };
    return this.#keep(conversation, message, options, async (keptId) => {
      conversation.edit(roundId, undefined);
      return this.#readAgain(conversation, message, keptId!);
    });
  }

  /** Changes the saved chat after pending operations. */
  #change(
    conversation: Conversation,
    change: (engine: ChatEngine, chatId: string) => Promise<void>,
  ): void {
    const { chatId } = conversation;
    const engine = this.#host.engine();
    if (engine === undefined || chatId === undefined) return;
    conversation.visit = conversation.visit
      .then(() => change(engine, chatId))
      // Reading the chat again shows what is saved.
      .catch((thrown: unknown) => this.#host.failed(asError(thrown), "send"))
      .finally(() => this.#host.changed());
  }

  /**
   * Has the engine save a message, then answers it.
   *
   * @param show shows it as a round, once it is saved or where
   * there is no engine yet
   */
  async #keep(
    conversation: Conversation,
    message: string,
    options: MessageOptions | undefined,
    show: (keptId: number | undefined) => Round | Promise<Round>,
  ): Promise<Round> {
    const stopping = new AbortController();
    conversation.isSending = true;
    conversation.stop = () => stopping.abort();
    this.#host.changed();
    let round: Round;
    try {
      // Waits for a chat that is being opened or closed.
      await conversation.visit;
      const engine = this.#host.engine();
      round = await show(
        engine && (await conversation.keep(engine, message, options)),
      );
    } catch (thrown) {
      const error = asError(thrown);
      if (error.name === "ChatBusyError") this.#yield(conversation);
      else this.#host.failed(error, "send");
      throw error;
    } finally {
      conversation.isSending = false;
      this.#host.changed();
    }
    return this.#begin(conversation, round, stopping);
  }

  async #begin(
    conversation: Conversation,
    kept: Round,
    stopping: AbortController,
  ): Promise<Round> {
    const round = waitingRound(kept);
    const unanswered: Round = { ...round, phase: "unanswered" };
    conversation.replace(stopping.signal.aborted ? unanswered : round);
    this.#host.sent(conversation, round);
    this.#host.changed();
    if (stopping.signal.aborted) return unanswered;
    return new Promise((settle) => {
      const turn: Turn = () => {
        const { signal } = stopping;
        const running = this.#run(conversation, round, signal);
        return (conversation.turn = running.then(settle));
      };
      conversation.stop = () => {
        if (!this.#queue.remove(turn)) stopReply(conversation, stopping);
        else {
          conversation.replace(unanswered);
          settle(unanswered);
        }
        this.#host.changed();
      };
      this.#queue.add(turn);
    });
  }

  async #run(
    conversation: Conversation,
    sent: Round,
    signal: AbortSignal,
  ): Promise<Round> {
    const { id } = sent;
    // Waits for a chat that is being closed; it must be opened again first.
    await conversation.visit;
    const engine = this.#host.engine();
    if (engine === undefined) return sent;
    const redraw = () => this.#host.redraw();
    const { thinks } = this;
    const options = this.#host.options();
    const modelName = this.#host.modelName();
    const ways = { ...options, thinks, signal, modelName, changed: redraw };
    const round = await conversation.reply(engine, id, ways);
    if (round?.error?.name === "ChatBusyError") this.#yield(conversation);
    else if (round?.error !== undefined)
      this.#host.failed(round.error, "reply");
    else if (round?.phase === "done") this.#host.ended(conversation, round);
    this.#visit.leave(conversation);
    this.#host.over(conversation);
    this.#host.changed();
    return round ?? { ...sent, phase: "unanswered" };
  }

  /**
   * Reads a chat anew after a message was saved: rounds behind an added version have new ids. If that fails, the
   * page goes on with what it shows.
   *
   * @returns the message's round
   */
  async #readAgain(
    conversation: Conversation,
    message: string,
    keptId: number,
  ): Promise<Round> {
    const { chatId } = conversation;
    const engine = this.#host.engine();
    try {
      if (engine !== undefined && chatId !== undefined)
        conversation.takeHistory(await engine.openChat(chatId));
    } catch (thrown) {
      this.#host.failed(asError(thrown), "open");
    }
    return (
      conversation.findKept(keptId) ?? conversation.append(message, keptId)
    );
  }

  /** Another tab writes the chat: unsent text stays in its box. */
  #yield(conversation: Conversation): void {
    conversation.access = "read";
    this.#host.taken(conversation);
  }
}

/** A text without white space around it. The indentation of a first line among others, as of pasted code, stays. */
function messageOf(text: string): string {
  const trimmed = text.trim();
  return trimmed.includes("\n")
    ? text.replace(/^(?:[^\S\n]*\n)+/, "").trimEnd()
    : trimmed;
}

function stopReply(conversation: Conversation, stopping: AbortController) {
  const { running } = conversation;
  if (running !== undefined)
    conversation.replace({ ...running, isStopping: true });
  stopping.abort();
}
