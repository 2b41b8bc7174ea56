/** Whole models in GGUF: a published one, and random ones in folders of all manners. */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { readConfig } from "../../../src/model/config/config";
import { openGguf } from "../../../src/model/gguf/gguf";
import { fetchedFiles, readJson } from "../../../src/model/files/model-files";
import { hashedTexts } from "../../../src/model/checkpoint/checkpoint-hash";
import { Tokenizer } from "../../../src/model/text/tokenizer";
import { ModelFetchError, ModelFormatError } from "../../../src/util/errors";
import { randomModel } from "../../fixtures/random-model";
import {
  parseStories260K,
  stories260KDecoder,
  stories260KFiles,
} from "../../golden/stories260K";
import { ggufFile } from "../../support/gguf-file";
import { ggufModel } from "../../support/gguf-model";
import { ggufVocabulary } from "../../support/gguf-vocabulary";
import { memoryFiles } from "../../support/memory-files";
import { type ModelServer, serveModel } from "../../support/model-server";
import { decode } from "../../support/tensors";
import { tokenizerFiles } from "../../support/tokenizers";

const FILE = "tiny.gguf";

function bytesOf(url: URL): ArrayBuffer {
  return new Uint8Array(readFileSync(url)).buffer;
}

describe("stories260K in GGUF", () => {
  const files = memoryFiles(
    { [FILE]: new Uint8Array(bytesOf(stories260KFiles.gguf)) },
    1 << 16,
  );
  const known = parseStories260K(bytesOf(stories260KFiles.model));

  it("is the model of its own format, with a head that is the embedding again", async () => {
    const { files: texts, checkpoint } = await openGguf(files, FILE);
    const config = readConfig(await readJson(texts, "config.json"));
    expect(config).toEqual(
      readConfig({
        ...known.config,
        tie_word_embeddings: false,
        max_position_embeddings: 128,
      }),
    );
    const expected = new Map(known.tensors);
    const embedding = expected.get("model.embed_tokens.weight")!;
    expected.set("lm_head.weight", embedding);
    const names = new Set<string>();
    for await (const { tensor, firstRow, bytes } of checkpoint(config).read()) {
      expect(firstRow).toBe(0);
      names.add(tensor.name);
      expect(decode("F32", bytes)).toEqual(expected.get(tensor.name)!.values);
    }
    expect([...names].sort()).toEqual([...expected.keys()].sort());
  });

  it("has the vocabulary of its own format", async () => {
    const { files: texts } = await openGguf(files, FILE);
    const tokenizer = new Tokenizer(
      await readJson(texts, "tokenizer.json"),
      await readJson(texts, "tokenizer_config.json"),
    );
    const text = readFileSync(stories260KFiles.text, "utf8");
    const ids = tokenizer.encode(text);
    expect(tokenizer.decode(ids)).toBe(text);
    const decoded = stories260KDecoder(bytesOf(stories260KFiles.tokenizer));
    expect(decoded([1, ...ids])).toBe(text);
    expect(ids.length).toBeLessThan(text.length / 2);
    expect(tokenizer.markers).toEqual(["<unk>", "<s>", "</s>"]);
  });
});

