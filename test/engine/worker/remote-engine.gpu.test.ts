// The engine through its worker: what crosses, and how it ends. First with a worker in the test's hands,
// then with the real one and the engine in it.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { RestoreProgress } from "../../../src/engine/api/kv-memory";
import type { LoadProgress, ModelInfo } from "../../../src/engine/api/models";
import type { EngineNotice } from "../../../src/engine/api/notice";
import type { RestoreReport } from "../../../src/engine/api/receipt";
import { RemoteEngine } from "../../../src/engine/worker/remote-engine";
import { toWire } from "../../../src/engine/worker/wire-error";
import {
  ChatBusyError,
  ChatFileError,
  ModelFormatError,
  StoreError,
} from "../../../src/util/errors";
import { lastId, remote } from "../../support/fake-worker";
import { GREEDY, say } from "../../support/say";

const CHANGED: EngineNotice = { type: "chats-changed" };

describe("Notices", () => {
  test("are heard before the first call, until one has heard enough", () => {
    const { engine, workers } = remote();
    const heard: EngineNotice[] = [];
    const stop = engine.onNotice((notice) => heard.push(notice));
    expect(workers).toHaveLength(1);
    expect(workers[0]!.requests).toEqual([]);
    workers[0]!.answer({ type: "notice", notice: CHANGED });
    expect(heard).toEqual([CHANGED]);
    stop();
    workers[0]!.answer({ type: "notice", notice: CHANGED });
    expect(heard).toHaveLength(1);
  });

  test("are heard by all, between the events of a call too", async () => {
    const { engine, workers } = remote();
    const listeners = [vi.fn(), vi.fn()];
    for (const listener of listeners) engine.onNotice(listener);
    const list = engine.listChats();
    const notice: EngineNotice = { type: "chat-writable", chatId: "a" };
    workers[0]!.answer({ type: "notice", notice });
    workers[0]!.answer({ id: lastId(workers[0]!), type: "result", result: [] });
    await expect(list).resolves.toEqual([]);
    for (const listener of listeners)
      expect(listener).toHaveBeenCalledExactlyOnceWith(notice);
  });

  test("of the worker that takes the place of one that stopped are heard as well", async () => {
    const { engine, workers } = remote();
    const listener = vi.fn();
    engine.onNotice(listener);
    const list = engine.listChats();
    workers[0]!.stop();
    await expect(list).rejects.toThrow("out of luck");
    expect(workers[0]!.isStopped).toBe(true);
    void engine.listChats();
    expect(workers).toHaveLength(2);
    workers[1]!.answer({ type: "notice", notice: CHANGED });
    expect(listener).toHaveBeenCalledExactlyOnceWith(CHANGED);
  });
});

