/** A page and the panel that looks at it, with what DevTools does between them: evaluating text, JSON back. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EngineNotice } from "../../src/engine/api/notice";
import {
  InspectedPage,
  type PageEngine,
  type PageState,
} from "../../src/devtools/inspected-page";
import { HOOK_VERSION } from "../../src/ui/devtools/devtools-protocol";
import {
  FakeInspectedWindow,
  FakeSource,
  smallReport,
  smallSnapshot,
} from "../support/inspected";

let engine: FakeSource;
let inspected: FakeInspectedWindow;
let page: InspectedPage;
/** What the panel was told to show, in order. */
let states: PageState["type"][];

beforeEach(async () => {
  vi.useFakeTimers();
  engine = new FakeSource();
  inspected = new FakeInspectedWindow(engine);
  states = [];
  page = new InspectedPage(inspected, () => states.push(page.state.type));
  page.isShown = true;
  await pass(1);
});
afterEach(() => vi.useRealTimers());

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

function engines(): readonly PageEngine[] {
  expect(page.state.type).toBe("present");
  return page.state.type === "present" ? page.state.engines : [];
}

const source = (index = 0) => engines()[index]!.source;

/** What a promise came to, `ms` later. */
async function within<T>(promise: Promise<T>, ms = 300): Promise<T> {
  const [settled] = await Promise.all([
    Promise.allSettled([promise]).then(([outcome]) => outcome),
    pass(ms),
  ]);
  if (settled.status === "rejected") throw settled.reason as Error;
  return settled.value;
}

describe("calls", () => {
  test("bring the snapshot as the engine gave it", async () => {
    const options = { chatId: "a", withText: true };
    expect(await within(source().memory(options))).toEqual(smallSnapshot);
    expect(engine.calls).toEqual([["memory", options]]);
  });

  test("bring what is done to the engine, and what it answers", async () => {
    await within(source().pinRound("a", 1, true));
    await within(source().evictRound("a", 2));
    await within(source().wipeKv());
    await within(source().wipeKv("a"));
    const { summary } = await within(
      source().deleteRound("a", 3, { isFast: true }),
    );
    expect(summary.title).toBe("Cats");
    expect(engine.calls).toEqual([
      ["pinRound", "a", 1, true],
      ["evictRound", "a", 2],
      ["wipeKv", undefined],
      ["wipeKv", "a"],
      ["deleteRound", "a", 3, { isFast: true }],
    ]);
  });

  test.each([
    ["a script's end", "</script><!--<script>"],
    ["ends of lines", "\n\r\u2028\u2029"],
    ["quotes", `"'\`\\"); throw 1; ("\${1}`],
    ["half a character", "\ud83d"],
    ["names of properties", "__proto__"],
  ])("bring any text unchanged: %s", async (_, text) => {
    await within(source().pinRound(text, 1, true));
    expect(engine.calls).toEqual([["pinRound", text, 1, true]]);
    const sent = inspected.expressions.join("");
    expect(sent).not.toMatch(/[<\n\r\u2028\u2029]/);

    engine.snapshot = {
      ...smallSnapshot,
      chat: { ...smallSnapshot.chat, title: text },
    };
    const { chat } = await within(source().memory());
    expect(chat!.title).toBe(text);
  });

  test("tell how far they are", async () => {
    const told: number[] = [];
    const verified = source().verify("a", 1, {
      onProgress: ({ doneTokens }) => told.push(doneTokens),
    });
    await pass(1);
    const [verify] = engine.verifies;
    for (const doneTokens of [1, 2]) {
      verify!.options.onProgress!({ doneTokens, totalTokens: 3 });
      await pass(250);
    }
    expect(told).toEqual([1, 2]);
    verify!.finish(smallReport);
    expect(await within(verified)).toEqual(smallReport);
  });

  test("stop in the page, too, when they are aborted", async () => {
    const stop = new AbortController();
    const { signal } = stop;
    const verified = source().verify("a", 1, { signal });
    await pass(1);
    const reason = new Error("changed my mind");
    stop.abort(reason);
    await expect(within(verified, 1)).rejects.toBe(reason);
    expect(engine.verifies[0]!.options.signal!.aborted).toBe(true);

    const before = inspected.expressions.length;
    await expect(within(source().verify("a", 2, { signal }), 1)).rejects.toBe(
      reason,
    );
    expect(inspected.expressions.length).toBe(before);
  });

  test.each([
    new RangeError("There is no round 9."),
    Object.assign(new Error("No room."), { name: "OutOfMemoryError" }),
    new DOMException("Stopped.", "AbortError"),
  ])("fail by name and message: $name", async (error) => {
    engine.error = error;
    const { name, message } = error;
    await expect(within(source().evictRound("a", 9))).rejects.toMatchObject({
      name,
      message,
    });
  });

  test("go to the engine that they are for", async () => {
    const other = new FakeSource();
    inspected.hook!.offer!(other, "Notes");
    await pass(1000);
    expect(engines().map(({ name }) => name)).toEqual(["Engine 1", "Notes"]);
    await within(source(1).wipeKv("a"));
    expect(engine.calls).toEqual([]);
    expect(other.calls).toEqual([["wipeKv", "a"]]);
  });
});

