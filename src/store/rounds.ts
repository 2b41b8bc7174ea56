/** The rounds of a chat: their text, and the tokens from which their KV can be rebuilt. */
import * as v from "valibot";
import { storedConversation } from "./conversations";
import {
  type Database,
  keysOf,
  type ReadStore,
  type StoreName,
  type Transaction,
} from "./database";
import {
  assertRecord,
  checkedRecord,
  checkedRecords,
  idAfter,
  roundId,
  timeMs,
  wholeNumber,
} from "./foreign";
import { inTreeOrder, withAllThatRead } from "./round-tree";
import { callsSchema, resultsSchema } from "./tool-schemas";
import type { ToolCall, ToolResult } from "./tools";

/**
 * A message and its reply. Rounds form a tree: a branch begins where two rounds have the same parent. A parent's
 * id is smaller than its children's, so there are no cycles.
 */
export interface RoundRecord {
  conversationId: string;
  /** Unique in the conversation; never reused there. */
  id: number;
  /** The round before; null for the first. */
  parentId: number | null;
  user: string;
  /** As far as it was generated. */
  reply: string;
  /** False while the reply is still streaming: a page that is closed midway loses no text. */
  isFinished: boolean;
  /** All token ids of the round, as far as known. The text is the truth; KV is rebuilt from these. */
  tokens: Uint32Array;
  /** How many of the tokens are the message's; the rest are the reply's. */
  openTokens: number;
  /**
   * Fingerprint of the tokenizer and template that made `tokens`. If it differs, they are made again from the
   * text.
   */
  textFingerprint: string;
  /** SHA-256 of `tokens`: stored KV belongs to exactly these. */
  contentHash: string;
  /** Hashes of all tokens up to these, and with them; undefined where no model has read them in a branch yet. */
  contexts?: ContextHashes | undefined;
  /** The rounds that its upper half was computed against; null: all before it. */
  attended: number[] | null;
  /** Digest of the keys in its lower half, page by page. */
  pageDigest?: Float32Array | undefined;
  /** Keys of retrieval heads in its segments, so that a question can be scored without these. */
  indexKeys?: IndexKeys | undefined;
  /**
   * What the KV of its segments was computed behind, if they don't record it themselves (up to version 0.1). A
   * hash of all tokens before, and whether some KV of those was not exact.
   */
  kvContext?: string | undefined;
  isApproximate?: boolean | undefined;
  /** Where its KV is, as long as it has none of its own. */
  kvFrom?: KvPlace | undefined;
  /** The document's name, if it is one. */
  document?: string | undefined;
  /** Calls of tools in the reply, whose text does not have them. */
  calls?: readonly ToolCall[] | undefined;
  /** What the calls in the round before it gave. */
  results?: readonly ToolResult[] | undefined;
  /** Whether it came from a file, so that its tokens may not match its text. */
  isFromFile?: boolean | undefined;
  /** The model that replied: its name on the hub, or that of its folder or file. Unknown before version 0.1. */
  modelName?: string | undefined;
  createdMs: number;
}

/** Hashes of tokens in the order of a branch: a round's is made of the one before and of its own content hash. */
export interface ContextHashes {
  before: string;
  after: string;
}

/** Keys of retrieval heads: [page][head][16][head_dim] f16, for the heads in each half. */
export interface IndexKeys {
  /** Fingerprint of the model. */
  model: string;
  /** Names the heads; keys of others are of no use. */
  heads: string;
  lower?: Uint16Array | undefined;
  upper?: Uint16Array | undefined;
}

/** A round whose segments another round shares: they have the same tokens. */
export interface KvPlace {
  /** Default: the same chat. */
  conversationId?: string | undefined;
  roundId: number;
}