describe("Calls", () => {
  test("take what can be cloned with them, and leave callbacks behind", () => {
    const { engine, workers } = remote();
    const memoryBudgetBytes = 1024;
    void engine.load("/models/x/", { memoryBudgetBytes, onProgress: () => {} });
    void engine.exportChat("a", { withKv: true });
    void engine.renameChat("a", "Cats");
    expect(workers[0]!.requests.map(({ call }) => call)).toEqual([
      "load",
      "exportChat",
      "renameChat",
    ]);
    expect(workers[0]!.requests[0]).toMatchObject({
      args: [new URL("/models/x/", location.href).href, { memoryBudgetBytes }],
    });
  });

  test("bring files over, both ways", async () => {
    const { engine, workers } = remote();
    const exported = engine.exportChat("a");
    const result = new Blob(["a chat"]);
    workers[0]!.answer({ id: lastId(workers[0]!), type: "result", result });
    expect(await (await exported).text()).toBe("a chat");
    void engine.importChat(result);
    const request = workers[0]!.requests.at(-1)!;
    if (request.call !== "importChat") throw new Error(request.call);
    expect(await (request.args[0] as Blob).text()).toBe("a chat");
  });

  test("to bring back a chat report, and end at once when they are aborted", async () => {
    const { engine, workers } = remote();
    const [first, second] = [new AbortController(), new AbortController()];
    const progress: RestoreProgress[] = [];
    const restore = ({ signal }: AbortController) =>
      engine.restoreChat("a", {
        signal,
        onProgress: (one) => progress.push(one),
      });
    const restored = restore(first);
    const event = { doneTokens: 1, totalTokens: 2 };
    const result: RestoreReport = {
      keptTokens: 0,
      restoredTokens: 2,
      recomputedTokens: 0,
      droppedSegments: 0,
    };
    workers[0]!.answer({ id: lastId(workers[0]!), type: "event", event });
    workers[0]!.answer({ id: lastId(workers[0]!), type: "result", result });
    expect(await restored).toEqual(result);
    expect(progress).toEqual([event]);
    const aborted = restore(second);
    second.abort(new Error("changed my mind"));
    await expect(aborted).rejects.toThrow("changed my mind");
    expect(workers[0]!.requests.at(-1)!.call).toBe("abort");
  });

  test("to change a chat cross with all that they are told", () => {
    const { engine, workers } = remote();
    void engine.showVersion("a", 3);
    void engine.deleteRound("a", 3, { isFast: true });
    void engine.moveRound("a", 3, 0);
    void engine.addRounds("a", [], { place: { behind: 0, before: 3 } });
    void engine.setSystem("a", undefined);
    void engine.setHealing(false);
    expect(workers[0]!.requests).toMatchObject([
      { call: "showVersion", args: ["a", 3] },
      { call: "deleteRound", args: ["a", 3, { isFast: true }] },
      { call: "moveRound", args: ["a", 3, 0] },
      {
        call: "addRounds",
        args: ["a", [], { place: { behind: 0, before: 3 } }],
      },
      { call: "setSystem", args: ["a", undefined] },
      { call: "setHealing", args: [false] },
    ]);
  });

  test("about memory cross with all that they are told", () => {
    const { engine, workers } = remote();
    void engine.memory({ chatId: "a", withText: true });
    void engine.pinRound("a", 3, true);
    void engine.evictRound("a", 3);
    void engine.wipeKv();
    expect(workers[0]!.requests).toMatchObject([
      { call: "memory", args: [{ chatId: "a", withText: true }] },
      { call: "pinRound", args: ["a", 3, true] },
      { call: "evictRound", args: ["a", 3] },
      { call: "wipeKv", args: [] },
    ]);
  });

  test("to verify a round report, and end at once when they are aborted", async () => {
    const { engine, workers } = remote();
    const progress: RestoreProgress[] = [];
    const aborting = new AbortController();
    const verified = engine.verify("a", 3, {
      onProgress: (one) => progress.push(one),
      signal: aborting.signal,
    });
    const [worker] = workers;
    expect(worker!.requests).toMatchObject([
      { call: "verify", args: ["a", 3, {}] },
    ]);
    const event = { doneTokens: 1, totalTokens: 2 };
    worker!.answer({ id: lastId(worker!), type: "event", event });
    aborting.abort(new Error("seen enough"));
    await expect(verified).rejects.toThrow("seen enough");
    expect(progress).toEqual([event]);
    expect(worker!.requests.at(-1)!.call).toBe("abort");
  });

  test("to say something elsewhere than at the end say where", () => {
    const { engine, workers } = remote();
    const place = { behind: 1, before: 3 };
    void engine
      .chat("a", "Hi", { place, fusion: { ratio: 1 } })
      [Symbol.asyncIterator]()
      .next();
    expect(workers[0]!.requests[0]).toMatchObject({
      args: ["a", "Hi", { place, fusion: { ratio: 1 } }],
    });
  });

  test("to attach a document report, and end at once when they are aborted", async () => {
    const { engine, workers } = remote();
    const progress: RestoreProgress[] = [];
    const onProgress = (one: RestoreProgress) => progress.push(one);
    const document = { name: "notes.md", text: "Miso is a cat." };
    const attached = engine.attach("a", document, { onProgress });
    const [worker] = workers;
    expect(worker!.requests[0]).toMatchObject({ args: ["a", document, {}] });
    const event = { doneTokens: 1, totalTokens: 2 };
    const result = { roundId: 1, encodedTokens: 2, reusedTokens: 0 };
    worker!.answer({ id: lastId(worker!), type: "event", event });
    worker!.answer({ id: lastId(worker!), type: "result", result });
    expect(await attached).toEqual(result);
    expect(progress).toEqual([event]);
    const aborting = new AbortController();
    const { signal } = aborting;
    const aborted = engine.attach("a", document, { signal });
    aborting.abort(new Error("changed my mind"));
    await expect(aborted).rejects.toThrow("changed my mind");
    expect(worker!.requests.at(-1)!.call).toBe("abort");
  });

  test.for([
    new StoreError("quota", "No room."),
    new ChatBusyError("Another tab writes this chat."),
    new ChatFileError("This is no chat."),
    new RangeError("There is no chat a."),
    new ModelFormatError({ file: "x", expected: "y", found: "z" }),
  ])("that fail say so in the error's own class: %s", async (error) => {
    const { engine, workers } = remote();
    const call = engine.openChat("a");
    const wire = toWire(error);
    workers[0]!.answer({ id: lastId(workers[0]!), type: "error", error: wire });
    const thrown = await call.catch((caught: unknown) => caught);
    expect(thrown).toBeInstanceOf(error.constructor);
    expect(thrown).toMatchObject({ ...error, message: error.message });
  });

  test("that were open when the worker stopped, fail", async () => {
    const { engine, workers } = remote();
    const calls = [engine.listChats(), engine.openChat("a")];
    workers[0]!.stop();
    for (const call of calls) await expect(call).rejects.toThrow("stopped");
  });
});