describe("notices", () => {
  test("come while somebody listens", async () => {
    const other = new FakeSource();
    inspected.hook!.offer!(other);
    await pass(1000);
    expect(engine.listeners.size).toBe(0);
    const heard: EngineNotice[] = [];
    const stop = source().onNotice((notice) => heard.push(notice));
    await pass(1000);
    expect(other.listeners.size).toBe(0);
    const notice: EngineNotice = {
      type: "healing",
      chatId: "a",
      roundsLeft: 2,
    };
    engine.emit(notice);
    await pass(1000);
    expect(heard).toEqual([notice]);

    stop();
    await pass(1000);
    expect(engine.listeners.size).toBe(0);
  });
});

describe("the page is asked", () => {
  /** How often in ten seconds. */
  async function asked(): Promise<number> {
    const before = inspected.expressions.length;
    await pass(10_000);
    return inspected.expressions.length - before;
  }

  test("once a second while the panel is in sight, four times while it waits", async () => {
    expect(await asked()).toBe(10);
    void source()
      .verify("a", 1)
      .catch(() => {});
    await pass(300);
    expect(await asked()).toBe(40);
  });

  test("never while the panel is hidden, save for what it waits for", async () => {
    const verified = source().verify("a", 1);
    await pass(300);
    page.isShown = false;
    expect(await asked()).toBe(10);
    engine.verifies[0]!.finish(smallReport);
    expect(await within(verified, 1000)).toEqual(smallReport);
    expect(await asked()).toBe(0);
    page.isShown = true;
    expect(await asked()).toBeGreaterThanOrEqual(10);
  });

  test("for snapshots only while somebody sees them", async () => {
    page.isShown = false;
    const snapshot = source().memory();
    expect(await asked()).toBe(0);
    expect(engine.calls).toEqual([]);
    page.isShown = true;
    expect(await within(snapshot)).toEqual(smallSnapshot);
  });
});

