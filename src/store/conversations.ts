/** The chats table: everything about chats except their rounds. */
import * as v from "valibot";
import { StoreError } from "../util/errors";
import {
  type Database,
  keysOf,
  type StoreName,
  type Transaction,
} from "./database";
import {
  assertRecord,
  checkedRecord,
  checkedRecords,
  type Found,
  timeMs,
  wholeNumber,
} from "./foreign";
import { toolsSchema } from "./tool-schemas";
import type { ToolDefinition } from "./tools";

export interface ConversationRecord {
  id: string;
  title: string;
  /** The system prompt, where there is one. */
  system?: string | undefined;
  /** What its model may call. */
  tools?: readonly ToolDefinition[] | undefined;
  /** The code whose chat it is; undefined: the user's. */
  owner?: string | undefined;
  createdMs: number;
  /** When it was last renamed or got a round. */
  updatedMs: number;
  /** The model it was last used with. */
  model: { name: string; url: string };
  /** The round whose branch is shown; undefined: the newest branch. */
  shownId?: number | undefined;
  /** Pinned rounds. */
  pinnedIds?: number[] | undefined;
  /** All ids of rounds, deleted ones included, are below this. Default: one more than the highest. */
  nextId?: number | undefined;
}

/** The fields of a chat that can be changed apart from its rounds. */
export type ConversationChanges = Partial<
  Pick<
    ConversationRecord,
    "title" | "system" | "tools" | "shownId" | "pinnedIds" | "updatedMs"
  >
>;

const modelSchema = v.object({ name: v.string(), url: v.string() });

const conversationSchema: v.GenericSchema<unknown, ConversationRecord> =
  v.object({
    id: v.string(),
    title: v.string(),
    system: v.optional(v.string()),
    tools: v.optional(toolsSchema),
    owner: v.optional(v.string()),
    createdMs: timeMs,
    updatedMs: timeMs,
    model: modelSchema,
    shownId: v.optional(wholeNumber),
    pinnedIds: v.optional(v.array(wholeNumber)),
    nextId: v.optional(wholeNumber),
  });

/** A chat exists if its id can be read; unreadable fields count as missing. */
const readSchema: v.GenericSchema<unknown, ConversationRecord> = v.object({
  id: v.string(),
  title: v.fallback(v.string(), ""),
  system: v.fallback(v.optional(v.string()), undefined),
  tools: v.fallback(v.optional(toolsSchema), undefined),
  owner: v.fallback(v.optional(v.string()), undefined),
  createdMs: v.fallback(timeMs, 0),
  updatedMs: v.fallback(timeMs, 0),
  model: v.fallback(modelSchema, { name: "", url: "" }),
  shownId: v.fallback(v.optional(wholeNumber), undefined),
  pinnedIds: v.fallback(v.optional(v.array(wholeNumber)), undefined),
  nextId: v.fallback(v.optional(wholeNumber), undefined),
});

export class Conversations {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The user's chats, or those of an owner: last changed first. */
  async list(owner?: string): Promise<Found<ConversationRecord>> {
    const values = await this.#database.run(
      "read the chats",
      ["conversations"],
      "readonly",
      (transaction) => transaction.objectStore("conversations").getAll(),
    );
    const found = checkedRecords(readSchema, values);
    const records = found.records
      .filter((record) => record.owner === owner)
      .sort((a, b) => b.updatedMs - a.updatedMs);
    return { ...found, records };
  }

  /** Number of chats, readable or not. */
  async count(): Promise<number> {
    return this.#database.run(
      "count the chats",
      ["conversations"],
      "readonly",
      (transaction) => transaction.objectStore("conversations").count(),
    );
  }

  /** The chat; undefined if there is none, or its record is invalid. */
  async get(id: string): Promise<ConversationRecord | undefined> {
    const value = await this.#database.run(
      "read a chat",
      ["conversations"],
      "readonly",
      (transaction) => transaction.objectStore("conversations").get(id),
    );
    return checkedRecord(readSchema, value);
  }

  /** Adds a chat, or replaces its record; its rounds stay. */
  async put(conversation: ConversationRecord): Promise<void> {
    assertConversation(conversation);
    await this.#database.run(
      "save a chat",
      ["conversations"],
      "readwrite",
      (transaction) =>
        transaction.objectStore("conversations").put(conversation),
    );
  }

  /** @throws StoreError `missing` if there is no such chat (any more) */
  async change(id: string, changes: ConversationChanges): Promise<void> {
    await this.#database.run(
      "change a chat",
      ["conversations"],
      "readwrite",
      async (transaction) => {
        const before = await conversationIn(transaction, id, "change a chat");
        await transaction
          .objectStore("conversations")
          .put({ ...before, ...changes });
      },
    );
  }

  /** Deletes a chat with its rounds and segments. All or nothing. */
  async delete(id: string): Promise<void> {
    await this.#database.run(
      "delete a chat",
      ["conversations", "rounds", "segments", "uses"],
      "readwrite",
      async (transaction) => {
        const itsKeys = keysOf(id);
        await Promise.all([
          transaction.objectStore("conversations").delete(id),
          transaction.objectStore("rounds").delete(itsKeys),
          transaction.objectStore("segments").delete(itsKeys),
          transaction.objectStore("uses").delete(itsKeys),
        ]);
      },
    );
  }
}

/** @throws TypeError if the chat could not be read again */
export function assertConversation(conversation: ConversationRecord): void {
  assertRecord(conversationSchema, conversation, "conversation");
}

/** The chat, within a transaction; undefined if there is none, or its record is invalid. */
export async function storedConversation<Names extends StoreName>(
  transaction: Transaction<Names | "conversations", "readwrite">,
  id: string,
): Promise<ConversationRecord | undefined> {
  const value = await transaction.objectStore("conversations").get(id);
  return checkedRecord(readSchema, value);
}

/**
 * The chat, within a transaction that will change it.
 *
 * @throws StoreError `missing` if it is gone; another tab may have deleted it
 */
export async function conversationIn<Names extends StoreName>(
  transaction: Transaction<Names | "conversations", "readwrite">,
  id: string,
  doing: string,
): Promise<ConversationRecord> {
  const conversation = await storedConversation(transaction, id);
  if (conversation !== undefined) return conversation;
  throw new StoreError(
    "missing",
    `Could not ${doing}: the chat was deleted, perhaps in another tab. Continue in a new chat.`,
  );
}
