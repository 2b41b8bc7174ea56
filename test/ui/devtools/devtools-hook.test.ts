/** What the page lets a DevTools panel do, whatever it is asked. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  DevtoolsHook,
  offerToDevtools,
} from "../../../src/ui/devtools/devtools-hook";
import {
  HOOK_NAME,
  type Hook,
  type HookMessage,
  type Taken,
} from "../../../src/ui/devtools/devtools-protocol";
import { FakeSource } from "../../support/inspected";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

let hook: DevtoolsHook;
let source: FakeSource;

beforeEach(() => {
  vi.useFakeTimers();
  hook = new DevtoolsHook();
  source = new FakeSource();
  hook.offer(source);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function take(listenTo: number[] = [], panelId = "panel"): Taken {
  return JSON.parse(hook.take(panelId, JSON.stringify(listenTo))) as Taken;
}

/** What comes of a call that ends at once. */
async function answer(
  method: string,
  argsJson: string,
  engineId = 1,
): Promise<HookMessage> {
  hook.call("panel", 5, engineId, method, argsJson);
  await vi.advanceTimersByTimeAsync(1);
  const { messages } = take();
  expect(messages).toHaveLength(1);
  return messages[0]!;
}

test("an engine that was closed is not shown any more, nor listened to", () => {
  const other = new FakeSource();
  hook.offer(other, "Other");
  expect(take([1, 2]).engines.map(({ id }) => id)).toEqual([1, 2]);
  Object.assign(source, { isClosed: true });
  expect(take([1, 2]).engines).toEqual([{ id: 2, name: "Other" }]);
  expect([source, other].map(({ listeners }) => listeners.size)).toEqual([
    0, 1,
  ]);
});

test.each([
  ["memory", "[]", ["memory", undefined]],
  ["memory", '[{"chatId":"a"}]', ["memory", { chatId: "a" }]],
  ["pinRound", '["a",1,true]', ["pinRound", "a", 1, true]],
  ["evictRound", '["a",0]', ["evictRound", "a", 0]],
  ["wipeKv", "[]", ["wipeKv", undefined]],
  ["wipeKv", '["a"]', ["wipeKv", "a"]],
  ["deleteRound", '["a",1]', ["deleteRound", "a", 1, undefined]],
  [
    "deleteRound",
    '["a",1,{"isFast":true}]',
    ["deleteRound", "a", 1, { isFast: true }],
  ],
])("%s%s is called as it says", async (method, argsJson, call) => {
  expect((await answer(method, argsJson)).type).toBe("result");
  expect(source.calls).toEqual([call]);
});

test.each([
  "close",
  "load",
  "onNotice",
  "constructor",
  "__proto__",
  "toString",
  "",
])("no method by the name of '%s' can be called", async (method) => {
  expect(await answer(method, "[]")).toMatchObject({
    type: "error",
    error: { name: "TypeError" },
  });
  expect(source.calls).toEqual([]);
});

test.each([
  ["wipeKv", "[null]"],
  ["wipeKv", '["a","b"]'],
  ["wipeKv", "{}"],
  ["wipeKv", "no JSON"],
  ["memory", '[{"withText":1}]'],
  ["memory", '[{"other":true}]'],
  ["verify", '["a"]'],
  ["verify", '["a",1.5]'],
  ["pinRound", '["a",1]'],
  ["pinRound", '["a","1",true]'],
  ["evictRound", '["a",-1]'],
  ["deleteRound", '["a",1,true]'],
])("%s refuses the arguments %s", async (method, argsJson) => {
  const { type, error } = (await answer(method, argsJson)) as HookMessage & {
    type: "error";
  };
  expect(type).toBe("error");
  expect(error.name).toBe("TypeError");
  expect(error.message).toMatch(new RegExp(`^${method}: .*argument`));
  expect(source.calls).toEqual([]);
});

test("an engine that is not there is an error, and so is an answer that is not JSON", async () => {
  expect(await answer("memory", "[]", 2)).toMatchObject({ type: "error" });
  source.snapshot = { takenMs: 1n };
  expect(await answer("memory", "[]")).toMatchObject({
    type: "error",
    error: { name: "TypeError" },
  });
});

