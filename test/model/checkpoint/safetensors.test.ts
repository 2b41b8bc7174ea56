import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import type { Checkpoint } from "../../../src/model/checkpoint/checkpoint";
import { readConfig } from "../../../src/model/config/config";
import { fetchedFiles } from "../../../src/model/files/model-files";
import { openSafetensors } from "../../../src/model/checkpoint/safetensors";
import { expectedTensors } from "../../../src/model/config/expected-tensors";
import { ModelFetchError, ModelFormatError } from "../../../src/util/errors";
import rondoTiny from "../../../public/models/rondo-tiny/config.json";
import { memoryFiles } from "../../support/memory-files";
import {
  serveModel,
  type Manners,
  type ModelServer,
} from "../../support/model-server";
import { safetensorsFile, testTensor } from "../../support/safetensors-file";

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

const tensors = {
  "b.weight": testTensor("BF16", [3, 5], 1),
  "a.weight": testTensor("F32", [2, 2], 2),
  "a.bias": testTensor("F16", [7], 3),
};
const expected = new Map(
  Object.entries(tensors).map(([name, t]) => [name, t.shape]),
);

/** All rows, joined by tensor, and the order of the tensors. */
async function readAll(checkpoint: Checkpoint, signal?: AbortSignal) {
  const bytes = new Map<string, Uint8Array>();
  for await (const piece of checkpoint.read(signal)) {
    const { tensor, firstRow } = piece;
    const before = bytes.get(tensor.name) ?? new Uint8Array(0);
    const rows = tensor.shape.length > 1 ? tensor.shape[0]! : 1;
    expect(before.length).toBe((firstRow * tensor.byteLength) / rows);
    expect(piece.bytes.byteOffset % 4).toBe(0);
    expect(piece.bytes.buffer.byteLength % 4).toBe(0);
    bytes.set(
      tensor.name,
      new Uint8Array(Buffer.concat([before, piece.bytes])),
    );
  }
  return bytes;
}

function expectTensors(read: Map<string, Uint8Array>) {
  expect([...read.keys()].sort()).toEqual(Object.keys(tensors).sort());
  for (const [name, { bytes }] of Object.entries(tensors)) {
    expect(read.get(name)).toEqual(bytes);
  }
}

describe("one file", () => {
  it("comes out tensor by tensor in file order, whatever the chunks", async () => {
    for (const chunkBytes of [1, 3, 8, 1000]) {
      const files = memoryFiles(
        { [SINGLE]: safetensorsFile(tensors) },
        chunkBytes,
      );
      const checkpoint = await openSafetensors(files, expected);
      const bytes = await readAll(checkpoint);
      expect([...bytes.keys()]).toEqual(Object.keys(tensors));
      expectTensors(bytes);
      expect(checkpoint.totalBytes).toBe(30 + 16 + 14);
      expect(checkpoint.tensors.get("b.weight")).toEqual({
        name: "b.weight",
        file: SINGLE,
        type: "BF16",
        shape: [3, 5],
        byteLength: 30,
      });
    }
  });

  it("is streamed once", async () => {
    const file = safetensorsFile(tensors);
    const files = memoryFiles({ [SINGLE]: file });
    await readAll(await openSafetensors(files, expected));
    const dataStart = file.length - 60;
    expect(files.opened).toEqual([
      { file: SINGLE, range: { start: 0, end: 65_536 } },
      { file: SINGLE, range: { start: dataStart, end: file.length } },
    ]);
  });

  it("may be read again", async () => {
    const files = memoryFiles({ [SINGLE]: safetensorsFile(tensors) });
    const checkpoint = await openSafetensors(files, expected);
    expectTensors(await readAll(checkpoint));
    expectTensors(await readAll(checkpoint));
  });

  it("may hold tensors that nobody wants, and they are not counted", async () => {
    const extra = { dtype: "I64", shape: [2], bytes: new Uint8Array(16) };
    const [first, ...others] = Object.entries(tensors);
    const file = safetensorsFile({
      "lm_head.weight": extra,
      ...Object.fromEntries([first!]),
      "rotary_emb.inv_freq": extra,
      ...Object.fromEntries(others),
    });
    const checkpoint = await openSafetensors(
      memoryFiles({ [SINGLE]: file }),
      expected,
    );
    expect(checkpoint.totalBytes).toBe(60);
    expectTensors(await readAll(checkpoint));
  });

  it("may have a header longer than the first request", async () => {
    const file = safetensorsFile(tensors, (header) => {
      header["__metadata__"] = { note: "x".repeat(70_000) };
    });
    const files = memoryFiles({ [SINGLE]: file }, 50_000);
    expectTensors(await readAll(await openSafetensors(files, expected)));
    expect(files.opened[1]!.range.start).toBe(65_536);
  });

  it("comes in pieces of whole rows, up to 4 MiB or one row", async () => {
    const large = {
      rows: testTensor("F32", [1000, 1500]),
      row: testTensor("F16", [1, 3_000_001]),
      values: testTensor("BF16", [2_500_001]),
    };
    const shapes = new Map(
      Object.entries(large).map(([name, t]) => [name, t.shape]),
    );
    const files = memoryFiles({ [SINGLE]: safetensorsFile(large) }, 1 << 20);
    const checkpoint = await openSafetensors(files, shapes);
    const sizes: Record<string, number[]> = {};
    for await (const { tensor, firstRow, bytes } of checkpoint.read()) {
      (sizes[tensor.name] ??= []).push(firstRow, bytes.length);
    }
    const rowsBytes = 699 * 6000;
    expect(sizes).toEqual({
      rows: [0, rowsBytes, 699, 6_000_000 - rowsBytes],
      row: [0, 6_000_002],
      values: [0, 5_000_002],
    });
  });
});

