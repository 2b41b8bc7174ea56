import { randomModel } from "../../fixtures/random-model";
import { ggufFile } from "../../support/gguf-file";
import { ggufModel, splitGguf } from "../../support/gguf-model";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  ModelLibrary,
  type ModelLibraryOptions,
} from "../../../src/engine/load/model-library";
import { ModelFetchError } from "../../../src/util/errors";
import { fakeHub, type FakeHub } from "../../support/fake-hub";
import { MemoryModelStore } from "../../support/memory-model-store";
import { expectedTensors } from "../../../src/model/config/expected-tensors";
import { readConfig } from "../../../src/model/config/config";
import { seededInts } from "../../support/random";
import {
  safetensorsFile,
  type TestTensor,
} from "../../support/safetensors-file";
import type { LoadProgress } from "../../../src/engine/api/models";

const NAME = "org/tiny";
const config = {
  architectures: ["LlamaForCausalLM"],
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 512,
  vocab_size: 256,
};
const weights = Uint8Array.from(seededInts(50_000, 256, 1));
const bytes = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));
const files = () => ({
  "config.json": bytes(config),
  "tokenizer.json": bytes({}),
  "model.safetensors": safetensors("F16"),
});

/** The model's tensors, all zeros. */
function safetensors(dtype: "F16" | "F32"): Uint8Array<ArrayBuffer> {
  const size = dtype === "F16" ? 2 : 4;
  const tensors = [...expectedTensors(readConfig(config))].map(
    ([name, shape]) => {
      const count = shape.reduce((a, b) => a * b, 1);
      const bytes = new Uint8Array(size * count);
      return [name, { dtype, shape: [...shape], bytes }] as [
        string,
        TestTensor,
      ];
    },
  );
  return safetensorsFile(Object.fromEntries(tensors));
}

let hub: FakeHub;
let store: MemoryModelStore;
beforeEach(async () => {
  hub = await fakeHub({
    [NAME]: files(),
    "org/gguf": { "t-Q8_0.gguf": weights, "t-Q4_0.gguf": weights.slice(1) },
  });
  store = new MemoryModelStore();
});
afterEach(() => hub.close());

function library(options: ModelLibraryOptions = {}) {
  return new ModelLibrary({
    store,
    locks: null,
    retryPolicy: { retries: 1, firstWaitMs: 1 },
    chunkBytes: 20_000,
    ...options,
  });
}
const at = () => ({ hubUrl: hub.url });

/** A lock manager of two tabs: one at a time, in order. */
function fakeLocks(): LockManager & { names: string[] } {
  let last: Promise<unknown> = Promise.resolve();
  const names: string[] = [];
  const request = (
    name: string,
    _options: unknown,
    action: () => Promise<unknown>,
  ) => {
    names.push(name);
    const mine = last.then(action);
    last = mine.catch(() => undefined);
    return mine;
  };
  return { names, request } as unknown as LockManager & { names: string[] };
}

