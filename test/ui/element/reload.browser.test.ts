// What outlives the page: which chat was shown, and what was written and not said.
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { page, userEvent } from "vitest/browser";
import { followAddress } from "../../../src/ui/element/address";
import { type FakeEngine, type FakeScript } from "../../support/fake-engine";
import { keptChat } from "../../support/kept-chat";
import {
  box,
  button,
  draft,
  find,
  messages,
  mountChat,
  readyAtOnce,
  replies,
  say,
  settle,
  type Mounted,
} from "../mount";

const miso = () =>
  keptChat("miso", [["My cat is called Miso.", "A lovely name."]]);
const bread = () => keptChat("bread", [["Teach me to bake.", "Flour."]]);
const script = (): FakeScript => ({ ...readyAtOnce, chats: [miso(), bread()] });

/** As main.ts does. */
async function openPage(given: FakeScript): Promise<Mounted> {
  const mounted = await mountChat(given);
  const stop = followAddress(mounted.chat);
  onTestFinished(() => {
    stop();
    history.replaceState(null, "", location.pathname + location.search);
  });
  mounted.chat.addEventListener("leave", stop);
  await settle();
  return mounted;
}

/** The same page again, with the chats that its engine kept. */
function reload(
  { chat, engine }: { chat: HTMLElement; engine: FakeEngine },
  given: FakeScript = readyAtOnce,
): Promise<Mounted> {
  chat.dispatchEvent(new Event("leave"));
  chat.remove();
  return openPage({ ...given, chats: engine.kept });
}

describe("The address", () => {
  test("names the chat that is shown, and a reload shows it again", async () => {
    const before = await openPage(script());
    expect(location.hash).toBe("");
    await button("Teach me to bake.").first().click();
    await settle();
    expect(location.hash).toBe("#chat=bread");
    await reload(before);
    expect(messages()).toEqual(["Teach me to bake."]);
    expect(location.hash).toBe("#chat=bread");
  });

  test("names a new chat from its first turn on", async () => {
    const before = await openPage(script());
    await say("Hello!");
    expect(location.hash).toMatch(/^#chat=chat/);
    find("rondo-side-panel", ".new").click();
    await settle();
    expect(location.hash).toBe("");
    await button("Hello!").first().click();
    await settle();
    await reload(before);
    expect(messages()).toEqual(["Hello!"]);
    await expect.element(page.getByText("Not answered.")).toBeVisible();
  });

  test("of a chat that is gone shows a new one", async () => {
    history.replaceState(null, "", "#chat=gone");
    await openPage(script());
    expect(messages()).toEqual([]);
    expect(find("rondo-welcome")).toBeTruthy();
    expect(location.hash).toBe("");
  });

  test("may be changed by hand", async () => {
    await openPage(script());
    location.hash = "#chat=miso";
    await vi.waitFor(() => expect(messages()).toHaveLength(1));
    expect(messages()).toEqual(["My cat is called Miso."]);
  });
});

describe("A message that was sent", () => {
  test("is kept before the model is there, and answered when it is asked for", async () => {
    const before = await openPage({});
    await say("Hello!");
    await reload(before, script());
    expect(messages()).toEqual(["Hello!"]);
    expect(draft()).toBe("");
    await button("Answer").click();
    await settle();
    expect(before.engine.replies).toEqual([]);
  });
});

describe("Text that was not sent", () => {
  test("is in its box again, chat by chat", async () => {
    const before = await openPage(script());
    await box().fill("a new thought");
    await button("Teach me to bake.").first().click();
    await settle();
    await box().fill("and rye?");
    await reload(before);
    expect(draft()).toBe("and rye?");
    find("rondo-side-panel", ".new").click();
    await settle();
    expect(draft()).toBe("a new thought");
  });

  test("is forgotten once it is sent", async () => {
    const before = await openPage(script());
    await say("Hello!");
    before.engine.replies[0]!.end();
    await settle();
    expect(sessionStorage).toHaveLength(0);
    await reload(before);
    expect(draft()).toBe("");
  });

  test("comes back beside a message that waited in a kept chat", async () => {
    const before = await openPage({ chats: [miso()] });
    await button("My cat is called Miso.").first().click();
    await settle();
    await say("Are you sure?");
    await box().fill("Really?");
    await reload(before, {});
    expect(messages()).toEqual(["My cat is called Miso.", "Are you sure?"]);
    expect(draft()).toBe("Really?");
  });

  test("does not come back where the message was kept, though its reply broke off", async () => {
    const before = await openPage(script());
    await button("My cat is called Miso.").first().click();
    await settle();
    await say("My cat is called Miso.");
    before.engine.replies[0]!.text("You sa");
    await settle();
    await reload(before);
    expect(messages()).toHaveLength(2);
    expect(replies()[1]).toContain("This reply was cut off.");
    expect(draft()).toBe("");
  });

  test("of a chat that is gone goes on in a new one", async () => {
    const before = await openPage(script());
    await button("My cat is called Miso.").first().click();
    await settle();
    await box().fill("Are you sure?");
    before.engine.kept = [bread()];
    await reload(before);
    expect(messages()).toEqual([]);
    expect(draft()).toBe("Are you sure?");
  });

  test("stays as long as the page where storage is not allowed", async () => {
    const denied = () => {
      throw new DOMException("Not here.", "SecurityError");
    };
    vi.spyOn(Storage.prototype, "setItem").mockImplementation(denied);
    vi.spyOn(Storage.prototype, "getItem").mockImplementation(denied);
    onTestFinished(() => void vi.restoreAllMocks());
    const { engine } = await openPage(script());
    await box().fill("Hello!");
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(engine.replies[0]?.message).toBe("Hello!");
  });

  test("that somebody else wrote there is left alone", async () => {
    for (const text of ["{", "[1]", '[{"draft":1,"sent":[]}]', '"x"']) {
      sessionStorage.setItem("rondo.unsaid", text);
      const { chat } = await openPage(script());
      expect(draft()).toBe("");
      chat.remove();
    }
  });
});