test("an engine is listed once, by the name it was given, as long as the page has it", () => {
  let isHere = true;
  const { WeakRef: Real } = globalThis;
  vi.stubGlobal(
    "WeakRef",
    class<T extends WeakKey> {
      readonly #ref: WeakRef<T>;
      constructor(target: T) {
        this.#ref = new Real(target);
      }
      deref() {
        return isHere ? this.#ref.deref() : undefined;
      }
    },
  );
  const second = new FakeSource();
  hook.offer(second, "Notes");
  hook.offer(second);
  expect(take().engines).toEqual([
    { id: 1, name: "Engine 1" },
    { id: 2, name: "Notes" },
  ]);
  isHere = false;
  expect(take().engines).toEqual([{ id: 1, name: "Engine 1" }]);
});

test("an engine that a panel listens to goes when the page lets it go", async () => {
  vi.useRealTimers();
  const ref = (() => {
    const lost = new FakeSource();
    hook.offer(lost);
    return new WeakRef(lost);
  })();
  expect(take([2]).engines).toHaveLength(2);
  // Collected only once the task is over in which it was made and looked at.
  await new Promise((resolve) => setTimeout(resolve));
  collectGarbage();
  expect(ref.deref()).toBeUndefined();
  expect(take([2]).engines).toEqual([{ id: 1, name: "Engine 1" }]);
});

test("nobody listens to an engine before a panel does, nor after", () => {
  expect(source.listeners.size).toBe(0);
  take();
  expect(source.listeners.size).toBe(0);
  take([1]);
  take([1, 7]);
  expect(source.listeners.size).toBe(1);
  source.emit({ type: "chats-changed" });
  expect(take([]).messages).toEqual([
    { type: "notice", engineId: 1, notice: { type: "chats-changed" } },
  ]);
  expect(source.listeners.size).toBe(0);
});

test("of progress that nobody took, only the last is left", () => {
  hook.call("panel", 5, 1, "verify", '["chat",1]');
  for (const doneTokens of [1, 2, 3])
    source.verifies[0]!.options.onProgress!({ doneTokens, totalTokens: 9 });
  expect(take().messages).toEqual([
    {
      type: "progress",
      callId: 5,
      progress: { doneTokens: 3, totalTokens: 9 },
    },
  ]);
});

test("what a panel began ends when it stops asking, and not before", async () => {
  hook.call("panel", 5, 1, "verify", '["chat",1]');
  const { signal } = source.verifies[0]!.options;
  for (let i = 0; i < 5; i++) {
    take([1]);
    await vi.advanceTimersByTimeAsync(20_000);
  }
  expect(signal!.aborted).toBe(false);
  expect(source.listeners.size).toBe(1);

  await vi.advanceTimersByTimeAsync(20_000);
  expect(signal!.aborted).toBe(true);
  expect(source.listeners.size).toBe(0);
});

test("two panels do not take from each other, and go one by one", async () => {
  hook.call("panel", 1, 1, "memory", "[]");
  hook.call("other", 1, 1, "verify", '["a",1]');
  await vi.advanceTimersByTimeAsync(20_000);
  source.emit({ type: "chats-changed" });
  expect(take([1], "other").messages).toEqual([]);
  source.emit({ type: "chats-changed" });
  expect(take([], "panel").messages).toMatchObject([{ type: "result" }]);
  await vi.advanceTimersByTimeAsync(20_000);
  take([], "panel");
  await vi.advanceTimersByTimeAsync(20_000);
  expect(source.verifies[0]!.options.signal!.aborted).toBe(true);
  expect(source.listeners.size).toBe(0);
});

test("a page has one hook, out of the way of its own properties", () => {
  const key = Symbol.for(HOOK_NAME);
  const page = globalThis as { [key]?: Hook };
  const names = Object.keys(page);
  try {
    offerToDevtools(source, "first");
    const made = page[key]!;
    offerToDevtools(new FakeSource(), "second");
    expect(page[key]).toBe(made);
    expect(Object.keys(page)).toEqual(names);
    const { enumerable } = Object.getOwnPropertyDescriptor(page, key)!;
    expect(enumerable).toBe(false);
    const { engines } = JSON.parse(made.take("panel", "[]")) as Taken;
    expect(engines.map(({ name }) => name)).toEqual(["first", "second"]);
  } finally {
    Reflect.deleteProperty(page, key);
  }
});