const sha256Digits = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const roundSchema: v.GenericSchema<unknown, RoundRecord> = v.pipe(
  v.object({
    conversationId: v.string(),
    id: roundId,
    parentId: v.nullable(roundId),
    user: v.string(),
    reply: v.string(),
    isFinished: v.boolean(),
    tokens: v.instance(Uint32Array),
    openTokens: wholeNumber,
    textFingerprint: v.string(),
    contentHash: sha256Digits,
    contexts: v.optional(
      v.object({ before: sha256Digits, after: sha256Digits }),
    ),
    attended: v.nullable(v.array(wholeNumber)),
    pageDigest: v.optional(v.instance(Float32Array)),
    indexKeys: v.optional(
      v.object({
        model: v.string(),
        heads: v.string(),
        lower: v.optional(v.instance(Uint16Array)),
        upper: v.optional(v.instance(Uint16Array)),
      }),
    ),
    kvContext: v.optional(sha256Digits),
    isApproximate: v.optional(v.boolean()),
    kvFrom: v.optional(
      v.object({
        conversationId: v.optional(v.string()),
        roundId,
      }),
    ),
    document: v.optional(v.string()),
    calls: v.optional(callsSchema),
    results: v.optional(resultsSchema),
    isFromFile: v.optional(v.boolean()),
    modelName: v.optional(v.string()),
    createdMs: timeMs,
  }),
  v.check(
    ({ id, parentId }) => parentId === null || parentId < id,
    "a parent's id is smaller than its child's",
  ),
  v.check(
    ({ openTokens, tokens }) => openTokens <= tokens.length,
    "a message has no more tokens than its round",
  ),
);

/**
 * The same for a record with invalid fields: its text, as far as that can be read. Everything else can be made
 * again.
 */
const salvageSchema = v.object({
  user: v.fallback(v.string(), ""),
  reply: v.fallback(v.string(), ""),
  document: v.fallback(v.optional(v.string()), undefined),
  calls: v.fallback(v.optional(callsSchema), undefined),
  results: v.fallback(v.optional(resultsSchema), undefined),
  parentId: v.fallback(v.nullish(roundId), undefined),
  isFinished: v.fallback(v.boolean(), true),
  modelName: v.fallback(v.optional(v.string()), undefined),
  createdMs: v.fallback(timeMs, 0),
});

/** What was said in a round, or the text of a document. */
export type Said = Pick<
  RoundRecord,
  "id" | "user" | "reply" | "document" | "results"
>;

/** All that was said in a round, as one text. */
export function saidIn(said: Omit<Said, "id">): string {
  const { user, reply, document, results = [] } = said;
  const contents = results.map(({ content }) => content);
  return [document, ...contents, user, reply].filter(Boolean).join(" ");
}

/** Rounds of which the text is read at a time. */
const TEXT_BATCH = 256;

/** The rounds found for a chat. */
export interface FoundRounds {
  /** In tree order. */
  records: RoundRecord[];
  /** Ids of those of which only the text could be read, or a part of it. */
  damagedIds: number[];
  /** Ids of unreadable rounds. They are left as they are. */
  unreadableIds: number[];
}

type RoundStore = ReadStore<"rounds">;