describe("the texts of a model in GGUF", () => {
  const model = randomModel({
    preset: "six-layers",
    layers: 1,
    vocabSize: 900,
  });
  const stored = ggufModel(model);
  const vocabulary = ggufVocabulary(
    tokenizerFiles.sentencePieceLike()[0],
    undefined,
  );
  const metadata = [...stored.metadata, ...vocabulary];
  const file = ggufFile({ ...stored, metadata });

  it("are those of the folder, where it has them", async () => {
    const own = {
      "config.json": { ...model.config, max_position_embeddings: 77 },
      "tokenizer.json": { own: 1 },
      "tokenizer_config.json": { own: 2 },
      "generation_config.json": { own: 3 },
      "rondo.json": { own: 4 },
    };
    const { files } = await openGguf(
      memoryFiles({ ...own, [FILE]: file }),
      FILE,
    );
    for (const [name, json] of Object.entries(own)) {
      expect(await readJson(files, name)).toEqual(json);
    }
  });

  it("are made from the file's metadata, where it has none", async () => {
    const { files } = await openGguf(memoryFiles({ [FILE]: file }), FILE);
    expect(readConfig(await readJson(files, "config.json"))).toEqual({
      ...readConfig(model.config),
    });
    expect(await readJson(files, "tokenizer.json")).toHaveProperty("model");
    expect(await readJson(files, "tokenizer_config.json")).toMatchObject({
      unk_token: "<unk>",
    });
    expect(await readJson(files, "generation_config.json")).toEqual({
      eos_token_id: [],
    });
    expect(await files.text("rondo.json")).toBeUndefined();
  });

  it("are not a config.json that only names a type", async () => {
    const stub = { "config.json": { model_type: "llama" }, [FILE]: file };
    const { files } = await openGguf(memoryFiles(stub), FILE);
    expect(readConfig(await readJson(files, "config.json"))).toEqual(
      readConfig(model.config),
    );
  });

  it("are hashed as they are read, and the file's name comes along", async () => {
    const { files } = await openGguf(memoryFiles({ [FILE]: file }), FILE);
    const hashed = hashedTexts(files);
    expect(hashed.files.gguf).toBe(FILE);
    await hashed.files.text("tokenizer.json");
    const hashes = await hashed.hashes();
    await hashed.files.text("tokenizer.json");
    expect(await hashed.hashes()).toEqual(hashes);
    expect(Object.keys(hashes)).toEqual(["tokenizer.json"]);
  });

  it("say where they come from when they are wrong", async () => {
    const wrong = metadata.map(([key, entry]) =>
      key === "llama.block_count"
        ? ([key, ["u32", 0]] as const)
        : ([key, entry] as const),
    );
    const spoilt = ggufFile({ ...stored, metadata: wrong });
    const opening = openGguf(memoryFiles({ [FILE]: spoilt }), FILE);
    await expect(opening).rejects.toThrow(ModelFormatError);
    await expect(opening).rejects.toThrow(
      "tiny.gguf (its metadata as config.json): expected num_hidden_layers",
    );
  });

  it("say so of numbers that no network has", async () => {
    const absurd = metadata.map(([key, entry]) =>
      key === "llama.block_count"
        ? ([key, ["u32", 4_000_000_000]] as const)
        : ([key, entry] as const),
    );
    const spoilt = ggufFile({ ...stored, metadata: absurd });
    await expect(
      openGguf(memoryFiles({ [FILE]: spoilt }), FILE),
    ).rejects.toThrow("num_hidden_layers: from 1 to 1024, found 4000000000");
  });

  describe("RoPE's factors", () => {
    const factors = [1, 1, 1, 2, 3, 4, 32, 32];
    const withFactors = (typeId: number, shape: number[]) => {
      const bytes = new Uint8Array(Float32Array.from(factors).buffer);
      const tensor = { name: "rope_freqs.weight", shape, typeId, bytes };
      const tensors = [tensor, ...stored.tensors];
      return ggufFile({ ...stored, tensors, metadata });
    };

    it("are those of the tensor", async () => {
      const files = memoryFiles({ [FILE]: withFactors(0, [8]) });
      const opened = await openGguf(files, FILE);
      const config = readConfig(await readJson(opened.files, "config.json"));
      expect(config.ropes[0].scaling).toEqual({ type: "factors", factors });
      expect(opened.checkpoint(config).tensors.size).toBe(stored.rows.size);
    });

    it("are single values, and few", async () => {
      for (const [typeId, shape] of [
        [1, [8]],
        [0, [2, 4]],
        [0, [2 ** 40]],
      ] as const) {
        const files = memoryFiles({ [FILE]: withFactors(typeId, [...shape]) });
        await expect(openGguf(files, FILE)).rejects.toThrow(
          "tensor rope_freqs.weight: expected up to 1024 values of type F32",
        );
      }
    });

    it("may be missing from a file that ends", async () => {
      const whole = withFactors(0, [8]);
      const rest = stored.tensors.reduce(
        (sum, { bytes }) => sum + Math.ceil(bytes.length / 32) * 32,
        0,
      );
      const cut = whole.slice(0, whole.length - rest - 12);
      await expect(
        openGguf(memoryFiles({ [FILE]: cut }), FILE),
      ).rejects.toThrow("rope_freqs.weight: expected 32 bytes, found 20");
    });
  });
});

describe("an address that ends with .gguf", () => {
  let server: ModelServer | undefined;
  afterEach(() => server?.close());
  const model = randomModel({ preset: "narrow-heads" });
  const file = ggufFile(ggufModel(model));

  it("is a folder with that file", () => {
    const hub = fetchedFiles(
      "https://hub.co/org/model/resolve/main/a.Q8_0.gguf?download=true",
    );
    expect(hub.gguf).toBe("a.Q8_0.gguf");
    expect(hub.name).toBe("org/model");
    const other = fetchedFiles("https://a.org/models/tiny.gguf");
    expect(other.gguf).toBe(FILE);
    expect(other.name).toBe("tiny");
    expect(fetchedFiles("https://a.org/models/tiny").gguf).toBeUndefined();
  });

  for (const hasRanges of [true, false]) {
    it(`is read over HTTP ${hasRanges ? "by" : "without"} Range`, async () => {
      server = await serveModel({ [FILE]: file }, { hasRanges });
      const files = fetchedFiles(server.url + FILE);
      const opened = await openGguf(files, files.gguf!);
      const config = readConfig(await readJson(opened.files, "config.json"));
      const checkpoint = opened.checkpoint(config);
      let bytes = 0;
      for await (const rows of checkpoint.read()) bytes += rows.bytes.length;
      expect(bytes).toBe(checkpoint.totalBytes);
    });
  }

  it("says so where there is no such file", async () => {
    server = await serveModel({});
    const files = fetchedFiles(server.url + FILE);
    const opening = openGguf(files, files.gguf!);
    await expect(opening).rejects.toThrow(ModelFetchError);
    await expect(opening).rejects.toThrow(
      "has no file tiny.gguf. Check the model's address: it should be that of a GGUF file.",
    );
  });
});