describe("a model of the hub", () => {
  it("is fetched, listed, and loaded again without any request", async () => {
    const progress: LoadProgress[] = [];
    const first = await library().open(NAME, {
      ...at(),
      onProgress: (told) => progress.push(told),
    });
    expect(first.name).toBe(NAME);
    expect(progress.every(({ phase }) => phase === "download")).toBe(true);
    expect(progress.at(-1)!.loadedBytes).toBe(progress.at(-1)!.totalBytes);
    const [kept] = await library().list();
    expect(kept).toMatchObject({ id: NAME, keptBytes: kept!.totalBytes });

    await hub.close();
    hub.requests.length = 0;
    const again = await library().open(NAME, at());
    expect(JSON.parse((await again.text("config.json"))!)).toEqual(config);
    expect(hub.requests).toEqual([]);
    hub = await fakeHub({});
  });

  it("that is a repository's default GGUF file is found under either name", async () => {
    const opened = await library().open("org/gguf", at());
    expect(opened.gguf).toBe("t-Q4_0.gguf");
    hub.requests.length = 0;
    for (const name of ["org/gguf", "org/gguf/t-Q4_0.gguf"])
      expect((await library().open(name, at())).gguf).toBe("t-Q4_0.gguf");
    expect(hub.requests).toEqual([]);
    await library().open("org/gguf/t-Q8_0.gguf", at());
    expect((await library().open("org/gguf", at())).gguf).toBe("t-Q4_0.gguf");
    expect((await library().list()).map(({ id }) => id)).toEqual([
      "org/gguf/t-Q4_0.gguf",
      "org/gguf/t-Q8_0.gguf",
    ]);
  });

  it("is fetched by one of two tabs at a time, and found by the other", async () => {
    const locks = fakeLocks();
    await Promise.all([
      library({ locks }).open(NAME, at()),
      library({ locks }).open(NAME, at()),
    ]);
    expect(locks.names).toEqual(Array(2).fill(`rondo/models/${NAME}`));
    const listings = hub.requests.filter(({ path }) => path === "api");
    expect(listings).toHaveLength(1);
  });

  it("is looked up again where that is asked for", async () => {
    await library().open(NAME, at());
    const changed = { ...config, max_position_embeddings: 1024 };
    hub.repositories[NAME] = { ...files(), "config.json": bytes(changed) };
    const old = await library().open(NAME, at());
    expect(JSON.parse((await old.text("config.json"))!)).toEqual(config);
    hub.requests.length = 0;
    const opened = await library().open(NAME, { ...at(), refresh: true });
    expect(JSON.parse((await opened.text("config.json"))!)).toEqual(changed);
    expect(hub.requests.map(({ path }) => path)).toEqual([
      "api",
      "config.json",
    ]);
  });

  it("is gone when it is deleted", async () => {
    await library().open(NAME, at());
    await library().delete(NAME);
    expect(await library().list()).toEqual([]);
    expect(store.bytes.size).toBe(0);
  });

  it("of which a part is here is listed with that part", async () => {
    hub.faults.push({ path: "model.safetensors", cutAtByte: 45_000 });
    await expect(library().open(NAME, at())).rejects.toThrow(ModelFetchError);
    const [kept] = await library().list();
    expect(kept!.keptBytes).toBeGreaterThan(0);
    expect(kept!.keptBytes).toBeLessThan(kept!.totalBytes);
  });
});

