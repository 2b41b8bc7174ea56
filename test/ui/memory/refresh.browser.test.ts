import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeMemorySource } from "../../support/fake-memory-source";
import { longSnapshot } from "../../support/memory-snapshots";
import { settle } from "../mount";
import { mountPanel, shown } from "./mount";

beforeEach(() =>
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "performance"],
  }),
);

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  setVisibility("visible");
});

/** So long that several polls would have come. */
async function waitLong(): Promise<void> {
  await vi.advanceTimersByTimeAsync(10_000);
  await settle();
}

function setVisibility(state: DocumentVisibilityState): void {
  Object.defineProperty(document, "visibilityState", {
    configurable: true,
    value: state,
  });
  document.dispatchEvent(new Event("visibilitychange"));
}

/** How many listeners for the page's visibility were added and not removed. */
function countPageListeners(): () => number {
  const calls = (name: "addEventListener" | "removeEventListener") => {
    const spy = vi.spyOn(document, name);
    return () =>
      spy.mock.calls.filter(([type]) => type === "visibilitychange").length;
  };
  const added = calls("addEventListener");
  const removed = calls("removeEventListener");
  return () => added() - removed();
}

test("An open panel asks at once, then once a second", async () => {
  const { source } = await mountPanel();
  expect(source.asked).toEqual([{ chatId: undefined, withText: false }]);
  await vi.advanceTimersByTimeAsync(3000);
  expect(source.asked).toHaveLength(4);
});

test("It shows what has changed", async () => {
  const { source } = await mountPanel();
  source.snapshot = longSnapshot();
  await vi.advanceTimersByTimeAsync(1000);
  await settle();
  expect(shown("rondo-memory-tiers")).toContain("2 segments to write");
});

test("It asks soon after a notice, and but once after many", async () => {
  const { source } = await mountPanel();
  for (let i = 0; i < 20; i++) source.emit({ type: "chats-changed" });
  await vi.advanceTimersByTimeAsync(250);
  expect(source.asked).toHaveLength(2);
});

test("It waits for an answer before it asks again, and then asks for what has changed meanwhile", async () => {
  const { source } = await mountPanel();
  let open = () => {};
  source.gate = new Promise((resolve) => (open = resolve));
  await vi.advanceTimersByTimeAsync(1000);
  expect(source.asked).toHaveLength(2);
  source.emit({ type: "chats-changed" });
  await waitLong();
  expect(source.asked).toHaveLength(2);
  source.gate = undefined;
  open();
  await vi.advanceTimersByTimeAsync(0);
  expect(source.asked).toHaveLength(3);
});

describe("It does nothing at all", () => {
  test("once it is taken out of the page, and goes on when it is put back", async () => {
    const listeners = countPageListeners();
    const { panel, source } = await mountPanel();
    expect([source.listeners.size, listeners()]).toEqual([1, 1]);
    panel.remove();
    expect([source.listeners.size, listeners()]).toEqual([0, 0]);
    expect(vi.getTimerCount()).toBe(0);
    source.emit({ type: "chats-changed" });
    await waitLong();
    expect(source.asked).toHaveLength(1);
    document.body.append(panel);
    await settle();
    expect(source.asked).toHaveLength(2);
    expect(source.listeners.size).toBe(1);
  });

  test("while it is hidden", async () => {
    const listeners = countPageListeners();
    const { panel, source } = await mountPanel();
    panel.setAttribute("hidden", "");
    await settle();
    expect([source.listeners.size, listeners()]).toEqual([0, 0]);
    expect(vi.getTimerCount()).toBe(0);
    await waitLong();
    expect(source.asked).toHaveLength(1);
    panel.hidden = false;
    await settle();
    expect(source.asked).toHaveLength(2);
  });

  test("while its page is in the background", async () => {
    const { source } = await mountPanel();
    setVisibility("hidden");
    expect(source.listeners.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    await waitLong();
    expect(source.asked).toHaveLength(1);
    setVisibility("visible");
    await settle();
    expect(source.asked).toHaveLength(2);
  });

  test("when it is closed while it waits for an answer", async () => {
    const { panel, source } = await mountPanel();
    let open = () => {};
    source.gate = new Promise((resolve) => (open = resolve));
    await vi.advanceTimersByTimeAsync(1000);
    panel.remove();
    open();
    await waitLong();
    expect(source.asked).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("without a source", async () => {
    const listeners = countPageListeners();
    const { panel, source } = await mountPanel();
    panel.source = undefined;
    await settle();
    expect([source.listeners.size, listeners()]).toEqual([0, 0]);
    expect(vi.getTimerCount()).toBe(0);
    expect(shown("rondo-memory")).toContain("There is no engine yet.");
  });
});

test("An error is shown, nothing more is asked, and another try brings everything back", async () => {
  const { panel, source } = await mountPanel();
  source.error = new Error("The worker has ended.");
  await vi.advanceTimersByTimeAsync(1000);
  await settle();
  const before = source.asked.length;
  expect(shown("rondo-memory")).toContain(
    "Memory could not be read. The worker has ended.",
  );
  // What was there stays.
  expect(shown("rondo-memory-use")).toContain("50.1 MB");
  await waitLong();
  expect(source.asked).toHaveLength(before);
  source.error = undefined;
  const again = [...panel.shadowRoot!.querySelectorAll("button")].find(
    ({ textContent }) => textContent.includes("Try again"),
  );
  again!.click();
  await settle();
  expect(source.asked).toHaveLength(before + 1);
  expect(shown("rondo-memory")).not.toContain("could not be read");
});

test("Another source is asked at once, and what the old one answers late is not shown", async () => {
  const { panel, source } = await mountPanel();
  let open = () => {};
  source.gate = new Promise((resolve) => (open = resolve));
  await vi.advanceTimersByTimeAsync(1000);
  const other = new FakeMemorySource(longSnapshot());
  panel.source = other;
  await settle();
  expect(other.asked).toHaveLength(1);
  open();
  await vi.advanceTimersByTimeAsync(500);
  await settle();
  expect(source.listeners.size).toBe(0);
  expect(shown("rondo-memory-tiers")).toContain("2 segments to write");
});

test("Another chat is asked for at once", async () => {
  const { panel, source } = await mountPanel();
  panel.chatId = "miso";
  await settle();
  expect(source.asked.at(-1)).toEqual({ chatId: "miso", withText: false });
});
