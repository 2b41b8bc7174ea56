/**
 * The chats of the page: those that the engine keeps and those that it does not know yet, and which of
 * them is shown. What the user changes shows at once; the engine's list, when it comes, has the last word.
 */
import type { ChatEngine } from "../../../engine/api/chat-engine";
import type { ChatSummary } from "../../../engine/api/chats";
import { asError } from "../../base/as-error";
import { type Beginning, Conversation, EMPTY_BEGINNING } from "./conversation";
import { Drafts, textOf, type Unsaid } from "./drafts";
import type { Operation } from "./operation";

export interface LibraryHost {
  /** Something to draw has changed. */
  changed(): void;
  /** Another chat is shown. */
  entered(conversation: Conversation): void;
  failed(error: Error, during: Operation): void;
  /** The engine has said which chats there are, or why it cannot. */
  listed(error?: Error): void;
  /** The engine has forgotten a chat: there is more room now. */
  removed(): void;
}

export class ChatLibrary {
  readonly #host: LibraryHost;
  readonly #drafts = new Drafts();
  #engine: ChatEngine | undefined;
  #listings = 0;
  #lastId = 0;
  #beginning = EMPTY_BEGINNING;
  /** Engine's names of chats that the user has deleted: a list on its way may still have them. */
  readonly #deleted = new Set<string>();
  /** Those that the engine lists no more, though a reply is still coming there. */
  #ending: ReadonlySet<Conversation> = new Set();

  conversations: readonly Conversation[];
  current: Conversation;

  constructor(host: LibraryHost) {
    this.#host = host;
    this.current = new Conversation(this.#nextId);
    this.current.putBack(this.#drafts.takeText(() => false));
    this.conversations = [this.current];
  }

  /** Those in which something was said, the one changed last first. */
  get begun(): Conversation[] {
    return this.conversations
      .filter(({ isNew, isKept, summary }) => !isNew && (!isKept || summary))
      .sort((a, b) => b.updatedMs - a.updatedMs);
  }

  /** Takes the chats from this engine. Those of another one are not its own. */
  connect(engine: ChatEngine): void {
    const isFirst = this.#engine === undefined;
    this.#engine = engine;
    if (!isFirst)
      for (const conversation of this.conversations)
        if (conversation.chatId !== undefined)
          this.#leave(conversation, conversation.unsaid);
    void this.refresh();
  }

  /** Asks the engine again which chats there are. */
  async refresh(): Promise<void> {
    const listing = ++this.#listings;
    try {
      const summaries = (await this.#engine?.listChats()) ?? [];
      if (listing !== this.#listings) return;
      this.#take(summaries);
      this.#host.listed();
    } catch (thrown) {
      if (listing !== this.#listings) return;
      this.#reclaim(() => true);
      this.#host.listed(asError(thrown));
    }
    this.#host.changed();
  }

  /** Shows a new chat: the one there is, or else another. */
  newChat(): void {
    this.start(this.#beginning);
  }

  /** Shows a new chat that begins with this. What stands in the box of one that is not begun stays there. */
  start(beginning: Beginning): void {
    const empty = this.#empty(beginning);
    empty.beginWith(beginning);
    this.#enter(empty);
  }

  /** Has new chats begin with this from now on, the one there is too. */
  beginWith(beginning: Beginning): void {
    const before = this.#beginning;
    this.#beginning = beginning;
    for (const conversation of this.conversations)
      if (
        conversation.canBeginWith(beginning) &&
        conversation.beganWith(before)
      )
        conversation.beginWith(beginning);
    this.#host.changed();
  }

  select(conversation: Conversation): void {
    if (conversation !== this.current) this.#enter(conversation);
  }

  /** Shows the chat of this name, which may not be listed yet; without a name, an empty one. */
  show(chatId: string | undefined): void {
    if (chatId === undefined) this.newChat();
    else this.select(this.#named(chatId) ?? this.#add(chatId));
  }

  find(conversationId: number): Conversation | undefined {
    return this.conversations.find(({ id }) => id === conversationId);
  }

  async rename(conversation: Conversation, title: string): Promise<void> {
    const { chatId } = conversation;
    if (chatId === undefined) return;
    conversation.newTitle = title;
    await this.#try("rename", (engine) => engine.renameChat(chatId, title));
    await this.refresh();
    if (conversation.newTitle === title) conversation.newTitle = undefined;
    this.#host.changed();
  }

  /** Forgets a chat, here and in the engine, which first ends its reply. */
  async remove(conversation: Conversation): Promise<void> {
    if (conversation.running !== undefined) conversation.stop();
    for (const attachment of conversation.attachments) attachment.stop();
    this.#drop(conversation);
    await conversation.turn;
    const { chatId } = conversation;
    if (chatId === undefined) return;
    this.#deleted.add(chatId);
    const isGone = await this.#try("delete", async (engine) => {
      await engine.deleteChat(chatId).catch(unlessMissing);
      return true;
    });
    if (isGone) this.#host.removed();
    else this.#deleted.delete(chatId);
    await this.refresh();
  }

  /** The chat as a file; undefined where that failed. */
  export(conversation: Conversation): Promise<Blob | undefined> {
    const { chatId } = conversation;
    if (chatId === undefined) return Promise.resolve(undefined);
    return this.#try("export", (engine) =>
      engine.exportChat(chatId, { withKv: true }),
    );
  }

  /** Adds the chat in a file, and shows it. Says whether that went well. */
  async import(file: Blob): Promise<boolean> {
    const summary = await this.#try("import", (engine) =>
      engine.importChat(file),
    );
    if (summary === undefined) return false;
    const added = this.#named(summary.id) ?? this.#add(summary.id);
    added.takeSummary(summary);
    added.isListed = true;
    this.select(added);
    return true;
  }

  /** The chat is gone, and not by this page. What was written in it and has no reply goes on in an empty one. */
  lose(conversation: Conversation): void {
    const { unsaid, unanswered } = conversation;
    const sent = [...unanswered, ...unsaid.sent];
    this.#leave(conversation, { ...unsaid, sent });
  }

  /** A reply has ended there: where the chat was deleted meanwhile, by another tab, it goes now. */
  replied(conversation: Conversation): void {
    if (this.#ending.has(conversation)) void this.refresh();
  }

  /** Another element may take its place meanwhile. */
  rest(): void {
    this.#drafts.release();
  }

  wake(): void {
    this.#drafts.claim();
  }

  /** Keeps what was written, should the page go. */
  saveDrafts(): void {
    this.#drafts.save(this.conversations.map(({ unsaid }) => unsaid));
  }

  #leave(conversation: Conversation, unsaid: Unsaid): void {
    this.#drop(conversation);
    const text = textOf(unsaid);
    if (text !== "") this.#empty().putBack(text);
    this.#host.changed();
  }

  #nextId = () => ++this.#lastId;

  #enter(conversation: Conversation): void {
    this.current = conversation;
    this.#host.entered(conversation);
    this.#host.changed();
  }

  #empty(beginning = this.#beginning): Conversation {
    const empty = this.conversations.find((one) => one.canBeginWith(beginning));
    if (empty !== undefined) return empty;
    const added = new Conversation(this.#nextId);
    added.beginWith(beginning);
    this.conversations = [added, ...this.conversations];
    return added;
  }

  #named(chatId: string): Conversation | undefined {
    return this.conversations.find((one) => one.chatId === chatId);
  }

  #add(chatId: string): Conversation {
    const added = new Conversation(this.#nextId, chatId);
    const unsaid = this.#drafts.take(chatId);
    if (unsaid !== undefined) added.takeUnsaid(unsaid);
    this.conversations = [...this.conversations, added];
    return added;
  }

  #drop(conversation: Conversation): void {
    this.conversations = this.conversations.filter(
      (other) => other !== conversation,
    );
    if (conversation === this.current) this.newChat();
    this.#host.changed();
  }

