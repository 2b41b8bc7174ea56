import { describe, expect, test } from "vitest";
import { page, userEvent } from "vitest/browser";
import { namedError } from "../../support/fake-calls";
import {
  box,
  button,
  choose,
  draft,
  find,
  findAll,
  focused,
  messages,
  mountChat,
  readyAtOnce,
  replies,
  say,
  settle,
  shownText,
} from "../mount";

const listed = () => findAll('[part="chat"]').map(shownText);
const newChat = () => find("rondo-side-panel", ".new").click();

describe("Two chats", () => {
  test("do not mix, even while the first one's reply still comes", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("My cat is called Miso.");
    engine.replies[0]!.text("Miso is ");
    newChat();
    await settle();
    expect(messages()).toEqual([]);
    expect(focused()).toBe(box().element());
    engine.replies[0]!.text("a lovely name.");
    await settle();
    expect(replies()).toEqual([]);
    await say("Hello!");
    expect(replies()).toEqual(["Waiting for the reply in another chat…"]);
    expect(engine.replies).toHaveLength(1);
    engine.replies[0]!.end();
    await settle();
    expect(engine.replies[1]?.message).toBe("Hello!");
    expect(engine.replies[1]!.chatId).not.toBe(engine.replies[0]!.chatId);
    engine.replies[1]!.text("Hi there!");
    engine.replies[1]!.end();
    await settle();
    expect(replies()[0]).toMatch(/^Hi there!/);
    await button("My cat is called Miso.").first().click();
    await settle();
    expect(messages()).toEqual(["My cat is called Miso."]);
    expect(replies()[0]).toMatch(/^Miso is a lovely name\./);
  });

  test("keep the engine's chat for all their rounds", async () => {
    const { engine } = await mountChat(readyAtOnce);
    for (const text of ["one", "two"]) {
      await say(text);
      engine.replies.at(-1)!.end();
      await settle();
    }
    expect(engine.replies[0]!.chatId).toBe(engine.replies[1]!.chatId);
  });

  test("keep their own unsent text", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("one");
    engine.replies[0]!.end();
    await box().fill("half a thought");
    newChat();
    await settle();
    expect(draft()).toBe("");
    await box().fill("another");
    await button("one").first().click();
    await settle();
    expect(draft()).toBe("half a thought");
    newChat();
    await settle();
    expect(draft()).toBe("another");
  });

  test("a new chat is not added while there is an empty one", async () => {
    await mountChat(readyAtOnce);
    newChat();
    newChat();
    await say("one");
    expect(listed()).toHaveLength(1);
  });

  test("stopping stops the chat that is shown alone", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("one");
    newChat();
    await settle();
    await say("two");
    await userEvent.keyboard("{Escape}");
    await settle();
    expect(engine.replies[0]!.signal!.aborted).toBe(false);
    await expect.element(page.getByText("Not answered.")).toBeVisible();
    engine.replies[0]!.end();
    await settle();
    expect(engine.replies).toHaveLength(1);
  });
});

describe("Deleting a chat", () => {
  test("asks first, and then forgets it here and in the engine", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("one");
    engine.replies[0]!.end();
    await settle();
    await choose("one", "Delete");
    expect(focused()?.textContent.trim()).toBe("Keep");
    await button("Keep").click();
    expect(listed()).toEqual(["one"]);
    expect(focused()).toBe(button("Options for “one”").element());
    await choose("one", "Delete");
    await button("Delete", true).click();
    await settle();
    expect(listed()).toEqual([]);
    expect(messages()).toEqual([]);
    expect(engine.deletedChats).toEqual([engine.replies[0]!.chatId]);
    expect(focused()).toBe(box().element());
  });

  test("in the middle of its reply, the engine ends the reply first", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("one");
    engine.replies[0]!.text("Well, ");
    await settle();
    await choose("one", "Delete");
    expect(engine.deletedChats).toEqual([]);
    await button("Delete", true).click();
    await settle();
    expect(engine.replies[0]!.signal!.aborted).toBe(true);
    expect(engine.deletedChats).toEqual([engine.replies[0]!.chatId]);
  });
});

describe("After the model was loaded again", () => {
  test("its chats go on", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("My cat is called Miso.");
    engine.replies[0]!.end();
    await settle();
    await say("What is my cat called?");
    engine.replies[1]!.fail(namedError("TypeError"));
    await settle();
    await button("Load the model again").click();
    await settle();
    await button("Edit", true).click();
    await settle();
    expect(draft()).toBe("What is my cat called?");
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(engine.replies[2]!.chatId).toBe(engine.replies[0]!.chatId);
  });

  test("they go on with another model, which reads them first", async () => {
    const { chat, engine } = await mountChat(readyAtOnce);
    await say("My cat is called Miso.");
    engine.replies[0]!.end();
    await settle();
    chat.model = "models/other/";
    await settle();
    const { chatId } = engine.replies[0]!;
    expect(engine.restores.map((restore) => restore.chatId)).toEqual([chatId]);
    expect(messages()).toEqual(["My cat is called Miso."]);
    await say("What is my cat called?");
    expect(engine.replies[1]!.chatId).toBe(chatId);
  });
});

describe("The list of chats on a narrow screen", () => {
  test("is a drawer that takes the focus, and gives it back", async () => {
    await mountChat(readyAtOnce, 360);
    const panel = find("rondo-side-panel");
    expect(panel.inert).toBe(true);
    await button("Chats").click();
    await settle();
    expect(panel.inert).toBe(false);
    expect(find(".main").inert).toBe(true);
    expect(focused()).toBe(find("rondo-side-panel", ".new"));
    await userEvent.keyboard("{Escape}");
    await settle();
    expect(panel.inert).toBe(true);
    expect(find(".main").inert).toBe(false);
    expect(focused()).toBe(find(".toggle"));
  });

  test("closes when a chat is chosen", async () => {
    const { engine } = await mountChat(readyAtOnce, 360);
    await say("one");
    engine.replies[0]!.end();
    await settle();
    await button("New chat").click();
    await settle();
    expect(messages()).toEqual([]);
    await button("Chats").click();
    await settle();
    await button("one").first().click();
    await settle();
    expect(messages()).toEqual(["one"]);
    expect(find("rondo-side-panel").inert).toBe(true);
    expect(focused()).toBe(box().element());
  });

  test("nothing is wider than the screen", async () => {
    const { engine } = await mountChat(readyAtOnce, 360);
    await say("w".repeat(200));
    engine.replies[0]!.text(
      `${"x".repeat(300)}\n\n\`\`\`\n${"y".repeat(300)}\n\`\`\`\n\n| a | b |\n| - | - |\n| ${"z ".repeat(90)} | ${"z".repeat(90)} |`,
    );
    engine.replies[0]!.end();
    await settle();
    expect(document.documentElement.scrollWidth).toBeLessThanOrEqual(360);
    expect(find('[role="log"]').scrollWidth).toBeLessThanOrEqual(360);
  });
});

describe("The examples of an empty chat", () => {
  test("are sent by a press, and those left stay at hand", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await button("My cat is called Miso.").click();
    await settle();
    expect(engine.replies[0]?.message).toBe("My cat is called Miso.");
    expect(focused()).toBe(box().element());
    engine.replies[0]!.end();
    await settle();
    await button("What is my cat called?").click();
    await settle();
    expect(engine.replies[1]?.message).toBe("What is my cat called?");
  });

  test("do not take the place of what was typed", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await box().fill("half a thought");
    await button("My cat is called Miso.").click();
    await settle();
    expect(engine.replies[0]?.message).toBe("My cat is called Miso.");
    expect(draft()).toBe("half a thought");
  });
});