export class Rounds {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Adds or replaces a round's record, without touching its chat or segments; turns use `writeRounds`. */
  async put(round: RoundRecord): Promise<void> {
    const value = storableRound(round);
    await this.#database.run(
      "save a round",
      ["rounds"],
      "readwrite",
      (transaction) => transaction.objectStore("rounds").put(value),
    );
  }

  /**
   * All rounds of a chat, depth first: each parent before its children, each branch to its end before the next,
   * the older first. A round whose parent is missing counts as a root: its text is not lost.
   */
  async list(conversationId: string): Promise<FoundRounds> {
    const [keys, values] = await this.#database.run(
      "read a chat",
      ["rounds"],
      "readonly",
      (transaction) => {
        const store = transaction.objectStore("rounds");
        const itsKeys = keysOf(conversationId);
        return Promise.all([store.getAllKeys(itsKeys), store.getAll(itsKeys)]);
      },
    );
    const records: RoundRecord[] = [];
    const damagedIds: number[] = [];
    const unreadableIds: number[] = [];
    for (const [i, [, id]] of keys.entries()) {
      const record = readRound(values[i]);
      const salvaged = record ?? salvagedRound(values[i], conversationId, id);
      if (salvaged === undefined) unreadableIds.push(id);
      else records.push(salvaged);
      if (salvaged !== undefined && record === undefined) damagedIds.push(id);
    }
    return { records: inTreeOrder(records), damagedIds, unreadableIds };
  }

  /** What was said in a chat, of all branches, the newest rounds first: some at a time, each list by falling ids. */
  async *texts(conversationId: string): AsyncGenerator<readonly Said[], void> {
    const read = <T>(action: (store: RoundStore) => Promise<T>) =>
      this.#database.run("read a chat", ["rounds"], "readonly", (transaction) =>
        action(transaction.objectStore("rounds")),
      );
    const keys = await read((store) =>
      store.getAllKeys(keysOf(conversationId)),
    );
    for (let end = keys.length; end > 0; end -= TEXT_BATCH) {
      const some = keys.slice(Math.max(0, end - TEXT_BATCH), end);
      const range = IDBKeyRange.bound(some[0], some.at(-1));
      const values = await read((store) => store.getAll(range));
      yield values.flatMap(textOf).toSorted((a, b) => b.id - a.id);
    }
  }

  /** The chats and documents that have rounds. */
  async chatIds(): Promise<string[]> {
    const keys = await this.#database.run(
      "read the chats",
      ["rounds"],
      "readonly",
      (transaction) => transaction.objectStore("rounds").getAllKeys(),
    );
    return [...new Set(keys.map(([conversationId]) => conversationId))];
  }

  /** Deletes all segments of a chat, and what its rounds record of them. */
  async forgetKv(conversationId: string): Promise<void> {
    await this.#database.run(
      "delete a chat's memory",
      ["rounds", "segments", "uses"],
      "readwrite",
      async (transaction) => {
        const store = transaction.objectStore("rounds");
        const values = await store.getAll(keysOf(conversationId));
        const { records } = checkedRecords(roundSchema, values);
        await Promise.all([
          ...records.map((round) => store.put(withoutKv(round))),
          transaction.objectStore("segments").delete(keysOf(conversationId)),
          transaction.objectStore("uses").delete(keysOf(conversationId)),
        ]);
      },
    );
  }

  /**
   * Deletes rounds. Their children become children of their parents. Later rounds keep their text and, unless
   * `keepsKv`, lose their segments: that KV was computed with the deleted rounds in view. The branch through
   * `shownId` is shown from now on; without it the newest.
   */
  async delete(
    conversationId: string,
    ids: readonly number[],
    {
      keepsKv = false,
      shownId,
    }: { keepsKv?: boolean; shownId?: number | undefined } = {},
  ): Promise<void> {
    await this.#database.run(
      "delete a round",
      ["conversations", "rounds", "segments", "uses"],
      "readwrite",
      async (transaction) => {
        const store = transaction.objectStore("rounds");
        await reserveIds(transaction, conversationId, ids, shownId);
        const values = await store.getAll(keysOf(conversationId));
        let { records } = checkedRecords(roundSchema, values);
        const before = new Map(records.map((round) => [round.id, round]));
        for (const id of ids) {
          const readers = keepsKv
            ? new Set([id])
            : withAllThatRead(records, id);
          await Promise.all(
            [...readers].flatMap((reader) => {
              const keys = keysOf(conversationId, reader);
              return [
                transaction.objectStore("segments").delete(keys),
                transaction.objectStore("uses").delete(keys),
              ];
            }),
          );
          records = withoutRound(
            records.map((one) => (readers.has(one.id) ? withoutKv(one) : one)),
            id,
          );
        }
        await Promise.all([
          ...records
            .filter((round) => round !== before.get(round.id))
            .map((round) => store.put(round)),
          ...ids.map((id) => store.delete([conversationId, id])),
        ]);
      },
    );
  }
}

