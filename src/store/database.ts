/**
 * The database and its one connection. All errors of IndexedDB leave here as a StoreError, and a transaction is
 * all or nothing.
 *
 *     conversations  id                            title, system prompt, times, model
 *     rounds         [conversationId, id]          text, tokens, hashes, parent
 *     segments       [conversationId, roundId, half]   one Blob: KV of half a round
 *     uses           the same                      bytes and last use of a segment
 *     weights, meta  keys of their own             downloaded files; what is known of the store itself
 *
 * `uses` lies apart because noting a use must not write megabytes again, and adding up sizes must not
 * open Blobs.
 */
import {
  type DBSchema,
  type IDBPDatabase,
  type IDBPTransaction,
  openDB,
} from "idb";
import { StoreError } from "../util/errors";
import type { Half } from "../util/kv-half";
import { asStoreError } from "./store-error";

const VERSION = 1;

export type SegmentKey = [conversationId: string, roundId: number, half: Half];

/** Values are unknown: another version, a person or a crash may have written them. */
interface RondoSchema extends DBSchema {
  conversations: { key: string; value: unknown };
  rounds: { key: [conversationId: string, id: number]; value: unknown };
  segments: { key: SegmentKey; value: unknown };
  uses: { key: SegmentKey; value: unknown; indexes: { usedMs: number } };
  weights: { key: IDBValidKey; value: unknown };
  meta: { key: string; value: unknown };
}

export type StoreName =
  "conversations" | "rounds" | "segments" | "uses" | "weights" | "meta";

export type Transaction<
  Names extends StoreName,
  Mode extends IDBTransactionMode,
> = IDBPTransaction<RondoSchema, Names[], Mode>;

/** A store of a transaction that only reads. */
export type ReadStore<Name extends StoreName> = ReturnType<
  Transaction<Name, "readonly">["objectStore"]
>;

/** Whether a commit waits for the operating system (`relaxed`) or for the disk (`strict`). */
export type Durability = "relaxed" | "strict";

export interface DatabaseOptions {
  /** The database's name; "rondo" unless a test wants its own. */
  name?: string;
  /** The schema's version; the current one unless a test plays a newer page. */
  version?: number;
  /** Called once when the connection is taken away: by another tab's newer version, or by the browser. */
  onClosed?: (error: StoreError) => void;
}

export class Database {
  #connection: IDBPDatabase<RondoSchema> | undefined;
  #closed: StoreError | undefined;
  readonly #onClosed: (error: StoreError) => void;

  private constructor(onClosed: (error: StoreError) => void) {
    this.#onClosed = onClosed;
  }

  /**
   * Opens the database, and creates it if there is none.
   *
   * @throws StoreError `blocked`, `outdated`, `unavailable` or `failed`
   */
  static async open({
    name = "rondo",
    version = VERSION,
    onClosed = () => undefined,
  }: DatabaseOptions = {}): Promise<Database> {
    if (!hasIndexedDB()) {
      throw new StoreError(
        "unavailable",
        "Could not open the chats: this browser has no IndexedDB here.",
      );
    }
    const database = new Database(onClosed);
    let refuse: (error: StoreError) => void = () => undefined;
    const blocked = new Promise<never>((_, reject) => (refuse = reject));
    // Where site data is blocked, some browsers throw at once, on reading `indexedDB` or on opening.
    const open = async () =>
      openDB<RondoSchema>(name, version, {
        upgrade,
        blocked: () =>
          refuse(
            new StoreError(
              "blocked",
              "Could not open the chats: another tab runs an older version of Rondo. Close that tab, then reload this one.",
            ),
          ),
        blocking: () =>
          database.#markClosed(
            "A newer version of Rondo is open in another tab. Reload this page to continue.",
          ),
        terminated: () =>
          database.#markClosed(
            "The browser closed the database; the site's data may have been cleared. Reload this page to continue.",
          ),
      });
    const opening = open();
    try {
      database.#connection = await Promise.race([opening, blocked]);
    } catch (error) {
      // A blocked opening may still succeed after its caller gave up.
      opening.then(
        (late) => late.close(),
        () => undefined,
      );
      throw asStoreError(error, "open the chats");
    }
    return database;
  }

  /**
   * Runs `action` in one transaction and resolves once that is committed. If the action or the commit fails,
   * nothing of it is stored. The action may only await the transaction's own requests: a transaction without
   * pending requests commits itself.
   *
   * @param doing a verb and its object, for the error's sentence
   * @throws StoreError
   */
  async run<Names extends StoreName, Mode extends "readonly" | "readwrite", T>(
    doing: string,
    names: Names[],
    mode: Mode,
    action: (transaction: Transaction<Names, Mode>) => Promise<T>,
    durability: Durability = "relaxed",
  ): Promise<T> {
    let transaction: Transaction<Names, Mode>;
    try {
      transaction = this.#connected(doing).transaction(names, mode, {
        durability,
      });
    } catch (error) {
      throw asStoreError(error, doing);
    }
    // Both may fail, in either order; the commit's error has the cause (such as quota).
    const done = transaction.done.then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    let result: T;
    try {
      result = await action(transaction);
    } catch (error) {
      try {
        transaction.abort();
      } catch {
        // It has already aborted or committed.
      }
      const failure = await done;
      const why = isAbort(error) ? (failure?.error ?? error) : error;
      throw asStoreError(why, doing);
    }
    const failure = await done;
    if (failure !== undefined) throw asStoreError(failure.error, doing);
    return result;
  }

  /** Closes the connection after its transactions. Later calls are refused as `closed`. */
  close(): void {
    this.#closed ??= new StoreError("closed", "The chats were closed.");
    this.#connection?.close();
  }

  #connected(doing: string): IDBPDatabase<RondoSchema> {
    if (this.#closed !== undefined || this.#connection === undefined) {
      const why = this.#closed?.message ?? "The chats are not open.";
      throw new StoreError("closed", `Could not ${doing}. ${why}`);
    }
    return this.#connection;
  }

  #markClosed(message: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = new StoreError("closed", message);
    this.#connection?.close();
    this.#onClosed(this.#closed);
  }
}

function upgrade(connection: IDBPDatabase<RondoSchema>, from: number): void {
  if (from >= 1) return;
  connection.createObjectStore("conversations", { keyPath: "id" });
  connection.createObjectStore("rounds", {
    keyPath: ["conversationId", "id"],
  });
  const keyPath = ["conversationId", "roundId", "half"];
  connection.createObjectStore("segments", { keyPath });
  connection
    .createObjectStore("uses", { keyPath })
    .createIndex("usedMs", "usedMs");
  connection.createObjectStore("weights");
  connection.createObjectStore("meta");
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

/** All keys of a conversation, in a store whose keys begin with its id; with `roundId`, of that round. */
export function keysOf(...prefix: [string] | [string, number]): IDBKeyRange {
  // An array sorts after every number and string, so [] ends the range.
  return IDBKeyRange.bound(prefix, [...prefix, []]);
}

/** Reading it throws in some frames without an origin; opening it then says why. */
function hasIndexedDB(): boolean {
  try {
    return typeof indexedDB !== "undefined" && indexedDB !== null;
  } catch {
    return true;
  }
}
