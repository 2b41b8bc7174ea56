// Two "tabs" are two ChatLocks: real Web Locks, under a name that no other test has.
import { expect, onTestFinished, test } from "vitest";
import {
  ChatLocks,
  type ChatLocksOptions,
} from "../../../src/engine/open/chat-lock";

interface Tab {
  locks: ChatLocks;
  /** Chats that became writable, in order. */
  granted: string[];
}

function openTab(options: ChatLocksOptions): Tab {
  const granted: string[] = [];
  const locks = new ChatLocks({
    ...options,
    onGranted: (chatId) => granted.push(chatId),
  });
  onTestFinished(() => locks.releaseAll());
  return { locks, granted };
}

function openTabs(count: number): Tab[] {
  const name = crypto.randomUUID();
  return Array.from({ length: count }, () => openTab({ name }));
}

test("the first tab writes, the second reads until the first has left", async () => {
  const [one, two] = openTabs(2) as [Tab, Tab];
  expect(await one.locks.tryHold("a")).toBe("write");
  expect(await two.locks.tryHold("a")).toBe("read");
  expect(two.locks.accessTo("a")).toBe("read");
  await one.locks.release("a");
  expect(one.locks.accessTo("a")).toBe("read");
  await expect.poll(() => two.granted).toEqual(["a"]);
  expect(two.locks.accessTo("a")).toBe("write");
  expect(await two.locks.tryHold("a")).toBe("write");
  expect(one.granted).toEqual([]);
});

test("tabs get a chat in the order of asking, and one that left the line does not", async () => {
  const [one, two, three, four] = openTabs(4) as [Tab, Tab, Tab, Tab];
  await one.locks.tryHold("a");
  for (const { locks } of [two, three, four]) {
    expect(await locks.tryHold("a")).toBe("read");
  }
  await two.locks.release("a");
  await one.locks.release("a");
  await expect.poll(() => three.granted).toEqual(["a"]);
  expect(two.granted).toEqual([]);
  expect(four.granted).toEqual([]);
  await three.locks.release("a");
  await expect.poll(() => four.granted).toEqual(["a"]);
});

test("a tab that is closed or crashes gives its chats on", async () => {
  const name = crypto.randomUUID();
  const page = document.createElement("iframe");
  document.body.append(page);
  const dying = new ChatLocks({
    name,
    locks: page.contentWindow!.navigator.locks,
  });
  expect(await dying.tryHold("a")).toBe("write");
  const next = openTab({ name });
  expect(await next.locks.tryHold("a")).toBe("read");
  page.remove();
  await expect.poll(() => next.granted).toEqual(["a"]);
});

test("one tab holds many chats, and leaves each alone", async () => {
  const [one, two] = openTabs(2) as [Tab, Tab];
  for (const chat of ["a", "b", "c"]) {
    expect(await one.locks.tryHold(chat)).toBe("write");
  }
  await one.locks.release("b");
  expect(await two.locks.tryHold("b")).toBe("write");
  expect(await two.locks.tryHold("c")).toBe("read");
});

test("a chat that was just left is had again at once", async () => {
  const [one] = openTabs(1) as [Tab];
  for (let i = 0; i < 3; i++) {
    expect(await one.locks.tryHold("a")).toBe("write");
    void one.locks.release("a");
  }
  expect(one.granted).toEqual([]);
});

test("asking twice at a time asks once", async () => {
  const [one, two] = openTabs(2) as [Tab, Tab];
  const asked = [one.locks.tryHold("a"), one.locks.tryHold("a")];
  expect(await Promise.all(asked)).toEqual(["write", "write"]);
  await one.locks.release("a");
  expect(await two.locks.tryHold("a")).toBe("write");
});

test("a chat that is left before the answer came is free", async () => {
  const [one, two] = openTabs(2) as [Tab, Tab];
  const asking = one.locks.tryHold("a");
  await one.locks.release("a");
  await asking;
  expect(await two.locks.tryHold("a")).toBe("write");
});

test("chats of another database are others", async () => {
  const [one, two] = [openTabs(1)[0]!, openTabs(1)[0]!];
  expect(await one.locks.tryHold("a")).toBe("write");
  expect(await two.locks.tryHold("a")).toBe("write");
});

test("releasing what is not held does nothing", async () => {
  const [one] = openTabs(1) as [Tab];
  await one.locks.release("a");
  expect(one.locks.accessTo("a")).toBe("read");
});

test("without locks, or where they are forbidden, everything may be written", async () => {
  const forbidding = {
    request: () => Promise.reject(new DOMException("no", "SecurityError")),
  } as unknown as LockManager;
  for (const locks of [null, forbidding]) {
    const without = new ChatLocks({ locks });
    expect(await without.tryHold("a")).toBe("write");
    expect(without.accessTo("a")).toBe("write");
    await without.release("a");
    expect(without.accessTo("a")).toBe("read");
  }
});
