/**
 * Writes what is said in chats. What could not be written, for want of room or because the store was slow, is
 * written with what is said next: no text is given up while the page is open.
 */
import type { ChatRound, RoundFields } from "../chat/chat-round";
import type { Conversation } from "../chat/conversation";
import type { Archive, ChatChanges, ChatHead } from "./archive";

/** The model that chats are held with; its name is empty where none is loaded. */
export type ModelLabel = ChatHead["model"];

export class TextWriter {
  readonly #archive: Archive;
  readonly #model: () => ModelLabel;
  /** Rounds that were refused once. */
  readonly #refused = new WeakSet<ChatRound>();

  constructor(archive: Archive, model: () => ModelLabel) {
    this.#archive = archive;
    this.#model = model;
  }

  /**
   * Writes rounds of a chat as they are now, and all that is not written yet. The first ones make the chat.
   *
   * @returns whether they are kept. Never rejects
   */
  async save(
    conversation: Conversation,
    rounds: readonly ChatRound[],
    changes?: ChatChanges,
  ): Promise<boolean> {
    const writing = this.#withUnsaved(conversation, rounds);
    if (writing.length === 0) return true;
    const written = writing.map(markOf);
    const head = this.#headOf(conversation);
    const isKept = await this.#archive.saveRounds(head, writing, changes);
    writing.forEach((round, i) => note(round, isKept, written[i]!));
    if (!isKept) for (const round of writing) this.#refused.add(round);
    return isKept;
  }

  /**
   * Tries again to write what was refused.
   *
   * @returns whether nothing is left to be written. Never rejects
   */
  async catchUp(conversation: Conversation): Promise<boolean> {
    const isBehind = conversation.all.some(
      (round) => round.saved === "nothing" && this.#refused.has(round),
    );
    return !isBehind || this.save(conversation, []);
  }

  /**
   * Changes what is kept of a chat beside what was said, with rounds whose tokens are others by that.
   *
   * @throws StoreError; then nothing is changed
   */
  async change(
    conversation: Conversation,
    changes: ChatChanges,
    rounds?: readonly RoundFields[],
  ): Promise<void> {
    await this.#archive.change(this.#headOf(conversation), changes, rounds);
  }

  /** Resolves when what was to be written of a chat so far is, or has failed. */
  idle(chatId: string): Promise<void> {
    return this.#archive.idle(chatId);
  }

  #withUnsaved(
    { all }: Conversation,
    rounds: readonly ChatRound[],
  ): ChatRound[] {
    const unsaved = all.filter(({ saved }) => saved === "nothing");
    return [...new Set([...unsaved, ...rounds])].filter(
      ({ saved }) => saved !== "damaged",
    );
  }

  #headOf({ id, system, createdMs, pinned, nextId }: Conversation): ChatHead {
    return {
      id,
      system,
      createdMs,
      nextId,
      model: this.#model(),
      ...(pinned.size > 0 && { pinnedIds: [...pinned] }),
    };
  }
}

/** What tells whether a round's tokens are still those that were written. */
function markOf({ tokens, textFingerprint }: ChatRound) {
  return { count: tokens.length, textFingerprint };
}

function note(
  round: ChatRound,
  isKept: boolean,
  { count, textFingerprint }: ReturnType<typeof markOf>,
): void {
  const isSame =
    round.tokens.length === count && round.textFingerprint === textFingerprint;
  if (!isKept) round.saved = "nothing";
  else round.saved = isSame ? "all" : "text";
}