describe("The engine in its worker", () => {
  const MODEL = new URL("/models/rondo-tiny/", location.href).href;
  const engine = new RemoteEngine();
  const progress: LoadProgress[] = [];
  let info: ModelInfo;

  beforeAll(async () => {
    info = await engine.load(MODEL, {
      onProgress: (one) => progress.push(one),
    });
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

  test("kept chats cross, and that there is a new one is heard", async () => {
    const reader = new RemoteEngine();
    expect(await reader.listChats()).toBeInstanceOf(Array);
    await reader.close();

    const heard: EngineNotice[] = [];
    const stop = engine.onNotice((notice) => heard.push(notice));
    const chat = await engine.createChat();
    const { text } = await say(engine, chat, "My cat is called Miso.");
    await vi.waitFor(() => expect(heard).toContainEqual(CHANGED));
    stop();
    const { access, rounds } = await engine.openChat(chat);
    expect(access).toBe("write");
    expect(rounds).toMatchObject([
      { message: "My cat is called Miso.", reply: text, isFinished: true },
    ]);
    await engine.renameChat(chat, "Cats");
    const [newest] = await engine.listChats();
    expect(newest).toMatchObject({ id: chat, title: "Cats" });
    const [hit] = await engine.searchChats("CALLED miso");
    expect(hit).toMatchObject({ chatId: chat, excerpt: { found: "called" } });
    const restored = await engine.restoreChat(chat);
    expect(restored.keptTokens).toBeGreaterThan(0);

    const copy = await engine.importChat(await engine.exportChat(chat));
    expect(copy.title).toBe("Cats");
    expect(copy.id).not.toBe(chat);
    for (const id of [copy.id, chat]) {
      await engine.leaveChat(id);
      await engine.deleteChat(id);
      await expect(engine.openChat(id)).rejects.toBeInstanceOf(RangeError);
    }
  });

  test("errors keep their class", async () => {
    const chat = await engine.createChat();
    await expect(
      say(engine, chat, "Hi", { sampler: { topP: 7 } }),
    ).rejects.toBeInstanceOf(RangeError);
    await expect(say(engine, "no-such-chat", "Hi")).rejects.toThrow(
      "There is no chat",
    );
    await expect(
      engine.importChat(new Blob(["no chat"])),
    ).rejects.toBeInstanceOf(ChatFileError);
    const elsewhere = new RemoteEngine();
    await expect(elsewhere.load("/models/nothing-here/")).rejects.toMatchObject(
      { name: "ModelFetchError" },
    );
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
    const { gpu, model } = await engine.memory();
    expect(gpu!.bytes.weights).toBe(info.weightBytes);
    expect(gpu!.lower.pageCount).toBeGreaterThan(0);
    expect(model).toMatchObject(info);
  });

  test("a closed engine answers every open call", async () => {
    const other = new RemoteEngine();
    const closing = other.close();
    const late = other.memory();
    await closing;
    await expect(late).rejects.toThrow();
    expect(other.isClosed).toBe(true);
  });
});