  #take(summaries: readonly ChatSummary[]): void {
    const listed = summaries.filter(({ id }) => !this.#deleted.has(id));
    for (const summary of listed) {
      const conversation = this.#named(summary.id) ?? this.#add(summary.id);
      conversation.takeSummary(summary);
      conversation.isListed = true;
    }
    const isListed = (chatId: string | undefined) =>
      listed.some(({ id }) => id === chatId);
    const gone = this.conversations.filter(
      ({ chatId, isListed: wasListed }) => wasListed && !isListed(chatId),
    );
    const isRunning = ({ running }: Conversation) => running !== undefined;
    this.#ending = new Set(gone.filter(isRunning));
    for (const conversation of gone)
      if (!isRunning(conversation)) this.lose(conversation);
    this.#reclaim((chatId) => !isListed(chatId));
  }

  /** Goes on in an empty chat with what was written in those that are gone. */
  #reclaim(isGone: (chatId: string) => boolean): void {
    const text = this.#drafts.takeText(isGone);
    if (text !== "") this.#empty().putBack(text);
  }

  async #try<T>(
    during: Operation,
    doing: (engine: ChatEngine) => Promise<T>,
  ): Promise<T | undefined> {
    if (this.#engine === undefined) return undefined;
    try {
      return await doing(this.#engine);
    } catch (thrown) {
      this.#host.failed(asError(thrown), during);
      return undefined;
    }
  }
}

/** What should be deleted may be gone already, by another tab. */
function unlessMissing(thrown: unknown): void {
  const { name, reason } = thrown as { name?: string; reason?: string };
  if (name !== "RangeError" && reason !== "missing") throw thrown;
}
