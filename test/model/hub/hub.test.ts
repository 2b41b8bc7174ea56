import { afterEach, describe, expect, it, vi } from "vitest";
import { Hub } from "../../../src/model/hub/hub";
import { ModelFetchError } from "../../../src/util/errors";
import { fakeHub, type FakeHub, type Fault } from "../../support/fake-hub";
import { seededInts } from "../../support/random";
import { ofChrome } from "../../support/user-agents";

const NAME = "org/model";
const weights = Uint8Array.from(seededInts(50_000, 256, 1));
const config = new TextEncoder().encode('{"a": 1}');

let hub: FakeHub | undefined;
afterEach(async () => {
  vi.unstubAllGlobals();
  await hub?.close();
  hub = undefined;
});

async function started(...faults: Fault[]): Promise<FakeHub> {
  hub = await fakeHub({
    [NAME]: { "config.json": config, "model.safetensors": weights },
  });
  hub.faults.push(...faults);
  return hub;
}

describe("a listing", () => {
  it("has sizes, and the hashes of large files", async () => {
    const { url } = await started();
    const files = await new Hub({ url }).list(NAME);
    expect(files.map(({ path, bytes }) => [path, bytes])).toEqual([
      ["config.json", config.length],
      ["model.safetensors", weights.length],
    ]);
    expect(files[0]!.sha256).toBeUndefined();
    expect(files[1]!.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(files[1]!.version).toBe(files[1]!.sha256);
  });

  it("is read to its last page", async () => {
    const fake = await started();
    fake.pageEntries = 1;
    expect(await new Hub({ url: fake.url }).list(NAME)).toHaveLength(2);
    expect(fake.requests).toHaveLength(2);
  });

  it("leaves out paths that lead elsewhere", async () => {
    const fake = await started();
    fake.repositories[NAME]!["../evil.gguf"] = config;
    expect(await new Hub({ url: fake.url }).list(NAME)).toHaveLength(2);
  });
});

describe("requests", () => {
  it("carry nothing that needs a preflight or says where they come from", async () => {
    const fake = await started();
    const body = await new Hub({ url: `${fake.url}/` }).open(
      NAME,
      "model.safetensors",
      { start: 5, end: 10 },
    );
    expect(body.fileBytes).toBe(weights.length);
    for await (const bytes of body.chunks)
      expect(bytes).toEqual(weights.slice(5, 10));
    expect(fake.requests.map(({ from }) => from)).toEqual(["hub", "cdn"]);
    for (const { method, headers } of fake.requests) {
      expect(method).toBe("GET");
      expect(headers.range).toBe("bytes=5-9");
      expect(headers.authorization).toBeUndefined();
      expect(headers.referer).toBeUndefined();
    }
  });

  it("show a token to the hub alone", async () => {
    const fake = await started();
    const opened = new Hub({ url: fake.url, token: "hf_secret" });
    const range = { start: 0, end: 4 };
    const { chunks } = await opened.open(NAME, "model.safetensors", range);
    for await (const bytes of chunks) expect(bytes).toHaveLength(4);
    const tokens = fake.requests.map(({ headers }) => headers.authorization);
    expect(tokens).toEqual(["Bearer hf_secret", undefined]);
  });

  it("are not made with a token where the browser would pass it on", async () => {
    const fake = await started();
    vi.stubGlobal("navigator", { userAgent: ofChrome("118.0.5993.88") });
    expect(() => new Hub({ url: fake.url, token: "hf_secret" })).toThrow(
      ModelFetchError,
    );
    expect(() => new Hub({ url: fake.url, token: "hf_secret" })).toThrow(
      /pass the access token on.*Chrome or Edge 119/,
    );
    expect(fake.requests).toEqual([]);
    for (const token of [undefined, ""])
      expect(await new Hub({ url: fake.url, token }).list(NAME)).toHaveLength(
        2,
      );
  });

  it("are refused by mirrors that ignore ranges with a word on it", async () => {
    const fake = await started();
    fake.hasRanges = false;
    const opening = new Hub({ url: fake.url }).open(NAME, "model.safetensors", {
      start: 5,
      end: 10,
    });
    await expect(opening).rejects.toThrow(/as a whole.*another mirror/);
  });
});

describe("a refusal says what to do:", () => {
  const cases: [string, Fault, RegExp][] = [
    ["401 of a repository", { status: 401 }, /no model org\/model.*private/],
    [
      "403 of a gated one",
      { status: 403, headers: { "x-error-code": "GatedRepo" } },
      /accept its licence.*\/org\/model, enter your access token/,
    ],
    ["404", { status: 404 }, /model\.safetensors was not found/],
    ["416", { status: 416 }, /no bytes from 0 on/],
    [
      "429",
      { status: 429, headers: { "retry-after": "7" } },
      /too many requests.*in 7 seconds/,
    ],
    ["503", { status: 503 }, /status 503: the server is overloaded/],
  ];
  it.each(cases)("%s", async (_, fault, message) => {
    const { url } = await started({ ...fault, path: "model.safetensors" });
    const range = { start: 0, end: 10 };
    const opening = new Hub({ url }).open(NAME, "model.safetensors", range);
    await expect(opening).rejects.toThrow(ModelFetchError);
    await expect(opening).rejects.toThrow(message);
  });

  it("a hub that is not there", async () => {
    const { url } = await started();
    await hub!.close();
    hub = undefined;
    const listing = new Hub({ url }).list(NAME);
    await expect(listing).rejects.toThrow(
      /could not be reached for org\/model/,
    );
  });

  it("a listing that is none", async () => {
    const { url } = await started({ path: "api", status: 200 });
    const listing = new Hub({ url }).list(NAME);
    await expect(listing).rejects.toThrow(/not answer with a file listing/);
  });
});
