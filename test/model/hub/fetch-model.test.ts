// Models of the hub, fetched over real connections that break, from a hub that changes its mind.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  fetchModel,
  type FetchOptions,
} from "../../../src/model/hub/fetch-model";
import { Hub } from "../../../src/model/hub/hub";
import { hubName } from "../../../src/model/hub/hub-name";
import { storedFiles } from "../../../src/model/hub/stored-files";
import { ModelFetchError, StoreError } from "../../../src/util/errors";
import { fakeHub, type FakeHub } from "../../support/fake-hub";
import { MemoryModelStore } from "../../support/memory-model-store";
import { seededInts } from "../../support/random";

const NAME = "org/model";
const WEIGHTS = "model.safetensors";
const CHUNK = 20_000;
/** Several chunks, the last one not whole. */
const weights = Uint8Array.from(seededInts(150_001, 256, 1));
const other = Uint8Array.from(seededInts(150_001, 256, 2));
const config = new TextEncoder().encode('{"a": 1}');

let hub: FakeHub;
let store: MemoryModelStore;
beforeEach(async () => {
  hub = await fakeHub({
    [NAME]: { "config.json": config, [WEIGHTS]: weights },
  });
  store = new MemoryModelStore();
});
afterEach(() => hub.close());

function fetching(options: FetchOptions = {}, name = NAME) {
  return fetchModel(new Hub({ url: hub.url }), store, hubName(name)!, {
    retryPolicy: { retries: 5, firstWaitMs: 1 },
    chunkBytes: CHUNK,
    ...options,
  });
}