describe("a plan", () => {
  it("of a model on the hub fetches its configuration and the header of its weights", async () => {
    const plan = await library().plan(NAME, at());
    expect(plan).toMatchObject({
      id: NAME,
      name: NAME,
      architecture: "LlamaForCausalLM",
      contextTokens: 512,
      choices: [],
      hasUpdate: false,
      misfit: undefined,
      kvBytesPerToken: 2 * 2 * 2 * 16 * 2,
      fileBitsPerWeight: 16,
    });
    // Vectors are in F32 on the GPU.
    expect(plan.bitsPerWeight).toBeCloseTo(16, 0);
    const total = Object.values(files()).reduce((sum, f) => sum + f.length, 0);
    expect(plan.downloadBytes).toBe(total);
    expect(hub.requests.map(({ path }) => path)).toEqual([
      "api",
      "config.json",
      "model.safetensors", // which sends to another address
      "model.safetensors",
    ]);
  });

  it("of a kept model needs no network, and asks for an update where there is one", async () => {
    await library().open(NAME, at());
    expect(await library().plan(NAME, at())).toMatchObject({
      downloadBytes: 0,
      hasUpdate: false,
    });
    const changed = safetensors("F32");
    hub.repositories[NAME] = { ...files(), "model.safetensors": changed };
    expect(await library().plan(NAME, at())).toMatchObject({
      downloadBytes: changed.length,
      fileBitsPerWeight: 32,
      hasUpdate: true,
    });
    hub.faults.push({ path: "api", status: 503 });
    expect(await library().plan(NAME, at())).toMatchObject({
      architecture: "LlamaForCausalLM",
      downloadBytes: 0,
      hasUpdate: false,
    });
  });

  it("of a model that is neither here nor there says so", async () => {
    const planning = library().plan("org/nothing", at());
    await expect(planning).rejects.toThrow(/no model org\/nothing/);
  });

  it("of GGUF files has the choices, and reads the one's own metadata", async () => {
    const gguf = ggufFile(ggufModel(randomModel({ layers: 1, vocabSize: 64 })));
    hub.repositories["org/gguf"]!["t-Q4_0.gguf"] = gguf;
    const plan = await library().plan("org/gguf", at());
    expect(plan).toMatchObject({
      id: "org/gguf/t-Q4_0.gguf",
      architecture: "LlamaForCausalLM",
      contextTokens: 4096,
      downloadBytes: gguf.length,
    });
    expect(plan.choices.map(({ id }) => id).toSorted()).toEqual([
      "org/gguf/t-Q4_0.gguf",
      "org/gguf/t-Q8_0.gguf",
    ]);
  });

  it("of a GGUF file in parts is that of the same in one", async () => {
    const stored = ggufModel(randomModel({ layers: 1, vocabSize: 64 }));
    const parts = splitGguf(stored, 3);
    hub.repositories["org/parts"] = parts;
    hub.repositories["org/whole"] = { "m.gguf": ggufFile(stored) };
    const plan = await library().plan("org/parts", at());
    const sizes = Object.values(parts).map((file) => file.length);
    expect(plan.id).toBe("org/parts/m-00001-of-00003.gguf");
    expect(plan.downloadBytes).toBe(sizes.reduce((a, b) => a + b));
    const whole = await library().plan("org/whole", at());
    expect(plan.weightBytes).toBe(whole.weightBytes);

    // Any part stands for all of them, also without a network.
    await library().open("org/parts/m-00002-of-00003.gguf", at());
    const offline = { hubUrl: "http://127.0.0.1:1" };
    for (const name of ["org/parts", "org/parts/m-00003-of-00003.gguf"]) {
      const kept = await library().plan(name, offline);
      expect(kept.weightBytes).toBe(whole.weightBytes);
      expect(kept.downloadBytes).toBe(0);
    }
  });

  it("of files at hand reads them", async () => {
    const folder = Object.entries(files()).map(
      ([name, content]) => new File([content], name),
    );
    expect(await library().plan(folder)).toMatchObject({
      downloadBytes: 0,
      contextTokens: 512,
    });
    const limits = {
      maxBufferSize: 1000,
      maxStorageBufferBindingSize: 1000,
    };
    const { misfit } = await library({
      limits: async () => limits,
    }).plan(folder);
    expect(misfit!.message).toMatch(/largest matrix/);
  });
});

describe("other sources", () => {
  it("at an address are read there: a folder, or a GGUF file in it", async () => {
    const open = (source: string) => library().open(source);
    expect((await open("https://x.org/models/a/")).gguf).toBeUndefined();
    const gguf = await open("https://x.org/models/a%20b.gguf?download=true");
    expect(gguf).toMatchObject({ name: "a b", gguf: "a b.gguf" });
    expect(await store.list()).toEqual([]);
  });

  it("at hand are a GGUF file, or a folder's files", async () => {
    const gguf = new File([weights], "t.gguf");
    const opened = await library().open([gguf]);
    expect(opened).toMatchObject({ name: "t", gguf: "t.gguf" });
    const range = { start: 10, end: 60_000 };
    const { fileBytes, chunks } = (await opened.open("t.gguf", range))!;
    expect(fileBytes).toBe(weights.length);
    for await (const piece of chunks)
      expect(Buffer.compare(piece, weights.slice(10))).toBe(0);
    expect(await opened.text("config.json")).toBeUndefined();
    await expect(
      library().open([gguf, new File([], "u.gguf")]),
    ).rejects.toThrow(/several models/);
    const parts = [3, 1, 2].map(
      (n) => new File([], `t-0000${n}-of-00003.gguf`),
    );
    expect(await library().open(parts)).toMatchObject({
      name: "t",
      gguf: "t-00001-of-00003.gguf",
    });
    await expect(library().open(parts.slice(0, 2))).rejects.toThrow(
      "These files lack t-00002-of-00003.gguf.",
    );
    await expect(library().open([...parts, gguf])).rejects.toThrow(
      /several models.*t-00001-of-00003\.gguf, t\.gguf/,
    );
    await expect(library().open([])).rejects.toThrow(/not a model/);
  });
});
