/**
 * The chats of the page, saved or new, and which of them is shown. Changes by the user show at once; the engine's
 * list, when it comes, overrides them.
 */
import type { ChatEngine } from "../../../engine/api/chat-engine";
import type { ChatSummary } from "../../../engine/api/chats";
import { asError } from "../../base/as-error";
import { copyText } from "../../base/copy-text";
import { type Beginning, Conversation, EMPTY_BEGINNING } from "./conversation";
import { Drafts, textOf, type Unsaid } from "./drafts";
import type { Operation } from "./operation";

/** So long a chat says that it was copied. */
const COPIED_MS = 2000;

export interface LibraryHost {
  /** Something to draw has changed. */
  changed(): void;
  /** Another chat is shown. */
  entered(conversation: Conversation): void;
  failed(error: Error, during: Operation): void;
  /** The engine has listed the chats, or failed to. */
  listed(error?: Error): void;
  /** The engine has deleted a chat: there is more space now. */
  removed(): void;
}

export class ChatLibrary {
  readonly #host: LibraryHost;
  readonly #drafts = new Drafts();
  #engine: ChatEngine | undefined;
  #listings = 0;
  #lastId = 0;
  #beginning = EMPTY_BEGINNING;
  /** Ids of deleted chats: a pending list may still contain them. */
  readonly #deleted = new Set<string>();
  /** Chats that the engine no longer lists while a reply is still coming. */
  #ending: ReadonlySet<Conversation> = new Set();

  conversations: readonly Conversation[];
  current: Conversation;

  constructor(host: LibraryHost) {
    this.#host = host;
    this.current = new Conversation(this.#nextId);
    this.current.putBack(this.#drafts.takeText(() => false));
    this.conversations = [this.current];
  }

  /** Chats with messages, the latest change first. */
  get begun(): Conversation[] {
    return this.conversations
      .filter(({ isNew, isKept, summary }) => !isNew && (!isKept || summary))
      .sort((a, b) => b.updatedMs - a.updatedMs);
  }

  /** Uses this engine's chats, and drops those of another. */
  connect(engine: ChatEngine): void {
    const isFirst = this.#engine === undefined;
    this.#engine = engine;
    if (!isFirst)
      for (const conversation of this.conversations)
        if (conversation.chatId !== undefined)
          this.#leave(conversation, conversation.unsaid);
    void this.refresh();
  }

  /** Lists the engine's chats again. */
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

  /** Shows the new chat, or makes one. */
  newChat(): void {
    this.start(this.#beginning);
  }

  /** Shows a new chat that begins with this. The draft of an unused new chat stays. */
  start(beginning: Beginning): void {
    const empty = this.#empty(beginning);
    empty.beginWith(beginning);
    this.#enter(empty);
  }

  /** Sets what new chats begin with, the current new one included. */
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

  /** Shows the chat with this id, which may not be listed yet; without an id, an empty one. */
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

  /** Deletes a chat, here and in the engine, which first ends its reply. */
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

  /** The chat as a file, with its KV or as Markdown; undefined where that failed. */
  export(
    { chatId }: Conversation,
    format: "rondo" | "markdown",
  ): Promise<Blob | undefined> {
    if (chatId === undefined) return Promise.resolve(undefined);
    return this.#try("export", (engine) =>
      engine.exportChat(
        chatId,
        format === "rondo" ? { withKv: true } : { format },
      ),
    );
  }

  /** Copies the chat as Markdown. Resolves with whether that succeeded. */
  async copy(conversation: Conversation): Promise<boolean> {
    const { chatId } = conversation;
    if (chatId === undefined) return false;
    const isDone = await this.#try("copy", async (engine) => {
      const file = engine.exportChat(chatId, { format: "markdown" });
      await copyText(file.then((markdown) => markdown.text()));
      return true;
    });
    if (isDone === undefined) return false;
    conversation.isCopied = true;
    this.#host.changed();
    setTimeout(() => {
      conversation.isCopied = false;
      this.#host.changed();
    }, COPIED_MS);
    return true;
  }

  /** Imports the chat in a file and shows it. Resolves with whether that succeeded. */
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

  /** The chat was deleted elsewhere. Its unanswered messages and draft move to an empty one. */
  lose(conversation: Conversation): void {
    const { unsaid, unanswered } = conversation;
    const sent = [...unanswered, ...unsaid.sent];
    this.#leave(conversation, { ...unsaid, sent });
  }

  /** A reply has ended: removes the chat if another tab deleted it meanwhile. */
  replied(conversation: Conversation): void {
    if (this.#ending.has(conversation)) void this.refresh();
  }

  /** Releases its place for drafts to other elements. */
  rest(): void {
    this.#drafts.release();
  }

  wake(): void {
    this.#drafts.claim();
  }

  /** Saves drafts before the page is closed. */
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

  /** Moves drafts of deleted chats to an empty one. */
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

/** Ignores that another tab has deleted it already. */
function unlessMissing(thrown: unknown): void {
  const { name, reason } = thrown as { name?: string; reason?: string };
  if (name !== "RangeError" && reason !== "missing") throw thrown;
}