/** What is kept of a file now. */
async function kept(path = WEIGHTS): Promise<Uint8Array> {
  const record = (await store.get(NAME))!;
  const range = { start: 0, end: Infinity };
  const opened = await storedFiles(store, record).open(path, range);
  const parts: Uint8Array[] = [];
  for await (const bytes of opened!.chunks) parts.push(bytes);
  return new Uint8Array(Buffer.concat(parts));
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Bytes of bodies of the weights that were sent so far. */
function sentBytes(): number {
  return hub.requests
    .filter(({ path }) => path === WEIGHTS)
    .reduce((sum, { sentBytes }) => sum + sentBytes, 0);
}

describe("a model is fetched", () => {
  it("whole, each byte once, and is checked", async () => {
    const progress: [number, number][] = [];
    const record = await fetching({
      onProgress: (...told) => progress.push(told),
    });
    expect(record.files.every(({ isChecked }) => isChecked)).toBe(true);
    expect(equal(await kept(), weights)).toBe(true);
    expect(equal(await kept("config.json"), config)).toBe(true);
    expect(sentBytes()).toBe(weights.length);
    const total = weights.length + config.length;
    expect(progress[0]).toEqual([0, total]);
    expect(progress.at(-1)).toEqual([total, total]);
    expect(hub.requests.every(({ method }) => method === "GET")).toBe(true);
  });

  it("never twice", async () => {
    await fetching();
    hub.requests.length = 0;
    await fetching();
    expect(hub.requests.map(({ path }) => path)).toEqual(["api"]);
  });

  it("and can be read by any range", async () => {
    const files = storedFiles(store, await fetching());
    for (const [start, end] of [
      [0, 1],
      [CHUNK - 1, CHUNK + 1],
      [CHUNK, 2 * CHUNK],
      [123_456, 200_000],
      [150_001, 150_002],
    ] as const) {
      const opened = await files.open(WEIGHTS, { start, end });
      const parts: Uint8Array[] = [];
      for await (const bytes of opened!.chunks) parts.push(bytes);
      const bytes = new Uint8Array(Buffer.concat(parts));
      expect(equal(bytes, weights.slice(start, end))).toBe(true);
    }
    expect(await files.text("config.json")).toBe('{"a": 1}');
    expect(await files.text("nothing.json")).toBeUndefined();
  });

  it("with empty files", async () => {
    hub.repositories[NAME]!["rondo.json"] = new Uint8Array(0);
    const files = storedFiles(store, await fetching());
    expect(await files.text("rondo.json")).toBe("");
  });

  it("from GGUF, the named file and nothing else of its kind", async () => {
    hub.repositories["org/gguf"] = {
      "a-Q8_0.gguf": weights,
      "a-Q4_K_M.gguf": other,
    };
    const record = await fetching({}, "org/gguf/a-Q8_0.gguf");
    expect(record).toMatchObject({
      id: "org/gguf/a-Q8_0.gguf",
      gguf: "a-Q8_0.gguf",
      isDefault: false,
    });
    expect(record.files.map(({ path }) => path)).toEqual(["a-Q8_0.gguf"]);
    expect((await fetching({}, "org/gguf")).gguf).toBe("a-Q4_K_M.gguf");
  });
});

describe("a lost connection", () => {
  it("at any of 20 random bytes ends in the same files, and nothing comes twice", async () => {
    // Of several in one chunk the first one breaks first.
    const cuts = seededInts(20, weights.length, 42).sort();
    for (const cutAtByte of cuts)
      hub.faults.push({ path: WEIGHTS, cutAtByte, times: 1 });
    await fetching();
    expect(hub.faults.every(({ times }) => times === 0)).toBe(true);
    expect(equal(await kept(), weights)).toBe(true);
    // Of a chunk that was cut only what was on its way may come again.
    expect(sentBytes()).toBeLessThanOrEqual(weights.length + 20 * CHUNK);
  });

  it("in each of 20 visits to the page leaves all whole chunks for the next", async () => {
    const cuts = seededInts(20, weights.length, 43);
    const once = { retryPolicy: { retries: 0, firstWaitMs: 1 } };
    for (const cutAtByte of cuts) {
      hub.faults.length = 0;
      hub.faults.push({ path: WEIGHTS, cutAtByte, times: 1 });
      hub.requests.length = 0;
      const before = await store.chunks(NAME);
      await fetching(once).catch((error: unknown) =>
        expect(error).toBeInstanceOf(ModelFetchError),
      );
      for (const { path, index } of before) {
        const isAgain = hub.requests.some(
          (request) =>
            request.path === path &&
            request.start >= index * CHUNK &&
            request.start < (index + 1) * CHUNK,
        );
        expect(isAgain).toBe(false);
      }
    }
    hub.faults.length = 0;
    await fetching(once);
    expect(equal(await kept(), weights)).toBe(true);
  });

  it("that stays lost is an error that says that all is kept", async () => {
    hub.faults.push({ path: WEIGHTS, cutAtByte: 70_000 });
    const failing = fetching();
    await expect(failing).rejects.toThrow(ModelFetchError);
    await expect(failing).rejects.toThrow(/broke.*resume the download/);
  });

  it("that brings nothing any more counts as lost", async () => {
    hub.faults.push({ path: WEIGHTS, slowMs: 60_000, times: 2 });
    await fetching({
      retryPolicy: { retries: 5, firstWaitMs: 1, stallMs: 100 },
    });
    expect(equal(await kept(), weights)).toBe(true);
  });

  it("that ends a body too early in good order is no end of the file", async () => {
    hub.faults.push({ path: WEIGHTS, endAtByte: 65_432, times: 1 });
    await fetching();
    expect(equal(await kept(), weights)).toBe(true);
  });
});

describe("a pause", () => {
  it("keeps what is there, and the next download goes on", async () => {
    hub.faults.push({ path: WEIGHTS, slowMs: 25 });
    const pause = new AbortController();
    const reason = new Error("paused");
    await expect(
      fetching({
        signal: pause.signal,
        onProgress: (loaded) => {
          if (loaded > 90_000) pause.abort(reason);
        },
      }),
    ).rejects.toBe(reason);
    const before = sentBytes();
    const here = await store.chunks(NAME);
    expect(here.length).toBeGreaterThan(0);
    const hereBytes = here.reduce((sum, { path, index }) => {
      const { length } = path === WEIGHTS ? weights : config;
      return sum + Math.min(CHUNK, length - index * CHUNK);
    }, 0);

    hub.faults.length = 0;
    const progress: number[] = [];
    await fetching({ onProgress: (loaded) => progress.push(loaded) });
    expect(progress[0]).toBe(hereBytes);
    expect(equal(await kept(), weights)).toBe(true);
    expect(sentBytes() - before).toBeLessThan(weights.length);
  });
});

describe("a busy server", () => {
  it.each([429, 503])(
    "that answers %i is given the time it asks for",
    async (status) => {
      const headers = { "retry-after": "1" };
      hub.faults.push({ path: WEIGHTS, status, headers, times: 1 });
      const startMs = performance.now();
      await fetching();
      expect(performance.now() - startMs).toBeGreaterThan(900);
      expect(equal(await kept(), weights)).toBe(true);
    },
  );

  it("that asks for an hour is an error at once", async () => {
    const headers = { "retry-after": "3600" };
    hub.faults.push({ path: "api", status: 429, headers });
    await expect(fetching()).rejects.toThrow(/in 3600 seconds/);
  });

  it.each([401, 403, 404])(
    "that answers %i is not asked again",
    async (status) => {
      hub.faults.push({ path: WEIGHTS, status });
      await expect(fetching()).rejects.toThrow(ModelFetchError);
      const asked = hub.requests.filter(
        ({ from, start }) => from === "cdn" && start === 0,
      );
      expect(asked).toHaveLength(1);
      hub.faults.length = 0;
      await fetching();
      expect(equal(await kept(), weights)).toBe(true);
    },
  );
});

describe("another version", () => {
  const change = () => {
    hub.repositories[NAME] = { "config.json": config, [WEIGHTS]: other };
  };

  it("that comes halfway is fetched from the beginning, never mixed", async () => {
    hub.faults.push({ path: WEIGHTS, after: 3, times: 1, meanwhile: change });
    await fetching();
    expect(equal(await kept(), other)).toBe(true);
  });

  it("that comes between two visits likewise", async () => {
    hub.faults.push({ path: WEIGHTS, cutAtByte: 70_000 });
    const once = { retryPolicy: { retries: 0, firstWaitMs: 1 } };
    await expect(fetching(once)).rejects.toThrow(ModelFetchError);
    hub.faults.length = 0;
    change();
    await fetching();
    expect(equal(await kept(), other)).toBe(true);
  });

  it("of another size likewise", async () => {
    const short = other.slice(0, 90_000);
    hub.faults.push({
      path: WEIGHTS,
      after: 3,
      times: 1,
      meanwhile: () =>
        (hub.repositories[NAME] = { "config.json": config, [WEIGHTS]: short }),
    });
    await fetching();
    expect(equal(await kept(), short)).toBe(true);
  });

  it("of one file is fetched, and the others stay", async () => {
    await fetching();
    hub.requests.length = 0;
    const config = new TextEncoder().encode('{"b": 2}');
    hub.repositories[NAME] = { "config.json": config, [WEIGHTS]: weights };
    await fetching();
    expect(hub.requests.map(({ path }) => path)).toEqual([
      "api",
      "config.json",
    ]);
    expect(equal(await kept("config.json"), config)).toBe(true);
  });

  it("that the listing does not know of ends in an error after a few tries", async () => {
    hub.faults.push({ path: WEIGHTS, status: 416 });
    await expect(fetching()).rejects.toThrow(/changed on the hub/);
    expect(await store.chunks(NAME)).toHaveLength(1);
  });
});

describe("wrong bytes", () => {
  it("are found, and the file is fetched once more", async () => {
    hub.faults.push({ path: WEIGHTS, flipByte: 77_777, times: 1 });
    await fetching();
    expect(equal(await kept(), weights)).toBe(true);
  });

  it("that stay wrong are an error, and nothing of the file is kept", async () => {
    hub.faults.push({ path: WEIGHTS, flipByte: 77_777 });
    const failing = fetching();
    await expect(failing).rejects.toThrow(/SHA-256.*twice/);
    expect(await store.chunks(NAME)).toHaveLength(1);
    expect((await store.get(NAME))!.files.at(-1)!.isChecked).toBe(false);
  });

  it("on the disk are fetched anew, that part alone", async () => {
    await fetching();
    const [, , place] = await store.chunks(NAME);
    await store.deleteChunk(place!);
    await expect(kept()).rejects.toThrow(/damaged on this device.*Load/);
    hub.requests.length = 0;
    await fetching();
    expect(sentBytes()).toBe(CHUNK);
    expect(equal(await kept(), weights)).toBe(true);
  });
});

describe("a full disk", () => {
  it("says how much is needed and what to delete, and leaves room for chats", async () => {
    await fetching();
    hub.repositories["org/large"] = { "config.json": config, [WEIGHTS]: other };
    store.roomBytes = 250_000;
    const failing = fetching({}, "org/large");
    await expect(failing).rejects.toThrow(StoreError);
    await expect(failing).rejects.toThrow(
      /^org\/large takes 0\.2 MB.*remain to be downloaded.*Delete models.*org\/model \(0\.2 MB\)/,
    );
    const used = [...store.bytes.values()].reduce(
      (sum, b) => sum + b.length,
      0,
    );
    expect(store.roomBytes - used).toBeGreaterThanOrEqual(CHUNK);

    await store.delete(NAME);
    hub.requests.length = 0;
    await fetching({}, "org/large");
    expect(sentBytes()).toBeLessThan(other.length);
  });

  it("that is full beforehand is told before anything is fetched", async () => {
    vi.stubGlobal("navigator", {
      storage: { estimate: async () => ({ quota: 100_000, usage: 40_000 }) },
    });
    await expect(fetching()).rejects.toThrow(/there is room for only 0\.1 MB/);
    expect(hub.requests.map(({ path }) => path)).toEqual(["api"]);
    vi.unstubAllGlobals();
  });
});

it("a model that is deleted while it is fetched does not come back", async () => {
  hub.faults.push({
    path: WEIGHTS,
    after: 2,
    times: 1,
    meanwhile: () => void store.delete(NAME),
  });
  await expect(fetching()).rejects.toThrow(StoreError);
  expect(store.bytes.size).toBe(0);
});
