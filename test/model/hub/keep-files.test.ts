// Files of the user on this device: what is written, read again, continued, and refused.
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { ModelLibrary } from "../../../src/engine/load/model-library";
import { MemoryModelStore } from "../../support/memory-model-store";

const CHUNK = 100;

function bytesOf(length: number, seed = 7): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * seed) % 251);
}

function fileOf(
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
  lastModified = 1,
) {
  return new File([bytes], name, { lastModified });
}

function libraryOf(store = new MemoryModelStore()) {
  const library = new ModelLibrary({ store, chunkBytes: CHUNK, locks: null });
  return { store, library };
}

/** All bytes of a stored file. */
async function contentOf(library: ModelLibrary, id: string, path: string) {
  const files = await library.open(id);
  const opened = await files.open(path, { start: 0, end: Infinity });
  const all: number[] = [];
  for await (const bytes of opened!.chunks) all.push(...bytes);
  return Uint8Array.from(all);
}

describe("files that are kept", () => {
  test("are what was given, listed, loaded by their id and deleted", async () => {
    const { library, store } = libraryOf();
    const bytes = bytesOf(250);
    const told: number[] = [];
    const model = await library.keep([fileOf("my model.gguf", bytes)], {
      onProgress: ({ loadedBytes, totalBytes }) => {
        expect(totalBytes).toBe(250);
        told.push(loadedBytes);
      },
    });
    expect(told).toEqual([0, 100, 200, 250]);
    expect(model).toMatchObject({
      id: "device:my model.gguf",
      keptBytes: 250,
      totalBytes: 250,
    });
    expect(await library.list()).toEqual([model]);
    const files = await library.open(model.id);
    expect(files).toMatchObject({ name: "my model", gguf: "my model.gguf" });
    expect(await contentOf(library, model.id, "my model.gguf")).toEqual(bytes);
    const [record] = await store.list();
    expect(record!.files[0]!.sha256).toBe(bytesToHex(sha256(bytes)));
    await library.delete(model.id);
    await expect(library.open(model.id)).rejects.toThrow(
      "my model.gguf is not on this device. Choose the file again.",
    );
  });

  test("are kept together: a folder is one model", async () => {
    const { library } = libraryOf();
    const config = new TextEncoder().encode('{"a":1}');
    const model = await library.keep([
      fileOf("config.json", config),
      fileOf("tokenizer.json", bytesOf(20)),
      fileOf("model.safetensors", bytesOf(230)),
    ]);
    expect(await library.list()).toHaveLength(1);
    expect(model.totalBytes).toBe(config.length + 250);
    const files = await library.open(model.id);
    expect(files.gguf).toBeUndefined();
    expect(await files.text("config.json")).toBe('{"a":1}');
    expect(await contentOf(library, model.id, "model.safetensors")).toEqual(
      bytesOf(230),
    );
  });

  test("are written once: the same files again cause no write", async () => {
    const { library, store } = libraryOf();
    const files = [fileOf("a.gguf", bytesOf(250))];
    await library.keep(files);
    const put = vi.spyOn(store, "putChunk");
    await library.keep(files);
    expect(put).not.toHaveBeenCalled();
  });

  test("take the place of others of that name", async () => {
    const { library, store } = libraryOf();
    await library.keep([fileOf("a.gguf", bytesOf(250))]);
    const { id } = await library.keep([fileOf("a.gguf", bytesOf(120, 11), 2)]);
    expect(await contentOf(library, id, "a.gguf")).toEqual(bytesOf(120, 11));
    expect(store.bytes.size).toBe(2);
  });

  test("go on where a page was closed", async () => {
    const { library, store } = libraryOf();
    const files = [fileOf("a.gguf", bytesOf(250))];
    // The page ends: nothing that would tidy up runs.
    const tidy = vi.spyOn(store, "delete").mockResolvedValue();
    const ending = new AbortController();
    await expect(
      library.keep(files, {
        signal: ending.signal,
        onProgress: ({ loadedBytes }) => {
          if (loadedBytes === 200) ending.abort(new Error("closed"));
        },
      }),
    ).rejects.toThrow("closed");
    tidy.mockRestore();
    expect(await library.list()).toMatchObject([{ keptBytes: 200 }]);
    await expect(library.open("device:a.gguf")).rejects.toThrow(
      "a.gguf is not on this device as a whole.",
    );
    const again = vi.spyOn(store, "putChunk");
    const { id } = await library.keep(files);
    expect(again).toHaveBeenCalledTimes(1);
    expect(await contentOf(library, id, "a.gguf")).toEqual(bytesOf(250));
  });
});

describe("nothing is left", () => {
  test("of files for which there is no room, and the text says what helps", async () => {
    const { library, store } = libraryOf();
    await library.keep([fileOf("other.gguf", bytesOf(100))]);
    store.roomBytes = 250;
    const keeping = library.keep([fileOf("a.gguf", bytesOf(250))]);
    await expect(keeping).rejects.toMatchObject({ reason: "quota" });
    await expect(keeping).rejects.toThrow(
      /^a\.gguf takes 0\.0 MB on this device, and there is no room left for this site\. It works until this page is closed\. To keep it, delete models that you don't need \(other\.gguf \(0\.0 MB\)\), or free space on the disk\.$/,
    );
    expect((await library.list()).map(({ id }) => id)).toEqual([
      "device:other.gguf",
    ]);
    expect(store.bytes.size).toBe(1);
  });

  test("where the browser says so before anything is written", async () => {
    vi.stubGlobal("navigator", {
      storage: { estimate: async () => ({ usage: 90, quota: 100 }) },
    });
    onTestFinished(() => void vi.unstubAllGlobals());
    const { library, store } = libraryOf();
    const put = vi.spyOn(store, "put");
    await expect(
      library.keep([fileOf("a.gguf", bytesOf(250))]),
    ).rejects.toThrow("there is room for only 0.0 MB");
    expect(put).not.toHaveBeenCalled();
  });

  test("of files that are stopped, deleted, unreadable or no model", async () => {
    const { library, store } = libraryOf();
    const files = [fileOf("a.gguf", bytesOf(250))];
    await expect(
      library.keep(files, { signal: AbortSignal.abort(new Error("enough")) }),
    ).rejects.toThrow("enough");
    await expect(
      library.keep(files, {
        onProgress: ({ loadedBytes }) => {
          if (loadedBytes === 100) void library.delete("device:a.gguf");
        },
      }),
    ).rejects.toMatchObject({ reason: "missing" });
    const moved = fileOf("a.gguf", bytesOf(250));
    moved.slice = () => {
      const gone = new Blob();
      gone.arrayBuffer = () => Promise.reject(new Error("it is gone"));
      return gone;
    };
    await expect(library.keep([moved])).rejects.toThrow(
      "a.gguf can no longer be read (it is gone): it was changed or moved.",
    );
    await expect(
      library.keep([fileOf("notes.txt", bytesOf(5))]),
    ).rejects.toThrow("are not a model");
    expect(await library.list()).toEqual([]);
    expect(store.bytes.size).toBe(0);
  });
});

test("A plan of kept files needs no network and no download", async () => {
  const { library } = libraryOf();
  const config = { architectures: ["LlamaForCausalLM"] };
  const { id } = await library.keep([
    fileOf("config.json", new TextEncoder().encode(JSON.stringify(config))),
    fileOf("model.safetensors", bytesOf(230)),
  ]);
  // The configuration is read, and is not enough.
  await expect(library.plan(id)).rejects.toThrow("config.json");
  await expect(library.plan("device:none.gguf")).rejects.toThrow(
    "none.gguf is not on this device.",
  );
});
