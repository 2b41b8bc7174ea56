/** Chats as text: the list of them, what was said in one, and changes to that. */
import type { ToolCall, ToolDefinition, ToolResult } from "../../store/tools";
import type { Excerpt } from "../../util/text-search";

export type { ToolCall, ToolDefinition, ToolResult };

/** Stores chats as text. */
export interface ChatStore {
  /** Stored chats without an owner, or those of one: last changed first. Needs no model. */
  listChats(options?: ListOptions): Promise<ChatSummary[]>;

  /**
   * Stored chats without an owner in which a single round (a message with its reply, or a document) contains every word of
   * `query`: last changed first, at most a hundred. Ignores case and accents. Needs no model.
   *
   * @throws StoreError; the signal's reason
   */
  searchChats(query: string, options?: SearchOptions): Promise<ChatHit[]>;

  /**
   * Starts a chat and returns its id. It is empty, or begins with rounds from elsewhere: the model reads those
   * with the first message, and `openChat` names them. The chat is stored from its first message on.
   */
  createChat(options?: ChatOptions): Promise<string>;

  /**
   * Reads a stored chat. Needs no model and no GPU. From now on this tab writes the chat; if another tab does,
   * `access` is "read", and a notice `chat-writable` comes when that tab leaves it.
   *
   * @throws RangeError if there is no such chat; StoreError
   */
  openChat(chatId: string): Promise<ChatHistory>;

  /**
   * Lets other tabs write the chat, once its reply is over and all its text is stored. Its KV stays on the GPU
   * while there is room.
   */
  leaveChat(chatId: string): Promise<void>;

  /** @throws StoreError */
  renameChat(chatId: string, title: string): Promise<void>;

  /** Deletes a chat: its text, its stored KV and its pages. */
  deleteChat(chatId: string): Promise<void>;

  /**
   * A chat as one file: always its text, its KV only on request, once a running reply is over. As `markdown` it is
   * the shown branch as it is now, to be read elsewhere; that can't be imported again.
   *
   * @throws RangeError if there is no such chat; StoreError
   */
  exportChat(chatId: string, options?: ExportOptions): Promise<Blob>;

  /**
   * Adds a chat from such a file, under a new id. Unless `withKv`, its KV is left out and computed again: KV
   * can't be checked against the text, so accept it only from sources you trust.
   *
   * @throws ChatFileError, StoreError
   */
  importChat(file: Blob, options?: { withKv?: boolean }): Promise<ChatSummary>;

  /**
   * Adds a message to a chat and writes it to the disk, without waiting for the model or for other chats: once
   * this resolves, the message is safe. `reply` answers it. Later turns don't read a message without a reply.
   *
   * @throws RangeError if there is no such chat or place; ChatBusyError if another tab writes the chat
   */
  addMessage(
    chatId: string,
    message: string,
    options?: MessageOptions,
  ): Promise<AddedMessage>;

  /**
   * Adds rounds from elsewhere, with replies that no model need say again: the model reads them with the next
   * message. With `before` in `place`, the later rounds follow as copies, which reuse their KV; there need then
   * be no new rounds, and what lies between is left out.
   *
   * @returns the branch that ends with them
   * @throws RangeError if there is no such chat or place; ChatBusyError if another tab writes the chat
   */
  addRounds(
    chatId: string,
    rounds: readonly RoundText[],
    options?: { place?: MessagePlace | undefined },
  ): Promise<ChatHistory>;

  /**
   * Shows another version of a round, with the rounds that were last added after it. The chat continues there.
   *
   * @throws RangeError if there is no such round; ChatBusyError; StoreError
   */
  showVersion(chatId: string, roundId: number): Promise<ChatHistory>;

  /**
   * Moves a round of the shown branch behind another one, 0 being the start. This makes a new branch, which
   * reuses the KV of all rounds.
   *
   * @throws RangeError if there are no such rounds; ChatBusyError; StoreError
   */
  moveRound(
    chatId: string,
    roundId: number,
    behind: number,
  ): Promise<ChatHistory>;

  /**
   * Deletes a round from every branch of the chat. Later rounds have read it: unless `isFast`, their KV is
   * dropped and computed again (`restoreChat` does that at once), and no trace of the round is left. With
   * `isFast` their KV is reused, and repaired for each question.
   *
   * @throws RangeError if there is no such round; ChatBusyError; StoreError
   */
  deleteRound(
    chatId: string,
    roundId: number,
    options?: { isFast?: boolean },
  ): Promise<ChatHistory>;

