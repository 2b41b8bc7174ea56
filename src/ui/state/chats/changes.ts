/** Changes of a chat without a reply: the engine makes them and returns the new history. */
import type { ChatEngine } from "../../../engine/api/chat-engine";
import type { ChatHistory } from "../../../engine/api/chats";
import { asError } from "../../base/as-error";
import type { Conversation } from "./conversation";
import { placesOf, versionAt } from "./round-place";
import type { Visit } from "./visit";

export interface ChangesHost {
  engine(): ChatEngine | undefined;
  /** Something to draw has changed. */
  changed(): void;
  failed(error: Error): void;
  /** The page's rounds are outdated, or another tab writes the chat. */
  outdated(conversation: Conversation): void;
}

/** Errors of an outdated page. */
const OUTDATED = ["RangeError", "ChatBusyError"];

export class Changes {
  readonly #host: ChangesHost;
  readonly #visit: Visit;

  constructor(visit: Visit, host: ChangesHost) {
    this.#visit = visit;
    this.#host = host;
  }

  /** Shows the version `step` after the shown one. */
  async showVersion(
    conversation: Conversation,
    roundId: number,
    step: number,
  ): Promise<boolean> {
    const round = conversation.find(roundId);
    const version = round && versionAt(round, step);
    if (version === undefined) return false;
    return this.#change(conversation, (engine, chatId) =>
      engine.showVersion(chatId, version),
    );
  }

  /** Deletes a round. Unless `isFast`, later rounds are recomputed. */
  async delete(
    conversation: Conversation,
    roundId: number,
    isFast: boolean,
  ): Promise<boolean> {
    const keptId = conversation.find(roundId)?.keptId;
    if (keptId === undefined) return false;
    return this.#change(conversation, (engine, chatId) =>
      engine.deleteRound(chatId, keptId, { isFast }),
    );
  }

  /** Moves a round one place up or down. */
  async move(
    conversation: Conversation,
    roundId: number,
    direction: "up" | "down",
  ): Promise<boolean> {
    const keptId = conversation.find(roundId)?.keptId;
    const behind = placesOf(conversation.rounds).get(roundId)?.[direction];
    if (keptId === undefined || behind === undefined) return false;
    return this.#change(conversation, (engine, chatId) =>
      engine.moveRound(chatId, keptId, behind),
    );
  }

  /** Sets the chat's system prompt; a new chat begins with it. */
  async instruct(conversation: Conversation, text: string): Promise<boolean> {
    const system = text.trim() === "" ? undefined : text.trim();
    if (system === conversation.system) return true;
    if (conversation.chatId === undefined) {
      conversation.system = system;
      this.#host.changed();
      return true;
    }
    return this.#change(conversation, (engine, chatId) =>
      engine.setSystem(chatId, system),
    );
  }

  /** Resolves with whether it succeeded. */
  async #change(
    conversation: Conversation,
    change: (engine: ChatEngine, chatId: string) => Promise<ChatHistory>,
  ): Promise<boolean> {
    const engine = this.#host.engine();
    const { chatId } = conversation;
    const isOfUse = chatId !== undefined && conversation.mayChange;
    if (engine === undefined || !isOfUse) return false;
    conversation.isChanging = true;
    this.#host.changed();
    // A message sent meanwhile waits for it, as for a visit.
    const changed = conversation.visit.then(async () => {
      this.#visit.endRestoring(conversation);
      const history = await change(engine, chatId);
      // A chat without messages is not saved, and stays new.
      if (conversation.isNew) conversation.system = history.system;
      else conversation.takeHistory(history);
    });
    conversation.visit = changed.catch(() => {});
    const failure = await changed.then(() => undefined, asError);
    conversation.isChanging = false;
    if (failure === undefined) this.#visit.restore(conversation);
    else this.#fail(conversation, failure);
    this.#visit.leave(conversation);
    this.#host.changed();
    return failure === undefined;
  }

  #fail(conversation: Conversation, error: Error): void {
    this.#host.failed(error);
    if (OUTDATED.includes(error.name)) this.#host.outdated(conversation);
    else this.#visit.restore(conversation);
  }
}