/** Reserves a deleted round's id for good, and removes its pin. */
async function reserveIds<Names extends StoreName>(
  transaction: Transaction<Names | "conversations" | "rounds", "readwrite">,
  conversationId: string,
  ids: readonly number[],
  shownId: number | undefined,
): Promise<void> {
  const conversation = await storedConversation(transaction, conversationId);
  if (conversation === undefined) return;
  const keys = await transaction
    .objectStore("rounds")
    .getAllKeys(keysOf(conversationId));
  const nextId = Math.max(
    conversation.nextId ?? 0,
    idAfter([...ids, ...keys.map(([, id]) => id)]),
  );
  const pinnedIds = conversation.pinnedIds?.filter((id) => !ids.includes(id));
  await transaction
    .objectStore("conversations")
    .put({ ...conversation, shownId, nextId, ...(pinnedIds && { pinnedIds }) });
}

/** The rounds without one, whose children become its parent's. */
function withoutRound(
  rounds: readonly RoundRecord[],
  id: number,
): RoundRecord[] {
  const parentId = rounds.find((round) => round.id === id)?.parentId ?? null;
  return rounds
    .filter((round) => round.id !== id)
    .map((round) => (round.parentId === id ? { ...round, parentId } : round));
}

type KvFields = Pick<
  RoundRecord,
  "pageDigest" | "indexKeys" | "kvContext" | "kvFrom" | "isApproximate"
>;

/** A round without any knowledge of KV. */
export function withoutKv<R extends KvFields>({
  pageDigest: _digest,
  indexKeys: _keys,
  kvContext: _context,
  kvFrom: _from,
  isApproximate: _isApproximate,
  ...said
}: R): Omit<R, keyof KvFields> {
  return said;
}

/** A round in the form to write; @throws TypeError if it could not be read again. */
export function storableRound(round: RoundRecord): RoundRecord {
  assertRecord(roundSchema, round, "round");
  const { tokens, pageDigest } = round;
  return {
    ...round,
    tokens: isView(tokens) ? tokens.slice() : tokens,
    ...(pageDigest && {
      pageDigest: isView(pageDigest) ? pageDigest.slice() : pageDigest,
    }),
  };
}

/** A round as read; undefined if the record is invalid. */
export function readRound(value: unknown): RoundRecord | undefined {
  return checkedRecord(roundSchema, value);
}

/** A list of the text of a record, however much else is invalid; empty if there is none. */
function textOf(value: unknown): Said[] {
  const id = checkedRecord(v.object({ id: roundId }), value)?.id;
  const found = checkedRecord(salvageSchema, value);
  if (id === undefined || found === undefined) return [];
  const { user, reply, document, results } = found;
  return [{ id, user, reply, document, results }];
}

/** The readable part of an invalid record; undefined if there is none. */
function salvagedRound(
  value: unknown,
  conversationId: string,
  id: number,
): RoundRecord | undefined {
  if (!v.is(roundId, id)) return undefined;
  const found = checkedRecord(salvageSchema, value);
  if (found === undefined || (saidIn(found) === "" && !found.calls))
    return undefined;
  const { parentId, ...text } = found;
  const isParent = parentId === null || (parentId ?? id) < id;
  return {
    ...text,
    conversationId,
    id,
    // If unknown, it stood before it in any case.
    parentId: isParent ? (parentId ?? null) : id - 1,
    tokens: new Uint32Array(),
    openTokens: 0,
    textFingerprint: "",
    contentHash: "",
    attended: null,
  };
}

/** Whether the array is a view of a larger buffer: IndexedDB would store the whole buffer. */
function isView({ byteLength, buffer }: ArrayBufferView): boolean {
  return byteLength < buffer.byteLength;
}
