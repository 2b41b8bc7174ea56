// The engines of a page, shared by elements that name the same model.
import { describe, expect, onTestFinished, test } from "vitest";
import { EnginePool } from "../../../src/ui/engines/engine-pool";
import { SharedEngine } from "../../../src/ui/engines/shared-engine";
import { namedError } from "../../support/fake-calls";
import { FakeEngine, type FakeScript } from "../../support/fake-engine";
import { keptChat } from "../../support/kept-chat";
import { findAll, mountChat, settle, shownText } from "../mount";

class ClosableEngine extends FakeEngine {
  isClosed = false;

  override async close(): Promise<void> {
    this.isClosed = true;
  }
}

/** A pool whose engines a test has in its hands. */
function newPool(script: FakeScript = {}) {
  const engines: ClosableEngine[] = [];
  const pool = new EnginePool(() => {
    const engine = new ClosableEngine(script);
    engines.push(engine);
    return engine;
  });
  return { engines, share: () => new SharedEngine(pool) };
}

const miso = () => keptChat("miso", [["My cat is called Miso.", "Lovely."]]);

describe("An engine of the page", () => {
  test("loads a model once for all who name it, and tells all how far it is", async () => {
    const { engines, share } = newPool();
    const told: string[] = [];
    const load = (name: string) =>
      share().load("org/one", {
        onProgress: ({ loadedBytes }) => told.push(`${name} ${loadedBytes}`),
      });
    const first = load("a");
    engines[0]!.loads[0]!.download(1, 2);
    const second = load("b");
    engines[0]!.loads[0]!.download(2, 2);
    expect(told).toEqual(["a 1", "b 1", "a 2", "b 2"]);
    engines[0]!.loads[0]!.finish();
    expect(await second).toBe(await first);
    expect(await load("c")).toBe(await first);
    expect(engines).toHaveLength(1);
    expect(engines[0]!.loads).toHaveLength(1);
  });

  test("is another one for another model", async () => {
    const { engines, share } = newPool({ load: (load) => load.finish() });
    await share().load("org/one");
    await share().load("org/two");
    expect(
      engines.map(({ loads }) => loads.map(({ source }) => source)),
    ).toEqual([["org/one"], ["org/two"]]);
  });

  test("gets another model in place where nobody else uses it", async () => {
    const { engines, share } = newPool({ load: (load) => load.finish() });
    const engine = share();
    await engine.load("org/one");
    await engine.load("org/two");
    expect(engines).toHaveLength(1);
    expect(engines[0]!.loads).toHaveLength(2);
  });

  test("ends when the last one goes on to another's", async () => {
    const { engines, share } = newPool({ load: (load) => load.finish() });
    const [a, b] = [share(), share()];
    await a.load("org/one");
    await b.load("org/two");
    await b.load("org/one");
    await b.listChats();
    expect(engines.map(({ isClosed }) => isClosed)).toEqual([false, true]);
  });

  test("stays loaded for who comes back, and serves who comes next", async () => {
    const { engines, share } = newPool({ load: (load) => load.finish() });
    const a = share();
    await a.load("org/one");
    a.rest();
    await share().load("org/one");
    expect(engines[0]!.loads).toHaveLength(1);
    await a.load("org/one");
    expect(engines).toHaveLength(1);
    expect(engines[0]!.loads).toHaveLength(1);
  });

  test("is loaded again for who has the model and asks once more", async () => {
    const { engines, share } = newPool({ load: (load) => load.finish() });
    const engine = share();
    await engine.load("org/one");
    await engine.load("org/one", { memoryBudgetBytes: 1e9 });
    expect(engines[0]!.loads[1]!.options.memoryBudgetBytes).toBe(1e9);
  });

  test("goes on loading until the last one gives up", async () => {
    const { engines, share } = newPool();
    const [a, b] = [new AbortController(), new AbortController()];
    const loads = [a, b].map(({ signal }) =>
      share()
        .load("org/one", { signal })
        .catch((error: unknown) => (error as Error).name),
    );
    const { signal } = engines[0]!.loads[0]!.options;
    a.abort();
    expect(await loads[0]).toBe("AbortError");
    expect(signal!.aborted).toBe(false);
    b.abort();
    expect(await loads[1]).toBe("AbortError");
    expect(signal!.aborted).toBe(true);
  });

  test("goes on with its load for who paused it and is not the only one", async () => {
    const { engines, share } = newPool();
    const [a, b] = [share(), share()];
    const pause = new AbortController();
    const paused = a.load("org/one", { signal: pause.signal });
    const waiting = b.load("org/one");
    pause.abort();
    await expect(paused).rejects.toThrow();
    const resumed = a.load("org/one");
    expect(engines[0]!.loads).toHaveLength(1);
    engines[0]!.loads[0]!.finish();
    expect(await resumed).toBe(await waiting);
  });

  test("has the model before still where another was only downloaded in part", async () => {
    const { engines, share } = newPool();
    const a = share();
    const loaded = a.load("org/one");
    engines[0]!.loads[0]!.finish();
    await loaded;
    const stop = new AbortController();
    const other = a.load("org/two", { signal: stop.signal });
    engines[0]!.loads[1]!.download(1, 2);
    stop.abort();
    await expect(other).rejects.toThrow();
    await expect(share().load("org/one")).resolves.toEqual(await loaded);
    expect(engines).toHaveLength(1);
    expect(engines[0]!.loads).toHaveLength(2);
  });

  test("tries a model that could not be loaded once more for the next one", async () => {
    const { engines, share } = newPool();
    const first = share().load("org/one");
    engines[0]!.loads[0]!.fail(namedError("ModelFetchError"));
    await expect(first).rejects.toThrow();
    const second = share().load("org/one");
    engines.at(-1)!.loads.at(-1)!.finish();
    await expect(second).resolves.toMatchObject({ name: "rondo-tiny" });
  });
});