describe("shards", () => {
  const { "b.weight": b, ...as } = tensors;
  const shard1 = "model-00001-of-00002.safetensors";
  const shard2 = "model-00002-of-00002.safetensors";
  const index = {
    metadata: { total_size: 60 },
    weight_map: { "a.bias": shard2, "b.weight": shard1, "a.weight": shard2 },
  };
  const contents = {
    [INDEX]: index,
    [shard1]: safetensorsFile({ "b.weight": b }),
    [shard2]: safetensorsFile(as),
  };

  it("come out as one checkpoint", async () => {
    const checkpoint = await openSafetensors(memoryFiles(contents), expected);
    expect(checkpoint.totalBytes).toBe(60);
    expect(checkpoint.tensors.get("a.bias")!.file).toBe(shard2);
    expectTensors(await readAll(checkpoint));
  });

  it("must all be there", async () => {
    const { [shard2]: _, ...rest } = contents;
    const opening = openSafetensors(memoryFiles(rest), expected);
    await expect(opening).rejects.toThrow(ModelFetchError);
    await expect(opening).rejects.toThrow(`has no file ${shard2}`);
  });

  it("must not hold a tensor twice", async () => {
    const twice = { ...contents, [shard2]: safetensorsFile(tensors) };
    const opening = openSafetensors(memoryFiles(twice), expected);
    await expect(opening).rejects.toThrow(
      `${shard2}, tensor b.weight: expected a tensor in one file only, found the same name in ${shard1}.`,
    );
  });

  it("must hold every tensor", async () => {
    const without = {
      ...contents,
      [shard2]: safetensorsFile({ "a.bias": as["a.bias"] }),
    };
    await expect(
      openSafetensors(memoryFiles(without), expected),
    ).rejects.toThrow(
      `${INDEX}, tensor a.weight: expected shape [2, 2], found no such tensor.`,
    );
  });

  it("must lie in the model's folder", async () => {
    for (const name of [
      "../x.safetensors",
      "https://b.org/x.safetensors",
      "/x.safetensors",
    ]) {
      const outside = { [INDEX]: { weight_map: { a: name } } };
      const opening = openSafetensors(memoryFiles(outside), expected);
      await expect(opening).rejects.toThrow(ModelFormatError);
      await expect(opening).rejects.toThrow("in the same folder");
    }
  });
});

