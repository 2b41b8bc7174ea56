import { describe, expect, it } from "vitest";
import {
  type ChunkPlace,
  type ModelRecord,
  ModelStore,
} from "../../src/store/model-store";
import { StoreError } from "../../src/util/errors";
import { changeForeign, countOf, failPuts, openOwn, ownName } from "./fixtures";

function record(fields: Partial<ModelRecord> = {}): ModelRecord {
  return {
    id: "org/name",
    repository: "org/name",
    isDefault: true,
    gguf: undefined,
    chunkBytes: 4,
    files: [
      {
        path: "model.safetensors",
        bytes: 10,
        version: "v1",
        sha256: undefined,
        etag: undefined,
        isChecked: false,
      },
    ],
    usedMs: 5,
    ...fields,
  };
}

function place(index: number, fields: Partial<ChunkPlace> = {}): ChunkPlace {
  return {
    id: "org/name",
    path: "model.safetensors",
    version: "v1",
    index,
    ...fields,
  };
}

const bytes = Uint8Array.of(1, 2, 3, 4);

async function opened(name = ownName()) {
  return new ModelStore(await openOwn(name));
}

describe("a model's record", () => {
  it("is there as it was put, for the next connection too", async () => {
    const name = ownName();
    const store = await opened(name);
    await store.put(record());
    await store.put(record({ id: "org/name/a.gguf", gguf: "a.gguf" }));
    const again = await opened(name);
    expect(await again.get("org/name")).toEqual(record());
    expect((await again.list()).map(({ id }) => id)).toEqual([
      "org/name",
      "org/name/a.gguf",
    ]);
    expect(await again.get("org/other")).toBeUndefined();
  });

  it("is changed where it is there, and does not come back where it is not", async () => {
    const store = await opened();
    const use = (kept: ModelRecord) => ({ ...kept, usedMs: 9 });
    await store.change("org/name", use);
    expect(await store.list()).toEqual([]);
    await store.put(record());
    await store.change("org/name", use);
    expect((await store.get("org/name"))!.usedMs).toBe(9);
  });

  it("of another shape counts as none", async () => {
    const name = ownName();
    const store = await opened(name);
    await store.put(record());
    await changeForeign(name, "weights", ["model", "org/name"], () => "torn");
    expect(await store.list()).toEqual([]);
    expect(await store.get("org/name")).toBeUndefined();
  });
});

describe("chunks", () => {
  it("are read as they were put", async () => {
    const name = ownName();
    const store = await opened(name);
    await store.put(record());
    await store.putChunk(place(0), bytes);
    await store.putChunk(place(2), bytes.slice(2));
    const again = await opened(name);
    expect(await again.chunks("org/name")).toEqual([place(0), place(2)]);
    expect(await again.readChunk(place(0))).toEqual(bytes);
    expect(await again.readChunk(place(1))).toBeUndefined();
  });

  it("of models whose names begin alike are kept apart", async () => {
    const store = await opened();
    await store.put(record());
    await store.put(record({ id: "org/name2" }));
    await store.putChunk(place(0), bytes);
    await store.putChunk(place(0, { id: "org/name2" }), bytes);
    await store.delete("org/name");
    expect(await store.chunks("org/name")).toEqual([]);
    expect(await store.chunks("org/name2")).toHaveLength(1);
    expect(await store.get("org/name")).toBeUndefined();
  });

  it("go with the version that they are of", async () => {
    const store = await opened();
    await store.put(record());
    await store.putChunk(place(0), bytes);
    await store.put(record({ usedMs: 6 }));
    expect(await store.chunks("org/name")).toHaveLength(1);
    const [file] = record().files;
    await store.put(record({ files: [{ ...file!, version: "v2" }] }));
    expect(await store.chunks("org/name")).toEqual([]);
  });

  it("of a file go alone", async () => {
    const store = await opened();
    const [file] = record().files;
    await store.put(record({ files: [file!, { ...file!, path: "b" }] }));
    await store.putChunk(place(0), bytes);
    await store.putChunk(place(1, { path: "b" }), bytes);
    await store.deleteFile("org/name", "model.safetensors");
    expect(await store.chunks("org/name")).toEqual([place(1, { path: "b" })]);
  });

  it("of a model that is gone, or wants another version, are refused", async () => {
    const store = await opened();
    const putting = store.putChunk(place(0), bytes);
    await expect(putting).rejects.toThrow(/was deleted/);
    await expect(putting).rejects.toMatchObject({ reason: "missing" });
    await store.put(record());
    const stale = store.putChunk(place(0, { version: "v0" }), bytes);
    await expect(stale).rejects.toThrow(StoreError);
    expect(await store.chunks("org/name")).toEqual([]);
  });

  it("that are torn or flipped count as not there, and go", async () => {
    const name = ownName();
    const store = await opened(name);
    await store.put(record());
    for (const blob of [
      new Blob([bytes.slice(1)]),
      new Blob([bytes.with(2, 9)]),
      "no blob",
    ]) {
      await store.putChunk(place(0), bytes);
      const { id, path, version, index } = place(0);
      const key = ["chunk", id, path, version, index];
      await changeForeign(name, "weights", key, (value) => ({
        ...(value as object),
        blob,
      }));
      expect(await store.readChunk(place(0))).toBeUndefined();
      expect(await store.chunks("org/name")).toEqual([]);
    }
  });

  it("on a full disk fail, and take nothing of a chat with them", async () => {
    const name = ownName();
    const store = await opened(name);
    await store.put(record());
    await store.putChunk(place(0), bytes);
    const puts = failPuts(() => true);
    const putting = store.putChunk(place(1), bytes);
    await expect(putting).rejects.toMatchObject({ reason: "quota" });
    expect(puts).toEqual(["weights"]);
    expect(await countOf(name, "weights")).toBe(2);
  });
});
