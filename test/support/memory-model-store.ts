/** Models' files in memory, as the store keeps them in the database, with a disk that may be full. */
import type {
  ChunkPlace,
  ModelFileStore,
  ModelRecord,
} from "../../src/store/model-store";
import { StoreError } from "../../src/util/errors";

export class MemoryModelStore implements ModelFileStore {
  readonly records = new Map<string, ModelRecord>();
  readonly bytes = new Map<string, Uint8Array<ArrayBuffer>>();
  roomBytes = Infinity;

  async list(): Promise<ModelRecord[]> {
    return structuredClone([...this.records.values()]);
  }

  async get(id: string): Promise<ModelRecord | undefined> {
    return structuredClone(this.records.get(id));
  }

  async put(record: ModelRecord): Promise<void> {
    this.records.set(record.id, structuredClone(record));
    for (const place of await this.chunks(record.id)) {
      const file = record.files.find(({ path }) => path === place.path);
      if (file?.version !== place.version) await this.deleteChunk(place);
    }
  }

  async change(
    id: string,
    change: (record: ModelRecord) => ModelRecord,
  ): Promise<void> {
    const record = await this.get(id);
    if (record) this.records.set(id, change(record));
  }

  async delete(id: string): Promise<void> {
    this.records.delete(id);
    for (const place of await this.chunks(id)) await this.deleteChunk(place);
  }

  async chunks(id: string): Promise<ChunkPlace[]> {
    return [...this.bytes.keys()]
      .map((key) => JSON.parse(key) as [string, string, string, number])
      .filter(([of]) => of === id)
      .map(([id, path, version, index]) => ({ id, path, version, index }))
      .sort((a, b) => (a.path < b.path ? -1 : 1) || a.index - b.index);
  }

  async putChunk(
    place: ChunkPlace,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    if (!this.records.has(place.id))
      throw new StoreError("missing", "the model was deleted");
    const used = [...this.bytes.values()].reduce(
      (sum, { length }) => sum + length,
      0,
    );
    if (used + bytes.length > this.roomBytes)
      throw new StoreError("quota", "no room");
    this.bytes.set(keyOf(place), bytes.slice());
  }

  async readChunk(
    place: ChunkPlace,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.bytes.get(keyOf(place));
  }

  async deleteChunk(place: ChunkPlace): Promise<void> {
    this.bytes.delete(keyOf(place));
  }

  async deleteFile(id: string, path: string): Promise<void> {
    for (const place of await this.chunks(id))
      if (place.path === path) await this.deleteChunk(place);
  }
}

function keyOf({ id, path, version, index }: ChunkPlace): string {
  return JSON.stringify([id, path, version, index]);
}
