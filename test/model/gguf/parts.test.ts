// A GGUF file in several parts is the same model as in one, and nothing else passes for it.
import { describe, expect, it } from "vitest";
import { readConfig } from "../../../src/model/config/config";
import { readJson } from "../../../src/model/files/model-files";
import { openGguf } from "../../../src/model/gguf/gguf";
import { ModelFetchError, ModelFormatError } from "../../../src/util/errors";
import { randomModel } from "../../fixtures/random-model";
import { ggufFile } from "../../support/gguf-file";
import { ggufModel, splitGguf } from "../../support/gguf-model";
import { memoryFiles } from "../../support/memory-files";

const model = randomModel({ layers: 2, vocabSize: 64 });
const stored = ggufModel(model);
const [FIRST, SECOND, THIRD] = [1, 2, 3].map((n) => `m-0000${n}-of-00003.gguf`);

/** All rows by tensor, and the files in the order in which they were opened for them. */
async function readAll(contents: Record<string, Uint8Array>, file: string) {
  const files = memoryFiles(contents);
  const gguf = await openGguf(files, file);
  const config = readConfig(await readJson(gguf.files, "config.json"));
  const checkpoint = gguf.checkpoint(config);
  files.opened.length = 0;
  const rows = new Map<string, number[]>();
  for await (const { tensor, bytes } of checkpoint.read())
    rows.set(tensor.name, [...(rows.get(tensor.name) ?? []), ...bytes]);
  return { rows, checkpoint, opened: files.opened.map(({ file }) => file) };
}

const opening = (contents: Record<string, Uint8Array>, file = FIRST!) =>
  openGguf(memoryFiles(contents), file);

describe("a GGUF file in parts", () => {
  it("has the tensors of all of them, each part read once", async () => {
    const whole = await readAll({ "m.gguf": ggufFile(stored) }, "m.gguf");
    const parts = await readAll(splitGguf(stored, 3), FIRST!);
    expect(parts.rows.size).toBe(model.tensors.size);
    for (const [name, bytes] of whole.rows)
      expect(parts.rows.get(name), name).toEqual(bytes);
    expect(parts.opened).toEqual([FIRST, SECOND, THIRD]);
    expect(parts.checkpoint.totalBytes).toBe(whole.checkpoint.totalBytes);
    const files = [...parts.checkpoint.tensors.values()].map(
      ({ file }) => file,
    );
    expect(new Set(files)).toEqual(new Set([FIRST, SECOND, THIRD]));
  });

  it("in one part alone is a file as any", async () => {
    const one = splitGguf(stored, 1);
    const { rows } = await readAll(one, "m-00001-of-00001.gguf");
    expect(rows.size).toBe(model.tensors.size);
    const renamed = { "m.gguf": one["m-00001-of-00001.gguf"]! };
    expect((await readAll(renamed, "m.gguf")).rows.size).toBe(rows.size);
  });
});

describe("parts are refused by name", () => {
  it("where one is missing", async () => {
    const { [SECOND!]: _, ...others } = splitGguf(stored, 3);
    await expect(opening(others)).rejects.toThrow(ModelFetchError);
    await expect(opening(others)).rejects.toThrow(
      "no file m-00002-of-00003.gguf, part 2 of 3",
    );
  });

  it.each<[what: string, (parts: Record<string, Uint8Array>) => void, RegExp]>([
    [
      "where one is another than its name says",
      (parts) => (parts[SECOND!] = parts[THIRD!]!),
      /m-00002-of-00003.*part 2 of 3.*found part 3 \(split\.no 2\)/,
    ],
    [
      "where one is of a model in another number of parts",
      (parts) =>
        (parts[THIRD!] = splitGguf(stored, 4)["m-00003-of-00004.gguf"]!),
      /m-00003-of-00003.*one of 3 parts.*found split\.count 4/,
    ],
    [
      "where one is of a model with other tensors",
      (parts) => {
        const other = ggufModel(randomModel({ layers: 1, vocabSize: 64 }));
        parts[SECOND!] = splitGguf(other, 3)[SECOND!]!;
      },
      /m-00002-of-00003.*same model.*split\.tensors\.count/,
    ],
    [
      "where two have the same tensor",
      (parts) => {
        const twice = stored.tensors.with(1, stored.tensors[0]!);
        parts[SECOND!] = splitGguf({ ...stored, tensors: twice }, 3)[SECOND!]!;
      },
      /m-00002-of-00003.*in one part only.*m-00001-of-00003/,
    ],
    [
      "where they are fewer tensors than they should be",
      (parts) => {
        parts[THIRD!] = ggufFile({
          metadata: [
            ["split.no", ["u16", 2]],
            ["split.count", ["u16", 3]],
            ["split.tensors.count", ["i32", stored.tensors.length]],
          ],
        });
      },
      /tensors in all 3 parts/,
    ],
    [
      "where one is a whole file",
      (parts) => (parts[FIRST!] = ggufFile(stored)),
      /m-00001-of-00003.*one of 3 parts.*found split\.count 1/,
    ],
  ])("%s", async (_, spoil, message) => {
    const parts = splitGguf(stored, 3);
    spoil(parts);
    await expect(opening(parts)).rejects.toThrow(ModelFormatError);
    await expect(opening(parts)).rejects.toThrow(message);
  });

  it("where a part goes by the name of a whole file", async () => {
    const alone = { "m.gguf": splitGguf(stored, 3)[FIRST!]! };
    await expect(opening(alone, "m.gguf")).rejects.toThrow(
      /m\.gguf.*all parts of the model, under names like name-00001-of-00003\.gguf/,
    );
  });
});
