/** Databases that older versions left, from their fixtures. */
import { openDB } from "idb";
import { ownName } from "../store/fixtures";

interface StoredDatabase {
  version: number;
  stores: Record<string, StoredObjects>;
}

interface StoredObjects {
  /** Null: keys are apart. */
  keyPath: string | string[] | null;
  indexes: { name: string; keyPath: string | string[] }[];
  records: { key?: IDBValidKey; value: unknown }[];
}

/** What JSON has no form for. */
interface Encoded {
  $type: "Blob" | "Float32Array" | "Uint32Array";
  base64: string;
}

/**
 * Makes a database of the test's own, with the schema and the records of a fixture.
 *
 * @returns its name
 */
export async function databaseOf(fixture: URL): Promise<string> {
  const { version, stores } = await readFixture(fixture);
  const name = ownName();
  const connection = await openDB(name, version, {
    upgrade(database) {
      for (const [storeName, { keyPath, indexes }] of Object.entries(stores)) {
        const store = database.createObjectStore(storeName, { keyPath });
        for (const index of indexes)
          store.createIndex(index.name, index.keyPath);
      }
    },
  });
  for (const [storeName, { records }] of Object.entries(stores))
    for (const { key, value } of records)
      await connection.put(storeName, decoded(value), key);
  connection.close();
  return name;
}

async function readFixture(fixture: URL): Promise<StoredDatabase> {
  const { body } = await fetch(fixture);
  const json = body!.pipeThrough(new DecompressionStream("gzip"));
  return (await new Response(json).json()) as StoredDatabase;
}

function decoded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decoded);
  if (typeof value !== "object" || value === null) return value;
  if (isEncoded(value)) return fromBase64(value);
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, decoded(one)]),
  );
}

function isEncoded(value: object): value is Encoded {
  return "$type" in value;
}

function fromBase64({ $type, base64 }: Encoded) {
  const bytes = Uint8Array.from(atob(base64), (digit) => digit.charCodeAt(0));
  if ($type === "Blob") return new Blob([bytes]);
  if ($type === "Uint32Array") return new Uint32Array(bytes.buffer);
  return new Float32Array(bytes.buffer);
}
