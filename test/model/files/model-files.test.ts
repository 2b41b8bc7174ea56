import { afterEach, describe, expect, it, vi } from "vitest";
import {
  fetchedFiles,
  readJson,
  readOptionalJson,
  type FileBytes,
} from "../../../src/model/files/model-files";
import { ModelFetchError, ModelFormatError } from "../../../src/util/errors";
import {
  serveModel,
  type Manners,
  type ModelServer,
} from "../../support/model-server";

const weights = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) & 255);
const contents = {
  "config.json": '{"a": 1}',
  "broken.json": '{"a": ',
  "weights.bin": weights,
};

let server: ModelServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function filesBehind(manners: Manners = {}) {
  server = await serveModel(contents, manners);
  return fetchedFiles(server.url);
}

/** Much faster than toEqual. */
function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

async function bytesOf(opened: FileBytes | undefined): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of opened!.chunks) parts.push(chunk);
  return new Uint8Array(Buffer.concat(parts));
}

describe("JSON files", () => {
  it("are fetched whole and parsed", async () => {
    const files = await filesBehind();
    expect(await readJson(files, "config.json")).toEqual({ a: 1 });
    expect(server!.requests).toEqual(["config.json whole"]);
  });

  it("that do not parse are a format error naming the file", async () => {
    const files = await filesBehind();
    const reading = readJson(files, "broken.json");
    await expect(reading).rejects.toThrow(ModelFormatError);
    await expect(reading).rejects.toThrow(/^broken\.json: expected JSON/);
  });

  it("that are missing are undefined where the model can do without", async () => {
    const files = await filesBehind();
    expect(
      await readOptionalJson(files, "generation_config.json"),
    ).toBeUndefined();
  });

  it("that are missing are an error where it cannot", async () => {
    const files = await filesBehind();
    const reading = readJson(files, "tokenizer.json");
    await expect(reading).rejects.toThrow(ModelFetchError);
    await expect(reading).rejects.toThrow(/tiny has no file tokenizer\.json/);
  });

  it("are missing when a server answers with its own page", async () => {
    const files = await filesBehind({ missingStatus: 200 });
    expect(
      await readOptionalJson(files, "generation_config.json"),
    ).toBeUndefined();
    expect(await files.open("x.bin", { start: 0, end: 8 })).toBeUndefined();
  });
});

describe("ranges", () => {
  it("come from the server, whatever a cache has of the file", async () => {
    const files = await filesBehind({ hasRanges: true });
    const fetched = vi.spyOn(globalThis, "fetch");
    await bytesOf(await files.open("weights.bin", { start: 5, end: 9 }));
    expect(fetched.mock.calls.map(([, init]) => init?.cache)).toEqual([
      "no-store",
    ]);
    fetched.mockRestore();
  });

  for (const hasRanges of [true, false]) {
    const manner = hasRanges ? "answers Range" : "ignores Range";

    it(`come out exactly where the server ${manner}`, async () => {
      const files = await filesBehind({ hasRanges });
      for (const [start, end] of [
        [0, 1],
        [0, 300_000],
        [12_345, 234_567],
        [299_999, 300_000],
      ] as const) {
        const opened = await files.open("weights.bin", { start, end });
        expect(equal(await bytesOf(opened), weights.slice(start, end))).toBe(
          true,
        );
      }
    });

    it(`that reach over the end come short where the server ${manner}`, async () => {
      const files = await filesBehind({ hasRanges });
      const over = await files.open("weights.bin", {
        start: 299_000,
        end: 400_000,
      });
      expect(equal(await bytesOf(over), weights.slice(299_000))).toBe(true);
      const behind = await files.open("weights.bin", {
        start: 400_000,
        end: 400_008,
      });
      expect(await bytesOf(behind)).toHaveLength(0);
    });
  }

  it("tell the size of the file where the server does", async () => {
    const files = await filesBehind();
    const opened = await files.open("weights.bin", { start: 0, end: 8 });
    expect(opened!.fileBytes).toBe(300_000);
    await bytesOf(opened);
  });

  it("ask in the one form that needs no preflight", async () => {
    const files = await filesBehind();
    await bytesOf(await files.open("weights.bin", { start: 5, end: 10 }));
    expect(server!.requests).toEqual(["weights.bin bytes=5-9"]);
  });

  it("may be left early", async () => {
    const files = await filesBehind();
    const opened = await files.open("weights.bin", { start: 0, end: 300_000 });
    for await (const chunk of opened!.chunks) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
  });
});

describe("failures", () => {
  it("of the server name the address, the status and what to do", async () => {
    const files = await filesBehind({ missingStatus: 403 });
    const reading = readJson(files, "config2.json");
    await expect(reading).rejects.toThrow(ModelFetchError);
    await expect(reading).rejects.toThrow(
      /127\.0\.0\.1:\d+\/models\/tiny\/config2\.json answered with status 403\. .*licence/,
    );
  });

  it("of the network name the address and what to do", async () => {
    const files = await filesBehind();
    await server!.close();
    const reading = files.text("config.json");
    await expect(reading).rejects.toThrow(ModelFetchError);
    await expect(reading).rejects.toThrow(
      /config\.json could not be reached .*load again/,
    );
  });

  it("of a connection that breaks midway are a fetch error", async () => {
    const files = await filesBehind({ cutAfterBytes: 100_000 });
    const opened = await files.open("weights.bin", { start: 0, end: 300_000 });
    const reading = bytesOf(opened);
    await expect(reading).rejects.toThrow(ModelFetchError);
    await expect(reading).rejects.toThrow(
      /weights\.bin broke before the file was complete/,
    );
  });
});

describe("aborting", () => {
  const reason = new Error("changed my mind");

  it("before a request rejects with the reason and asks nothing", async () => {
    const files = await filesBehind();
    const signal = AbortSignal.abort(reason);
    await expect(files.text("config.json", signal)).rejects.toBe(reason);
    expect(server!.requests).toEqual([]);
  });

  it("midway rejects with the reason", async () => {
    const files = await filesBehind({ cutAfterBytes: 200_000 });
    const controller = new AbortController();
    const range = { start: 0, end: 300_000 };
    const opened = await files.open("weights.bin", range, controller.signal);
    const reading = (async () => {
      for await (const chunk of opened!.chunks) {
        expect(chunk.length).toBeGreaterThan(0);
        controller.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
  });
});

describe("the folder", () => {
  it("is named after its last part, or after the hub's repository", () => {
    expect(fetchedFiles("https://a.org/models/tiny").name).toBe("tiny");
    expect(fetchedFiles("https://a.org/models/tiny/?x=1").name).toBe("tiny");
    expect(fetchedFiles("https://a.org/").name).toBe("a.org");
    expect(fetchedFiles("https://hub.co/org/model/resolve/main").name).toBe(
      "org/model",
    );
  });
});
