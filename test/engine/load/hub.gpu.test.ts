// A model of the hub in the browser: real connections to another origin, the real database, real locks.
import { deleteDB } from "idb";
import { expect, inject, onTestFinished, test } from "vitest";
import type { LoadProgress } from "../../../src/engine/api/models";
import { ModelLibrary } from "../../../src/engine/load/model-library";
import { RemoteEngine } from "../../../src/engine/worker/remote-engine";
import type { ModelFiles } from "../../../src/model/files/model-files";
import { sha256 } from "../../../src/util/hash";
import type { HubRequest } from "../../support/fake-hub";
import { say } from "../../support/say";

const NAME = "rondo/tiny";
const WEIGHTS = "model.safetensors";
const hubUrl = inject("hubUrl");
/** Where nothing answers. */
const NOWHERE = "http://127.0.0.1:9";

/** What the hub was asked for since this was called last. */
async function requests(): Promise<HubRequest[]> {
  return (await (await fetch(`${hubUrl}/requests`)).json()) as HubRequest[];
}

async function hashOf(files: ModelFiles, file: string): Promise<string> {
  const opened = await files.open(file, { start: 0, end: Infinity });
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of opened!.chunks)
    parts.push(part as Uint8Array<ArrayBuffer>);
  return sha256(await new Blob(parts).arrayBuffer());
}

/** Two tabs' libraries over one database. */
function libraries(): [ModelLibrary, ModelLibrary] {
  const storeName = `rondo-test-${crypto.randomUUID()}`;
  const options = {
    storeName,
    chunkBytes: 1 << 20,
    retryPolicy: { retries: 0, firstWaitMs: 1 },
  };
  const both: [ModelLibrary, ModelLibrary] = [
    new ModelLibrary(options),
    new ModelLibrary(options),
  ];
  onTestFinished(async () => {
    for (const library of both) await library.close();
    await deleteDB(storeName);
  });
  return both;
}

test("two tabs fetch a model once, without a preflight, and have it without a network", async () => {
  await requests();
  const [one, two] = libraries();
  const opened = await Promise.all(
    [one, two].map((library) => library.open(NAME, { hubUrl })),
  );
  const asked = await requests();
  expect(asked.every(({ method }) => method === "GET")).toBe(true);
  expect(asked.every(({ headers }) => !headers.referer)).toBe(true);
  expect(asked.filter(({ path }) => path === "api")).toHaveLength(1);
  const parts = asked.filter(
    ({ from, path }) => from === "cdn" && path === WEIGHTS,
  );
  expect(parts.length).toBe(7);

  const original = await fetch(`/models/rondo-tiny/${WEIGHTS}`);
  const hash = await sha256(await original.arrayBuffer());
  for (const files of opened) expect(await hashOf(files, WEIGHTS)).toBe(hash);

  const offline = await two.open(NAME, { hubUrl: NOWHERE });
  expect(await hashOf(offline, WEIGHTS)).toBe(hash);
  expect(await two.plan(NAME, { hubUrl: NOWHERE })).toMatchObject({
    downloadBytes: 0,
    architecture: "LlamaForCausalLM",
  });
  const [kept] = await one.list();
  expect(kept).toMatchObject({ id: NAME, keptBytes: kept!.totalBytes });
  await one.delete(NAME);
  expect(await two.list()).toEqual([]);
});

test("a download that is stopped goes on where it was", async () => {
  const [one, two] = libraries();
  const stop = new AbortController();
  const reason = new Error("paused");
  const loading = one.open(NAME, {
    hubUrl,
    signal: stop.signal,
    onProgress({ loadedBytes, totalBytes }) {
      if (totalBytes > 0 && loadedBytes > 0) stop.abort(reason);
    },
  });
  const isStopped = await loading.then(
    () => false,
    (error: unknown) => error === reason,
  );
  const [partial] = await two.list();
  // What was on its way when it was stopped arrives at the hub before what follows is counted.
  await new Promise((done) => setTimeout(done, 300));
  await requests();
  const files = await two.open(NAME, { hubUrl });
  const asked = await requests();
  const fetched = asked.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  const parts = asked.filter(({ from }) => from === "cdn");
  expect(new Set(parts.map(({ start }) => start)).size).toBe(parts.length);
  expect(isStopped).toBe(true);
  expect(partial!.keptBytes).toBeLessThan(partial!.totalBytes);
  expect(fetched).toBe(partial!.totalBytes - partial!.keptBytes);
  expect(await hashOf(files, WEIGHTS)).toMatch(/^[0-9a-f]{64}$/);
});

test("the engine in its worker fetches a model, chats with it, and has it when it is offline", async () => {
  const engine = new RemoteEngine();
  await engine.deleteModel(NAME);
  const plan = await engine.planModel(NAME, { hubUrl });
  expect(plan.downloadBytes).toBeGreaterThan(6_000_000);
  expect(plan.misfit).toBeUndefined();

  const progress: LoadProgress[] = [];
  const info = await engine.load(NAME, {
    hubUrl,
    onProgress: (told) => progress.push(told),
  });
  expect(info.name).toBe(NAME);
  const last = progress.findLast(({ phase }) => phase === "download")!;
  expect(last.loadedBytes).toBe(last.totalBytes);
  expect(last.totalBytes).toBe(plan.downloadBytes);
  const chat = await engine.createChat();
  const { text } = await say(engine, chat, "My cat is called Miso.");
  expect(text).not.toBe("");

  // A model that can't be had takes nothing from the one that is loaded.
  await expect(engine.load("rondo/nothing", { hubUrl })).rejects.toMatchObject({
    name: "ModelFetchError",
  });
  expect((await say(engine, chat, "What is my cat called?")).text).toMatch(
    /Miso/,
  );
  await engine.close();

  const again = new RemoteEngine();
  const offline = await again.load(NAME, { hubUrl: NOWHERE });
  expect(offline.weightBytes).toBe(info.weightBytes);
  expect((await again.listModels()).map(({ id }) => id)).toContain(NAME);
  await again.deleteModel(NAME);
  await again.deleteChat(chat);
  await again.close();
});