describe("another page", () => {
  test("has other engines, and calls of the one before end", async () => {
    const before = source();
    const verified = before.verify("a", 1);
    await pass(1);
    const next = new FakeSource();
    inspected.open(next);
    page.navigated();
    await expect(within(verified, 1)).rejects.toThrow(/closed or reloaded/);
    expect(source()).not.toBe(before);
    await within(source().wipeKv("a"));
    expect(next.calls).toEqual([["wipeKv", "a"]]);
    await expect(within(before.wipeKv("a"))).rejects.toThrow(
      /closed or reloaded/,
    );
    expect(next.calls).toHaveLength(1);
  });

  test("is noticed also where nobody tells", async () => {
    const before = source();
    const verified = before.verify("a", 1);
    await pass(1);
    states = [];
    inspected.open(new FakeSource());
    await expect(within(verified)).rejects.toThrow(/closed or reloaded/);
    expect(states).toEqual(["present"]);
    expect(source()).not.toBe(before);
  });

  test("may be without Rondo, and one with it is found", async () => {
    inspected.open();
    page.navigated();
    await pass(3000);
    inspected.open(new FakeSource());
    await pass(1000);
    expect(states).toEqual(["present", "asking", "absent", "present"]);
  });

  test("may take a moment to its first script", async () => {
    inspected.open();
    page.navigated();
    await pass(1000);
    inspected.open(new FakeSource());
    await pass(250);
    expect(states).toEqual(["present", "asking", "present"]);
  });

  test("may be the same at another address, and goes on", async () => {
    const before = source();
    const verified = before.verify("a", 1);
    await pass(1);
    page.navigated();
    await pass(1000);
    engine.verifies[0]!.finish(smallReport);
    expect(await within(verified)).toEqual(smallReport);
    expect(source()).toBe(before);
    expect(states).toEqual(["present"]);
  });

  test("is not held to what the one before could not answer", async () => {
    let fail = () => {};
    vi.spyOn(inspected, "eval").mockImplementationOnce((_, callback) => {
      fail = () => callback(undefined, { isError: true, description: "gone" });
    });
    await pass(1000);
    page.navigated();
    await pass(1);
    fail();
    await pass(1);
    expect(states).toEqual(["present"]);
  });

  test("may fail once before it is known as another one", async () => {
    inspected.failure = { isError: true, description: "gone" };
    await pass(1000);
    inspected.failure = undefined;
    await pass(250);
    expect(states).toEqual(["present"]);
  });

  test("that does not answer is asked again", async () => {
    vi.spyOn(inspected, "eval").mockImplementationOnce(() => {});
    await pass(1000);
    const before = inspected.expressions.length;
    await pass(5000);
    expect(inspected.expressions.length).toBeGreaterThan(before);
  });
});

describe("what comes back is looked at first", () => {
  test.each([
    ["no text", 5, /not text/],
    ["no JSON", "{", /not JSON/],
    ["nothing in it", `{"version":${HOOK_VERSION}}`, /expected .*hookId/],
    [
      "engines that are none",
      `{"version":${HOOK_VERSION},"hookId":"a","engines":[{"id":"<b>"}],"messages":[]}`,
      /engines\.0/,
    ],
    [
      "a message of no kind",
      `{"version":${HOOK_VERSION},"hookId":"a","engines":[],"messages":[{"type":"run"}]}`,
      /messages\.0/,
    ],
  ])("a hook that gives %s", async (_, answer, message) => {
    inspected.hook = { take: () => answer as string };
    await pass(1500);
    expect(page.state).toMatchObject({
      type: "unreadable",
      message: expect.stringMatching(message) as string,
    });
  });

  test.each([
    [HOOK_VERSION - 1, false],
    [HOOK_VERSION + 1, true],
  ])("a hook of version %i", async (version, isNewer) => {
    inspected.hook = { take: () => JSON.stringify({ version }) };
    await pass(1500);
    expect(page.state).toEqual({ type: "other-version", isNewer });
  });

  test.each([
    ["nothing", undefined, /Its memory/],
    [
      "rounds that are none",
      { chat: { ...smallSnapshot.chat, rounds: "<b>" } },
      /chat\.rounds/,
    ],
    ["a pool without pages", { gpu: { lower: {} } }, /gpu\./],
    ["turns without receipts", { turns: [{}] }, /turns\.0/],
  ])("a snapshot with %s", async (_, change, message) => {
    engine.snapshot = change && { ...smallSnapshot, ...change };
    const outcome = within(source().memory());
    await expect(outcome).rejects.toMatchObject({
      name: "ForeignAnswerError",
      message: expect.stringMatching(message) as string,
    });
  });

  test("a hook that throws, and a page that nobody may look into", async () => {
    inspected.hook = {
      take() {
        throw new Error("not today");
      },
    };
    await pass(1500);
    expect(page.state).toMatchObject({
      type: "unreadable",
      message: expect.stringContaining("not today") as string,
    });

    inspected.failure = {
      isError: true,
      description: "Cannot access %s.",
      details: ["chrome://gpu"],
    };
    await pass(1500);
    expect(page.state).toMatchObject({
      type: "unreadable",
      message: expect.stringContaining("Cannot access chrome://gpu.") as string,
    });
  });
});