describe("An element that is put away", () => {
  test("leaves its engine to the next model, also where something was still to be done", async () => {
    const { engines, share } = newPool({
      restore: (restore) => restore.finish(),
      chats: [miso()],
    });
    const a = share();
    const loaded = a.load("org/one");
    a.rest();
    engines[0]!.loads[0]!.finish();
    await loaded;
    await a.restoreChat("miso");
    expect(engines[0]!.restores).toHaveLength(1);
    void share().load("org/two");
    expect(engines).toHaveLength(1);
  });

  test("has no chat in hand that was on its way to another engine, or is opened yet", async () => {
    const { engines, share } = newPool({
      load: (load) => load.finish(),
      chats: [miso()],
    });
    const [a, b, c] = [share(), share(), share()];
    await a.load("org/one");
    await b.load("org/one");
    await a.openChat("miso");
    void a.load("org/two");
    a.rest();
    await settle();
    await c.load("org/two");
    expect(engines).toHaveLength(2);
    expect((await c.openChat("miso")).access).toBe("write");
    await c.leaveChat("miso");
    await a.openChat("miso");
    expect((await c.openChat("miso")).access).toBe("write");
  });

  test("hears of its engine again when it comes back without a model", async () => {
    const { engines, share } = newPool();
    const a = share();
    await a.listChats();
    a.rest();
    a.wake();
    await a.listChats();
    const told: string[] = [];
    a.onNotice((notice) => told.push(notice.type));
    engines[0]!.emit({ type: "chats-changed" });
    await settle();
    expect(told).toEqual(["chats-changed"]);
  });
});

describe("A chat", () => {
  test("is in one place's hands, and in the next one's when that leaves it", async () => {
    const { share } = newPool({
      load: (load) => load.finish(),
      chats: [miso()],
    });
    const [a, b] = [share(), share()];
    await a.load("org/one");
    await b.load("org/one");
    const told: string[] = [];
    b.onNotice((notice) => told.push(notice.type));
    expect((await a.openChat("miso")).access).toBe("write");
    expect((await b.openChat("miso")).access).toBe("read");
    const events = b.chat("miso", "Hello!")[Symbol.asyncIterator]();
    await expect(events.next()).rejects.toMatchObject({
      name: "ChatBusyError",
    });
    await a.leaveChat("miso");
    expect(told).toEqual(["chat-writable"]);
    expect((await b.openChat("miso")).access).toBe("write");
    b.rest();
    await settle();
    expect((await a.openChat("miso")).access).toBe("write");
  });

  test("goes along to another engine", async () => {
    const { engines, share } = newPool({
      load: (load) => load.finish(),
      chats: [miso()],
    });
    const [a, b] = [share(), share()];
    await a.load("org/one");
    await b.load("org/one");
    await a.openChat("miso");
    await a.load("org/two");
    await a.setSystem("miso", "Be kind.");
    expect(engines[0]!.visits).toEqual(["open miso", "leave miso"]);
    expect(engines[1]!.visits).toEqual(["open miso"]);
    expect(engines[1]!.kept[0]!.system).toBe("Be kind.");
  });
});

test("Two elements of a page have chats, drafts and choices of their own", async () => {
  const { engines, share } = newPool({
    load: (load) => load.finish(),
    restore: (restore) => restore.finish(),
    chats: [miso()],
  });
  const { chat: away } = await mountChat();
  away.remove();
  const [first, second] = ["org/one", "org/one"].map((model) => {
    const chat = document.createElement("rondo-chat");
    Object.assign(chat.style, { height: "20rem" });
    chat.engine = share();
    chat.model = model;
    document.body.append(chat);
    onTestFinished(() => chat.remove());
    return chat;
  });
  await settle();
  expect(engines).toHaveLength(1);
  expect(engines[0]!.loads).toHaveLength(1);
  expect([first!.state, second!.state]).toEqual(["ready", "ready"]);

  first!.chatId = "miso";
  await settle();
  second!.chatId = "miso";
  await settle();
  expect(shownText(second!)).toContain("This chat is open in another tab");
  first!.chatId = undefined;
  await settle();
  expect(shownText(second!)).not.toContain("This chat is open in another tab");

  const boxes = findAll("textarea").filter(
    ({ ariaLabel }) => ariaLabel === "Message",
  ) as HTMLTextAreaElement[];
  for (const [i, box] of boxes.entries()) {
    box.value = `draft ${i + 1}`;
    box.dispatchEvent(new Event("input"));
  }
  await settle();
  const drafts = Object.values({ ...sessionStorage }).map(String);
  expect(drafts).toHaveLength(2);
  expect(drafts.join()).toContain("draft 1");
  expect(drafts.join()).toContain("draft 2");
});
