// The same engine through its worker: what crosses, and how it ends.
import { afterAll, expect, test } from "vitest";
import { RemoteEngine } from "../../src/engine/remote";
import type { LoadProgress } from "../../src/engine/chat-engine";
import { GREEDY, say } from "../support/say";

const MODEL = new URL("/models/rondo-tiny/", location.href).href;
const engine = new RemoteEngine();
const progress: LoadProgress[] = [];
const info = await engine.load(MODEL, {
  onProgress: (one) => progress.push(one),
});

afterAll(() => engine.close());

test("load reports and resolves across the worker", () => {
  expect(info.name).toBe("rondo-tiny");
  expect(progress.at(-1)!.phase).toBe("kernels");
});

test("replies stream, and rounds are remembered", async () => {
  const chat = await engine.createChat();
  const first = await say(engine, chat, "My cat is called Miso.");
  expect(
    first.events.filter(({ type }) => type === "text").length,
  ).toBeGreaterThan(3);
  const second = await say(engine, chat, "What is my cat called?");
  expect(second.text).toContain("Miso");
});

test("an abort on the page ends the reply in the worker", async () => {
  const chat = await engine.createChat();
  const controller = new AbortController();
  const { receipt } = await say(
    engine,
    chat,
    "My cat is called Miso.",
    { ...GREEDY, signal: controller.signal },
    ({ type }) => {
      if (type === "text") controller.abort();
    },
  );
  expect(receipt.finishReason).toBe("aborted");
});

test("leaving the loop ends the reply too: the next turn need not wait for it", async () => {
  const chat = await engine.createChat();
  for await (const { type } of engine.chat(
    chat,
    "My cat is called Miso.",
    GREEDY,
  )) {
    if (type === "text") break;
  }
  const next = await say(engine, chat, "What is my cat called?");
  expect(next.text).toContain("Miso");
});

test("errors keep their class", async () => {
  const chat = await engine.createChat();
  await expect(
    say(engine, chat, "Hi", { sampler: { topP: 7 } }),
  ).rejects.toBeInstanceOf(RangeError);
  await expect(say(engine, "no-such-chat", "Hi")).rejects.toThrow(
    "There is no chat",
  );
  const elsewhere = new RemoteEngine();
  await expect(elsewhere.load("/models/nothing-here/")).rejects.toMatchObject({
    name: "ModelFetchError",
  });
  await elsewhere.close();
});

test("an aborted load rejects at once, with the signal's reason", async () => {
  const other = new RemoteEngine();
  const controller = new AbortController();
  const loading = other.load(MODEL, { signal: controller.signal });
  controller.abort(new Error("changed my mind"));
  await expect(loading).rejects.toThrow("changed my mind");
  // The worker has let go of it, and can load again.
  expect((await other.load(MODEL)).name).toBe("rondo-tiny");
  await other.close();
});

test("memory crosses as plain numbers", async () => {
  const { bytes, lower } = await engine.memory();
  expect(bytes.weights).toBe(info.weightBytes);
  expect(lower.pageCount).toBeGreaterThan(0);
});

test("a closed engine answers every open call", async () => {
  const other = new RemoteEngine();
  const closing = other.close();
  const late = other.memory();
  await closing;
  await expect(late).rejects.toThrow();
});