  /**
   * Sets the chat's system prompt; without one the model's template decides. All KV is reused, and repaired for
   * each question until it is exact again.
   *
   * @throws ChatBusyError, StoreError
   */
  setSystem(chatId: string, system: string | undefined): Promise<ChatHistory>;

  /**
   * Sets what the chat's model may call; undefined for nothing. Like `setSystem`.
   *
   * @throws ChatBusyError, StoreError
   */
  setTools(
    chatId: string,
    tools: readonly ToolDefinition[] | undefined,
  ): Promise<ChatHistory>;
}

/** A stored chat as it is listed. */
export interface ChatSummary {
  id: string;
  title: string;
  createdMs: number;
  /** When it was last renamed or got a round. */
  updatedMs: number;
  /** The model it was last used with. */
  modelName: string;
}

export interface ExportOptions {
  /** Default: false. Has no effect on Markdown. */
  withKv?: boolean | undefined;
  /** Default: "rondo", which `importChat` reads. */
  format?: "rondo" | "markdown" | undefined;
}

export interface ListOptions {
  /** Default: chats that have none. */
  owner?: string | undefined;
}

export interface SearchOptions {
  signal?: AbortSignal;
}

/** A chat in which something was found, with the surrounding words. */
export interface ChatHit {
  chatId: string;
  excerpt: Excerpt;
}

/** A stored chat as it is read. */
export interface ChatHistory {
  summary: ChatSummary;
  system: string | undefined;
  /** What its model may call. Default: nothing. */
  tools?: readonly ToolDefinition[] | undefined;
  /** `write` if this tab may continue the chat, `read` if another tab writes it. */
  access: "write" | "read";
  /**
   * Rounds that could not be read from the disk, or only in part: they are missing here, or incomplete. Default:
   * none.
   */
  damagedRounds?: number | undefined;
  /** The shown branch. A round without a reply that is not finished has not been answered. */
  rounds: HistoryRound[];
}

export interface HistoryRound {
  id: number;
  /** Ids of all versions of this round, oldest first, its own included. */
  versions: number[];
  /** The document's name if the round is a document; its text is then the message. */
  document?: string | undefined;
  message: string;
  /** What the calls in the round before gave: the message is then mostly empty. */
  results?: readonly ToolResult[] | undefined;
  /** As far as it was generated. */
  reply: string;
  /** What the reply calls; its text does not have it. */
  calls?: readonly ToolCall[] | undefined;
  /** Whether the reply is complete; one that was stopped counts as complete. */
  isFinished: boolean;
  /** Whether every turn attends to it (`pinRound`). Default: false. */
  isPinned?: boolean | undefined;
  /** The model that replied: its name on the hub, or that of its folder or file. Default: unknown. */
  modelName?: string | undefined;
  /**
   * Ids of the rounds that the reply attended to, in chat order; null: all before it, or unknown. They may be on
   * another branch, or deleted since.
   */
  attended: readonly number[] | null;
}

export interface ChatOptions {
  /** The system prompt; without it the model's template decides. */
  system?: string | undefined;
  /**
   * What the model may call, told in the way of its chat template. Replies then have `calls`, and the next message
   * of the chat brings their `results`.
   */
  tools?: readonly ToolDefinition[] | undefined;
  /** Earlier rounds, oldest first. */
  history?: readonly RoundText[] | undefined;
  /**
   * A name for the code whose chat it is, rather than the user's: it is in no list of chats, except for
   * `listChats({ owner })`. Default: none.
   */
  owner?: string | undefined;
}

/** A place for a message other than the end of the chat: it begins a new branch. */
export interface MessagePlace {
  /** Id of the round before it; 0: the message is the chat's first. */
  behind: number;
  /** Id of the round of the shown branch that follows it, with all rounds after that. Default: none. */
  before?: number | undefined;
}

export interface MessageOptions {
  /** Default: at the end. */
  place?: MessagePlace | undefined;
  /** What the calls in the last reply gave. The message is then mostly empty. */
  results?: readonly ToolResult[] | undefined;
}

export interface AddedMessage {
  roundId: number;
  /** Whether it is on the disk; if not, a notice `store-trouble` says why. */
  isSaved: boolean;
}

/** A message and its reply, either of which may be empty. */
export interface RoundText {
  message: string;
  reply: string;
  /** What the reply calls. */
  calls?: readonly ToolCall[] | undefined;
  /** What the calls in the round before gave. */
  results?: readonly ToolResult[] | undefined;
}
