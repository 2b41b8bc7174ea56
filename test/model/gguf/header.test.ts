import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readGgufHeader } from "../../../src/model/gguf/header";
import type { ModelFiles } from "../../../src/model/files/model-files";
import { ModelFetchError, ModelFormatError } from "../../../src/util/errors";
import {
  type GgufContents,
  type GgufEntry,
  ggufFile,
} from "../../support/gguf-file";
import { memoryFiles } from "../../support/memory-files";

const FILE = "tiny.gguf";

const metadata = [
  ["a", ["u8", 255]],
  ["b", ["i8", -1]],
  ["c", ["u16", 65535]],
  ["d", ["i16", -2]],
  ["e", ["u32", 4294967295]],
  ["f", ["i32", -3]],
  ["g", ["f32", 0.5]],
  ["h", ["bool", true]],
  ["i", ["string", "\ufeffHäuser 🙂"]],
  ["j", ["u64", 2 ** 40]],
  ["k", ["i64", -(2 ** 40)]],
  ["l", ["f64", Math.PI]],
  ["m", ["string[]", ["", "Ġthe", "中"]]],
  ["n", ["f32[]", [1, 2.5]]],
  ["o", ["bool[]", [true, false]]],
  ["p", ["u8[]", []]],
] as const satisfies GgufContents["metadata"];

const tensors = [
  { name: "one", shape: [2, 3], typeId: 0, bytes: new Uint8Array(24).fill(1) },
  { name: "two", shape: [5], typeId: 1, bytes: new Uint8Array(10).fill(2) },
];

/** As many as a vocabulary has. */
const words = Array.from({ length: 150_000 }, (_, i) => `word${i}`);

function read(file: Uint8Array, chunkBytes = 1000) {
  return readGgufHeader(memoryFiles({ [FILE]: file }, chunkBytes), FILE);
}

describe("the header of a GGUF file", () => {
  it("gives every kind of value, and where tensors lie", async () => {
    for (const version of [2, 3]) {
      for (const chunkBytes of [1, 7, 1000]) {
        const file = ggufFile({ version, metadata, tensors });
        const header = await read(file, chunkBytes);
        const expected = metadata.map(([key, [, value]]) => [key, value]);
        expect([...header.metadata]).toEqual(expected);
        const [one, two] = ["one", "two"].map((name) =>
          header.tensors.get(name)!,
        );
        expect(one).toMatchObject({ shape: [2, 3], typeId: 0 });
        expect(two).toMatchObject({ shape: [5], typeId: 1 });
        expect([...file.subarray(one!.start, one!.start + 24)]).toEqual(
          Array(24).fill(1),
        );
        expect([...file.subarray(two!.start, two!.start + 10)]).toEqual(
          Array(10).fill(2),
        );
      }
    }
  });

  it("may align its tensors otherwise", async () => {
    for (const alignment of [8, 64, 4096]) {
      const header = await read(ggufFile({ metadata, tensors, alignment }));
      for (const { start } of header.tensors.values()) {
        expect(start % alignment).toBe(0);
      }
    }
  });

  const long = ggufFile({ metadata: [["words", ["string[]", words]]] });

  it("is read in pieces that grow, and little behind its end", async () => {
    for (const header of [ggufFile({ metadata }), long]) {
      const file = new Uint8Array(header.length + 16 * 2 ** 20);
      file.set(header);
      const files = memoryFiles({ [FILE]: file }, 1 << 16);
      await readGgufHeader(files, FILE);
      let end = 0;
      for (const { range } of files.opened) {
        expect(range.start).toBe(end);
        end = range.end;
      }
      const inVain = Math.min(header.length, 2 ** 21);
      expect(end).toBeLessThanOrEqual(Math.max(65_536, header.length + inVain));
      expect(files.opened.length).toBeLessThan(8);
    }
  });

  it("is not looked for behind the file's end, where that is known", async () => {
    const files = memoryFiles({ [FILE]: long }, 1 << 16);
    const open: ModelFiles["open"] = async (...args) => {
      const opened = await files.open(...args);
      return opened && { ...opened, fileBytes: long.length };
    };
    const header = await readGgufHeader({ ...files, open }, FILE);
    expect(header.fileBytes).toBe(long.length);
    expect(header.metadata.get("words")).toEqual(words);
    expect(files.opened.at(-1)!.range.end).toBe(long.length);
  });

  it("gives up when it is told to", async () => {
    const files = memoryFiles({ [FILE]: long });
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await expect(readGgufHeader(files, FILE, signal)).rejects.toBe(reason);
  });
});

