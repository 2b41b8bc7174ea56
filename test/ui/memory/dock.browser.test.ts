import { describe, expect, onTestFinished, test } from "vitest";
import { page, userEvent } from "vitest/browser";
import "../../../src/ui/page.css";
import { MemoryDock } from "../../../src/ui/memory/memory-dock";
import { FakeMemorySource } from "../../support/fake-memory-source";
import { keptChat } from "../../support/kept-chat";
import { smallSnapshot } from "../../support/memory-snapshots";
import {
  box,
  button,
  find,
  findAll,
  focused,
  messages,
  mountChat,
  readyAtOnce,
  settle,
} from "../mount";
import { line } from "./mount";

async function mountDock(width = 1200) {
  const chats = [keptChat("miso", [["Hello!", "Hi."]])];
  const { chat, engine } = await mountChat({ ...readyAtOnce, chats }, width);
  const aside = document.createElement("aside");
  aside.id = "memory";
  aside.hidden = true;
  document.body.append(aside);
  onTestFinished(() => {
    // One that is open listens for Escape.
    if (!aside.hidden) chat.querySelector<HTMLElement>(".tool")?.click();
    aside.remove();
  });
  const source = new FakeMemorySource(smallSnapshot());
  new MemoryDock(chat, aside, source);
  await settle();
  return { aside, chat, engine, source };
}

const toggle = () => button("Memory", true);

async function open(): Promise<void> {
  await toggle().click();
  await expect.poll(() => focused()?.localName).toBe("h2");
  await settle();
}

describe("The memory button", () => {
  test("is in the chat’s header, and opens the panel, which takes the focus", async () => {
    const { source } = await mountDock();
    expect(find(".tool").assignedSlot).not.toBe(null);
    expect(source.asked).toEqual([]);
    expect(findAll("rondo-memory")).toEqual([]);
    await open();
    expect(findAll("rondo-memory")).toHaveLength(1);
    expect(source.asked).toHaveLength(1);
    expect(toggle().element().getAttribute("aria-expanded")).toBe("true");
  });

  test("closes it again, and it asks nothing more", async () => {
    const { aside, source } = await mountDock();
    await open();
    await toggle().click();
    expect(aside.hidden).toBe(true);
    expect(findAll("rondo-memory")).toEqual([]);
    expect(source.listeners.size).toBe(0);
  });
});

describe("The open panel", () => {
  test("is closed by its button, and the focus comes back", async () => {
    const { aside } = await mountDock();
    await open();
    await button("Close the memory panel").click();
    expect(aside.hidden).toBe(true);
    expect(focused()).toBe(toggle().element());
  });

  test("is closed by Escape, but not from within the chat beside it", async () => {
    const { aside } = await mountDock();
    await open();
    box().element().focus();
    await userEvent.keyboard("{Escape}");
    expect(aside.hidden).toBe(false);
    find("rondo-memory").focus();
    await userEvent.keyboard("{Escape}");
    expect(aside.hidden).toBe(true);
    expect(focused()).toBe(toggle().element());
  });

  test("follows the chat that is shown", async () => {
    const { chat, source } = await mountDock();
    await open();
    chat.chatId = "miso";
    await expect.poll(() => source.asked.at(-1)?.chatId).toBe("miso");
  });

  test("has the chat show no more what was deleted there", async () => {
    const { chat, engine, source } = await mountDock();
    chat.chatId = "miso";
    await settle();
    engine.restores[0]?.finish();
    await open();
    expect(messages()).toEqual(["Hello!"]);
    engine.kept[0]!.rounds = [];
    line(5).click();
    await settle();
    await button("Delete…").last().click();
    await button("Delete", true).last().click();
    await expect
      .poll(() => source.calls)
      .toEqual(["deleteRound miso 5 forget"]);
    await expect.poll(() => messages()).toEqual([]);
  });

  test("is open again after a reload, without taking the focus, unless it was closed", async () => {
    const first = await mountDock();
    await open();
    first.chat.remove();
    first.aside.remove();
    const second = await mountDock();
    await expect.poll(() => second.source.asked.length).toBe(1);
    expect(focused()).toBe(document.body);
    await toggle().click();
    second.chat.remove();
    second.aside.remove();
    expect((await mountDock()).aside.hidden).toBe(true);
  });
});

describe("Where there is no room for both", () => {
  test("the panel covers the chat, which takes no focus meanwhile", async () => {
    const { aside, chat } = await mountDock(360);
    await open();
    const { height, left, width } = aside.getBoundingClientRect();
    expect([left, width, height]).toEqual([0, 360, 700]);
    expect(chat.inert).toBe(true);
    await userEvent.keyboard("{Escape}");
    expect(chat.inert).toBe(false);
    expect(focused()).toBe(toggle().element());
  });

  test("and then room again, both are of use", async () => {
    const { chat } = await mountDock(360);
    await open();
    await page.viewport(1200, 700);
    await expect.poll(() => chat.inert).toBe(false);
  });
});
