/**
 * Writes the text of chats. What could not be written, because the disk was full or the store was slow, is
 * written with the next rounds: no text is given up while the page is open.
 */
import type { ChatRound, RoundFields } from "../chat/chat-round";
import type { Conversation } from "../chat/conversation";
import type { Archive, ChatChanges, ChatHead } from "./archive";

/** The model in use; its name is empty if none is loaded. */
export type ModelLabel = ChatHead["model"];

export class TextWriter {
  readonly #archive: Archive;
  readonly #model: () => ModelLabel;
  /** Rounds that were refused once. */
  readonly #refused = new WeakSet<ChatRound>();
  /** Rounds that a queued write brings to the store: no other write need bring them too. */
  readonly #underWay = new Map<ChatRound, number>();

  constructor(archive: Archive, model: () => ModelLabel) {
    this.#archive = archive;
    this.#model = model;
  }

  /**
   * Writes rounds of a chat as they are now, together with all that are not written yet. The first ones create
   * the chat.
   *
   * @returns whether they are stored. Never rejects
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
    for (const round of writing) this.#count(round, 1);
    const isKept = await this.#archive.saveRounds(head, writing, changes);
    for (const round of writing) this.#count(round, -1);
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
   * Changes the stored fields of a chat, together with rounds whose tokens change by that.
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

  /** Resolves when the writes queued for a chat so far are done, or have failed. */
  idle(chatId: string): Promise<void> {
    return this.#archive.idle(chatId);
  }

  #withUnsaved(
    { all }: Conversation,
    rounds: readonly ChatRound[],
  ): ChatRound[] {
    const unsaved = all.filter(
      (round) => round.saved === "nothing" && !this.#underWay.has(round),
    );
    return [...new Set([...unsaved, ...rounds])].filter(
      ({ saved }) => saved !== "damaged",
    );
  }

  #count(round: ChatRound, change: 1 | -1): void {
    const count = (this.#underWay.get(round) ?? 0) + change;
    if (count > 0) this.#underWay.set(round, count);
    else this.#underWay.delete(round);
  }

  #headOf(conversation: Conversation): ChatHead {
    const { id, system, tools, owner, createdMs, pinned, nextId } =
      conversation;
    return {
      id,
      system,
      tools,
      owner,
      createdMs,
      nextId,
      model: this.#model(),
      ...(pinned.size > 0 && { pinnedIds: [...pinned] }),
    };
  }
}

/** Identifies a round's tokens, to tell whether they changed since they were written. */
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
