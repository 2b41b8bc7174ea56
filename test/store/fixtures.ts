/** Databases of a test's own, records to fill them, and disks that are full. */
import { deleteDB, openDB } from "idb";
import type { Half } from "../../src/util/kv-half";
import { onTestFinished, vi } from "vitest";
import type { ConversationRecord } from "../../src/store/conversations";
import { Database, type DatabaseOptions } from "../../src/store/database";
import type { RoundRecord } from "../../src/store/rounds";
import type { SegmentRecord } from "../../src/store/segments";

/** A database name that nothing else has; what it names is deleted when the test is over. */
export function ownName(): string {
  const name = `rondo-test-${crypto.randomUUID()}`;
  onTestFinished(() => deleteDB(name));
  return name;
}

/** A connection that is closed when the test is over. */
export async function openOwn(
  name = ownName(),
  options: DatabaseOptions = {},
): Promise<Database> {
  const database = await Database.open({ name, ...options });
  onTestFinished(() => database.close());
  return database;
}

/** Writes a value past all checks, as another version or a hand would. */
export async function putForeign(
  name: string,
  store: string,
  value: unknown,
): Promise<void> {
  const connection = await openDB(name);
  await connection.put(store, value);
  connection.close();
}

/** Changes a stored value past all checks. */
export async function changeForeign(
  name: string,
  store: string,
  key: IDBValidKey,
  change: (value: unknown) => unknown,
): Promise<void> {
  const connection = await openDB(name);
  const changed = await change(await connection.get(store, key));
  const { keyPath } = connection.transaction(store).store;
  await connection.put(store, changed, keyPath === null ? key : undefined);
  connection.close();
}

/** How many records a store holds, of whatever shape. */
export async function countOf(name: string, store: string): Promise<number> {
  const connection = await openDB(name);
  const count = await connection.count(store);
  connection.close();
  return count;
}

/**
 * Lets puts into stores fail as on a full disk, until the test is over; the result has the names of
 * stores in the order of puts.
 */
export function failPuts(
  isFull: (store: string, count: number) => boolean,
): string[] {
  const puts: string[] = [];
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its object below
  const put = IDBObjectStore.prototype.put;
  const spy = vi
    .spyOn(IDBObjectStore.prototype, "put")
    .mockImplementation(function (this: IDBObjectStore, value: unknown) {
      puts.push(this.name);
      if (isFull(this.name, puts.length)) {
        throw new DOMException("full", "QuotaExceededError");
      }
      return put.call(this, value);
    });
  onTestFinished(() => spy.mockRestore());
  return puts;
}

/** What is asked of IndexedDB from now on, until the test is over. */
export function countWrites() {
  const transaction = vi.spyOn(IDBDatabase.prototype, "transaction");
  const put = vi.spyOn(IDBObjectStore.prototype, "put");
  const remove = vi.spyOn(IDBObjectStore.prototype, "delete");
  const spies = [transaction, put, remove];
  onTestFinished(() => spies.forEach((spy) => spy.mockRestore()));
  return {
    get transactions() {
      const { calls } = transaction.mock;
      return calls.filter(([, mode]) => mode === "readwrite").length;
    },
    get puts() {
      return put.mock.calls.length;
    },
    get deletes() {
      return remove.mock.calls.length;
    },
  };
}

export function conversation(
  id: string,
  fields: Partial<ConversationRecord> = {},
): ConversationRecord {
  return {
    id,
    title: `Chat ${id}`,
    createdMs: 1000,
    updatedMs: 1000,
    model: { name: "rondo-tiny", url: "/models/rondo-tiny/" },
    ...fields,
  };
}

export function round(
  id: number,
  fields: Partial<RoundRecord> = {},
): RoundRecord {
  return {
    conversationId: "a",
    id,
    parentId: id === 0 ? null : id - 1,
    user: `Question ${id}`,
    reply: `Answer ${id}`,
    isFinished: true,
    tokens: Uint32Array.of(id, 7, 70_000),
    openTokens: 2,
    textFingerprint: "t1",
    contentHash: "0".repeat(64),
    attended: null,
    createdMs: 1000 + id,
    ...fields,
  };
}

export function segment(
  roundId: number,
  half: Half,
  bytes = 64,
  conversationId = "a",
): SegmentRecord {
  const blob = new Blob([new Uint8Array(bytes).fill(roundId)]);
  return {
    conversationId,
    roundId,
    half,
    blob,
    bytes,
    fingerprint: "f1",
  };
}
