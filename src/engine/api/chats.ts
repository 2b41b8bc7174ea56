/** Chats as text: the list of them, what was said in one, and changes to that. */
import type { Excerpt } from "../../util/found-text";

/** Keeps chats as text. */
export interface ChatStore {
  /** The chats that are kept, the one changed last first. Needs no model. */
  listChats(): Promise<ChatSummary[]>;

  /**
   * Kept chats in which all words of `query` were said at once, in a message, its reply or a document: the
   * one changed last first, a hundred at most. Case and accents are no matter. Needs no model.
   *
   * @throws StoreError; the signal's reason
   */
  searchChats(query: string, options?: SearchOptions): Promise<ChatHit[]>;

  /**
   * Starts a chat and returns its id. It is empty, or begins with what was said elsewhere: the model reads
   * that with the first message, and `openChat` names its rounds. It is kept from its first message on.
   */
  createChat(options?: ChatOptions): Promise<string>;

  /**
   * What was said in a kept chat. Needs no model, and no GPU. From now on this tab writes the chat;
   * where another one does, `access` says so, and a notice `chat-writable` comes when that one leaves it.
   *
   * @throws RangeError where there is no such chat; StoreError
   */
  openChat(chatId: string): Promise<ChatHistory>;

  /** Leaves a chat to other tabs once its reply is over. What it has on the GPU stays as long as there is room. */
  leaveChat(chatId: string): Promise<void>;

  /** @throws StoreError */
  renameChat(chatId: string, title: string): Promise<void>;

  /** Forgets a chat: its text, what is stored of its KV, and its pages. */
  deleteChat(chatId: string): Promise<void>;

  /**
   * A chat as one file, its text always, its KV if asked for.
   *
   * @throws RangeError where there is no such chat; StoreError
   */
  exportChat(chatId: string, options?: { withKv?: boolean }): Promise<Blob>;

  /**
   * Adds a chat from such a file, under a new id. Its KV is left out, and computed again, unless `withKv`: it
   * can't be compared with the text, so take it from files alone whose maker you trust.
   *
   * @throws ChatFileError, StoreError
   */
  importChat(file: Blob, options?: { withKv?: boolean }): Promise<ChatSummary>;

  /**
   * Puts a message into a chat, and writes it down. Waits for no model and for no other chat: once it
   * resolves, the message is not lost. `reply` has it answered. One that is not answered is not read with
   * what is said later.
   *
   * @throws RangeError where there is no such chat or place; ChatBusyError where another tab writes the chat
   */
  addMessage(
    chatId: string,
    message: string,
    options?: { place?: MessagePlace | undefined },
  ): Promise<AddedMessage>;

  /**
   * Shows another version of a round, with what was said behind it last. The chat goes on there.
   *
   * @throws RangeError where there is no such round; ChatBusyError; StoreError
   */
  showVersion(chatId: string, roundId: number): Promise<ChatHistory>;

  /**
   * Puts a round of the branch that is shown behind another one of it, 0 being the start: a new branch,
   * which reuses the KV of all rounds.
   *
   * @throws RangeError where there are no such rounds; ChatBusyError; StoreError
   */
  moveRound(
    chatId: string,
    roundId: number,
    behind: number,
  ): Promise<ChatHistory>;

  /**
   * Takes a round out of the chat, in all its versions of what came behind it. Later rounds have read it:
   * unless `isFast`, their KV is forgotten and computed again (`restoreChat` does it at once), and nothing
   * of the round is left anywhere. With `isFast` their KV is used on, and repaired for each question.
   *
   * @throws RangeError where there is no such round; ChatBusyError; StoreError
   */
  deleteRound(
    chatId: string,
    roundId: number,
    options?: { isFast?: boolean },
  ): Promise<ChatHistory>;

  /**
   * Gives the chat another system prompt; without one the model's template decides. All KV is reused,
   * and repaired for each question until it is exact again.
   *
   * @throws ChatBusyError, StoreError
   */
  setSystem(chatId: string, system: string | undefined): Promise<ChatHistory>;
}

/** A kept chat as it is listed. */
export interface ChatSummary {
  id: string;
  title: string;
  createdMs: number;
  /** When it was last renamed or written to. */
  updatedMs: number;
  /** The model it was last held with. */
  modelName: string;
}

export interface SearchOptions {
  signal?: AbortSignal;
}

/** A chat in which something was found, and the words around that. */
export interface ChatHit {
  chatId: string;
  excerpt: Excerpt;
}

/** A kept chat as it is read. */
export interface ChatHistory {
  summary: ChatSummary;
  system: string | undefined;
  /** Whether this tab may go on with the chat: another one writes it otherwise. */
  access: "write" | "read";
  /** Rounds of which something could not be read on the disk: they are missing here, or in part. Default: none. */
  damagedRounds?: number | undefined;
  /** Of the branch that is shown. One without a reply that is not finished has not been answered. */
  rounds: HistoryRound[];
}

export interface HistoryRound {
  id: number;
  /** Ids of all that were said in this place, oldest first, its own among them. */
  versions: number[];
  /** The document's name, where it is one: its text is the message then. */
  document?: string | undefined;
  message: string;
  /** As far as it came. */
  reply: string;
  /** Whether the reply is complete; one that was stopped did. */
  isFinished: boolean;
  /** Whether every turn attends to it (`pinRound`). Default: it is not. */
  isPinned?: boolean | undefined;
  /**
   * Ids of the rounds that the reply attended to, in the order of the chat; null: all before it, or it is not
   * known. One may stand in another branch than the one that is shown, or be deleted since.
   */
  attended: readonly number[] | null;
}

export interface ChatOptions {
  /** The system prompt; without it the model's template decides. */
  system?: string | undefined;
  /** What was said before, oldest first. */
  history?: readonly SaidRound[] | undefined;
}

/** Where a message goes that is not the chat's next one: it begins a new branch. */
export interface MessagePlace {
  /** Id of the round that it follows; 0: the first of the chat. */
  behind: number;
  /** Id of the round, of the branch that is shown, that follows it with all behind that. Default: none does. */
  before?: number | undefined;
}

export interface AddedMessage {
  roundId: number;
  /** Whether it is on the disk; where not, a notice `store-trouble` says why. */
  isSaved: boolean;
}

/** A message and its reply, either of which may be empty. */
export interface SaidRound {
  message: string;
  reply: string;
}