describe("a file that is not as it should be is refused before a weight is read", () => {
  type Patch = (
    header: Record<string, { shape: number[] } & Record<string, unknown>>,
  ) => void;
  const cases: [what: string, patch: Patch, message: string | RegExp][] = [
    [
      "another shape",
      (h) => (h["a.weight"]!.shape = [4]),
      "expected shape [2, 2], found [4]",
    ],
    [
      "another type",
      (h) => (h["a.bias"]!["dtype"] = "I8"),
      "F32, F16, BF16, found I8",
    ],
    [
      "a range of another size",
      (h) => (h["a.bias"]!["data_offsets"] = [46, 58]),
      "expected 14 bytes for shape [7] of F16, found bytes 46 to 58",
    ],
    [
      "a negative offset",
      (h) => (h["a.bias"]!["data_offsets"] = [-14, 0]),
      "found bytes -14 to 0",
    ],
    [
      "tensors that overlap",
      (h) => (h["a.bias"]!["data_offsets"] = [32, 46]),
      /expected data from byte \d+ on, found a start at byte \d+, inside/,
    ],
    [
      "a missing tensor",
      (h) => delete h["a.bias"],
      "tensor a.bias: expected shape [7]",
    ],
    [
      "an entry without a shape",
      (h) => (h["a.bias"]!.shape = 3 as never),
      "expected shape: Array",
    ],
  ];

  for (const [what, patch, message] of cases) {
    it(what, async () => {
      const file = safetensorsFile(tensors, (header) =>
        patch(header as Parameters<Patch>[0]),
      );
      const opening = openSafetensors(
        memoryFiles({ [SINGLE]: file }),
        expected,
      );
      await expect(opening).rejects.toThrow(ModelFormatError);
      await expect(opening).rejects.toThrow(message);
    });
  }

  it("a header of an absurd length", async () => {
    const file = new TextEncoder().encode("<!doctype html><html></html>");
    const opening = openSafetensors(memoryFiles({ [SINGLE]: file }), expected);
    await expect(opening).rejects.toThrow(
      /expected a safetensors header of 2 to/,
    );
  });

  it("a header that is no JSON, or no object", async () => {
    const broken = safetensorsFile(tensors);
    broken[8] = 0x2c;
    const opening = openSafetensors(
      memoryFiles({ [SINGLE]: broken }),
      expected,
    );
    await expect(opening).rejects.toThrow(/expected a header in JSON/);
    const list = new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0x33, 0x33]);
    const openingList = openSafetensors(
      memoryFiles({ [SINGLE]: list }),
      expected,
    );
    await expect(openingList).rejects.toThrow(ModelFormatError);
  });

  it("a file that ends in its header, or before it", async () => {
    for (const length of [0, 7, 8, 100]) {
      const file = safetensorsFile(tensors).slice(0, length);
      const opening = openSafetensors(
        memoryFiles({ [SINGLE]: file }),
        expected,
      );
      await expect(opening).rejects.toThrow(ModelFormatError);
    }
  });

  it("no file at all", async () => {
    const opening = openSafetensors(memoryFiles({}), expected);
    await expect(opening).rejects.toThrow(ModelFetchError);
    await expect(opening).rejects.toThrow(`no file ${SINGLE} or ${INDEX}`);
  });
});

describe("a file that ends early", () => {
  const cut = safetensorsFile(tensors).slice(0, -20);

  it("names file, tensor, expected and found bytes while reading", async () => {
    const checkpoint = await openSafetensors(
      memoryFiles({ [SINGLE]: cut }),
      expected,
    );
    const reading = readAll(checkpoint);
    await expect(reading).rejects.toThrow(ModelFormatError);
    await expect(reading).rejects.toThrow(
      `${SINGLE}, tensor a.weight: expected 16 bytes, found 10, then the end of the file`,
    );
  });

  it("is noticed at once where the server tells the file's size", async () => {
    const server = await serveModel({ [SINGLE]: cut });
    const opening = openSafetensors(fetchedFiles(server.url), expected);
    await expect(opening).rejects.toThrow(
      /tensor a\.weight: expected 16 bytes, found 10/,
    );
    await server.close();
  });
});

describe("over HTTP", () => {
  const folder = new URL("../../../public/models/rondo-tiny/", import.meta.url);
  const file = readFileSync(new URL(SINGLE, folder));
  const shapes = expectedTensors(readConfig(rondoTiny));
  let server: ModelServer | undefined;
  afterEach(() => server?.close());

  async function open(manners: Manners = {}) {
    server = await serveModel({ [SINGLE]: file }, manners);
    return openSafetensors(fetchedFiles(server.url), shapes);
  }

  for (const hasRanges of [true, false]) {
    it(`the embedded model arrives whole ${hasRanges ? "by" : "without"} Range`, async () => {
      const checkpoint = await open({ hasRanges });
      const bytes = await readAll(checkpoint);
      expect([...bytes.keys()].sort()).toEqual([...shapes.keys()].sort());
      const dataStart = 8 + Number(file.readBigUInt64LE(0));
      expect(checkpoint.totalBytes).toBe(file.length - dataStart);
      expect(
        Buffer.concat([...bytes.values()]).equals(file.subarray(dataStart)),
      ).toBe(true);
    });
  }

  it("a connection that breaks midway is a fetch error", async () => {
    const checkpoint = await open({ cutAfterBytes: 1_000_000 });
    const reading = readAll(checkpoint);
    await expect(reading).rejects.toThrow(ModelFetchError);
    await expect(reading).rejects.toThrow(/model\.safetensors broke before/);
  });

  it("a body that ends early in good order is a truncated file", async () => {
    const checkpoint = await open({ endAfterBytes: 1_000_000 });
    const reading = readAll(checkpoint);
    await expect(reading).rejects.toThrow(ModelFormatError);
    await expect(reading).rejects.toThrow(/then the end of the file/);
  });

  it("aborting rejects with the reason", async () => {
    const checkpoint = await open();
    const controller = new AbortController();
    const reason = new Error("enough");
    const reading = (async () => {
      for await (const _ of checkpoint.read(controller.signal))
        controller.abort(reason);
    })();
    await expect(reading).rejects.toBe(reason);
  });

  it("leaving the loop early ends the stream", async () => {
    const checkpoint = await open();
    for await (const { firstRow } of checkpoint.read()) {
      expect(firstRow).toBe(0);
      break;
    }
  });
});