describe("a file that is no whole GGUF file is refused", () => {
  const good = () => ggufFile({ metadata, tensors });
  const patched = (at: number, ...bytes: number[]) => {
    const file = good();
    file.set(bytes, at);
    return file;
  };
  const entry = (value: GgufEntry) => ggufFile({ metadata: [["key", value]] });

  const cases: [what: string, file: Uint8Array, message: string | RegExp][] = [
    [
      "another format",
      new TextEncoder().encode("<!doctype html>"),
      'expected a GGUF file, which starts with "GGUF", found "<!do"',
    ],
    [
      "binary",
      Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0),
      "found bytes 08 00 00 00",
    ],
    ["version 1", patched(4, 1), "found version 1"],
    ["version 4", patched(4, 4), "found version 4"],
    ["big-endian", patched(4, 0, 0, 0, 3), "found a big-endian file"],
    [
      "an absurd count of tensors",
      patched(8, 0, 0, 0, 0, 0, 0, 0, 1),
      /at most \d+ tensors at byte 16.*found 72057594037927940/,
    ],
    [
      "an absurd count of entries",
      patched(16, 255, 255, 255, 255, 255, 255, 255, 255),
      /at most \d+ entries/,
    ],
    [
      "an absurd length of a key",
      patched(24, 0, 0, 0, 0, 1),
      /at most \d+ bytes of a string at byte 32/,
    ],
    [
      "an unknown type of value",
      patched(24 + 9, 13),
      "a: a value of type 0 (u8)",
    ],
    [
      "a list of lists",
      entry(["u64[]", [1, 2]]).map((byte, i) => (i === 24 + 11 + 4 ? 9 : byte)),
      "found an array of arrays",
    ],
    [
      "a list of an absurd length",
      entry(["u64[]", [1]]).map((byte, i) =>
        i === 24 + 11 + 8 + 4 ? 1 : byte,
      ),
      /at most \d+ elements in key/,
    ],
    [
      "bytes that are no UTF-8",
      entry(["string", Uint8Array.of(0x61, 0xff)]),
      "expected UTF-8 text, found invalid bytes from 47 to 49",
    ],
    [
      "a key that is there twice",
      ggufFile({ metadata: [metadata[0], metadata[0]] }),
      "expected each key once, found a twice",
    ],
    [
      "a tensor that is there twice",
      ggufFile({ tensors: [tensors[0]!, tensors[0]!] }),
      "expected each tensor once, found one twice",
    ],
    [
      "no dimensions",
      ggufFile({ tensors: [{ ...tensors[0]!, shape: [] }] }),
      "tensor one: expected 1 to 4 dimensions, found 0",
    ],
    [
      "five dimensions",
      ggufFile({ tensors: [{ ...tensors[0]!, shape: [1, 1, 1, 1, 1] }] }),
      "found 5",
    ],
    [
      "a tensor of absurd sizes",
      ggufFile({ tensors: [{ ...tensors[0]!, shape: [2 ** 40, 2 ** 40] }] }),
      /a tensor that fits into a file/,
    ],
    [
      "an offset in between",
      ggufFile({ tensors: [{ ...tensors[0]!, offset: 8 }] }),
      "an offset that is a multiple of 32, found 8",
    ],
    [
      "an offset that is no safe number",
      ggufFile({ tensors: [{ ...tensors[0]!, offset: 2 ** 60 }] }),
      "tensor one: expected an offset",
    ],
    [
      "an alignment of 0",
      ggufFile({ metadata: [["general.alignment", ["u32", 0]]] }),
      "general.alignment: a power of 2, found 0",
    ],
    [
      "an alignment of 48",
      ggufFile({ metadata: [["general.alignment", ["u32", 48]]] }),
      "found 48",
    ],
    [
      "an alignment in words",
      ggufFile({ metadata: [["general.alignment", ["string", "32"]]] }),
      "a power of 2",
    ],
  ];
  for (const [what, file, message] of cases) {
    it(what, async () => {
      const reading = read(file);
      await expect(reading).rejects.toThrow(ModelFormatError);
      await expect(reading).rejects.toThrow(message);
    });
  }

  it("no file at all", async () => {
    const reading = readGgufHeader(memoryFiles({}), FILE);
    await expect(reading).rejects.toThrow(ModelFetchError);
  });

  it("one that ends anywhere in its header", async () => {
    const few = ["string[]", words.slice(0, 40)] as const;
    const file = ggufFile({
      metadata: [...metadata, ["words", few]],
      tensors,
    });
    const header = await read(file);
    const dataStart = header.tensors.get("one")!.start;
    // The padding before the data is not read.
    const end = dataStart - 32;
    for (let length = 0; length <= end; length++) {
      const reading = read(file.slice(0, length));
      await expect(reading).rejects.toThrow(ModelFormatError);
      await expect(reading).rejects.toThrow(
        /the end of the file|by the file's size/,
      );
    }
  });

  it("whatever is written over its header, it never fails otherwise", async () => {
    const file = ggufFile({ metadata, tensors });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), {
          minLength: 1,
          maxLength: 8,
        }),
        fc.nat(file.length),
        async (changes, length) => {
          const spoilt = file.slice();
          for (const [at, byte] of changes) spoilt[at] = byte;
          for (const each of [spoilt, spoilt.slice(0, length)]) {
            await read(each).catch((error: unknown) => {
              expect(error).toBeInstanceOf(ModelFormatError);
            });
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

it("takes a description that is no UTF-8 for Windows-1252", async () => {
  const author = Uint8Array.of(0x4d, 0xfc, 0x6c, 0x6c, 0x65, 0x72);
  const file = ggufFile({
    metadata: [
      ["general.author", ["string", author]],
      ["general.name", ["string", "Müller"]],
      ["next", ["u8", 7]],
    ],
  });
  const { metadata } = await readGgufHeader(
    memoryFiles({ "a.gguf": file }),
    "a.gguf",
  );
  expect(metadata.get("general.author")).toBe("Müller");
  expect(metadata.get("general.name")).toBe("Müller");
  expect(metadata.get("next")).toBe(7);
});
