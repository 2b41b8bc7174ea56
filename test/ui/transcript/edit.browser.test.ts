// A message that was sent, changed in its place.
import { describe, expect, test } from "vitest";
import { page, userEvent } from "vitest/browser";
import { namedError } from "../../support/fake-calls";
import { keptChat } from "../../support/kept-chat";
import {
  box,
  button,
  draft,
  find,
  findAll,
  focused,
  isDisabled,
  messages,
  openKept,
  replies,
  say,
  settle,
  shownText,
} from "../mount";

const miso = () =>
  keptChat("miso", [
    ["My cat is called Miso.", "A lovely name."],
    ["What is my cat called?", "Miso."],
    ["Are you sure?", "Yes."],
  ]);

const editor = () => page.getByRole("textbox", { name: "Edit message" });
const edited = () => (editor().element() as HTMLTextAreaElement).value;
const log = () => find('[role="log"]');

async function edit(at: number): Promise<void> {
  await button("Edit message").nth(at).click();
  await settle();
}

describe("Editing a message", () => {
  test("is done in its place, with the cursor behind its text", async () => {
    await openKept(miso());
    await edit(1);
    expect(focused()).toBe(editor().element());
    expect(messages()).toEqual(["My cat is called Miso.", "Are you sure?"]);
    await userEvent.keyboard(" Tell me.");
    expect(edited()).toBe("What is my cat called? Tell me.");
  });

  test("ends with Escape, as if it had not been, and a reply goes on", async () => {
    const { engine } = await openKept(miso());
    await edit(1);
    await say("And now?");
    editor().element().focus();
    await userEvent.keyboard("x{Escape}");
    await settle();
    expect(messages()[1]).toBe("What is my cat called?");
    expect(engine.replies[0]!.signal!.aborted).toBe(false);
    expect(focused()).toBe(button("Edit message").nth(1).element());
    engine.replies[0]!.end();
    await settle();
    await edit(1);
    expect(edited()).toBe("What is my cat called?");
  });

  test("grows with its text, and what is under it stays in the box", async () => {
    await openKept(miso());
    await edit(1);
    const { clientHeight } = editor().element();
    await editor().fill("one\ntwo\nthree");
    await settle();
    expect(editor().element().clientHeight).toBeGreaterThan(clientHeight * 2);
    const { bottom } = editor().element().getBoundingClientRect();
    const send = button("Send, keep what follows").element();
    expect(send.getBoundingClientRect().top).toBeGreaterThan(bottom);
  });

  test("of the last message offers one way to send it", async () => {
    const { engine } = await openKept(miso());
    await edit(2);
    expect(button("Send, keep what follows").elements()).toEqual([]);
    await editor().fill("Are you very sure?");
    await button("Send", true).first().click();
    await settle();
    expect(engine.replies[0]!.message).toBe("Are you very sure?");
    expect(engine.replies[0]!.place).toEqual({ behind: 2 });
  });

  test("can put a message above the one it began with, which stays", async () => {
    const { engine } = await openKept(miso());
    await edit(1);
    await editor().fill("I have a dog.");
    await button("Insert above").click();
    await settle();
    const [reply] = engine.replies;
    expect(reply!.place).toEqual({ behind: 1, before: 2 });
    expect(messages()).toEqual([
      "My cat is called Miso.",
      "I have a dog.",
      "What is my cat called?",
      "Are you sure?",
    ]);
    reply!.text("Good.");
    reply!.end();
    await settle();
    expect(replies()).toHaveLength(4);
    expect(messages()[1]).toBe("I have a dog.");
  });

  test("has what could not be answered above it stand there, to be answered again", async () => {
    const { engine } = await openKept(miso());
    await edit(1);
    await editor().fill("I have a dog.");
    await button("Insert above").click();
    await settle();
    engine.replies[0]!.fail(namedError("OutOfMemoryError", "No room."));
    await settle();
    expect(messages()).toEqual([
      "My cat is called Miso.",
      "I have a dog.",
      "What is my cat called?",
      "Are you sure?",
    ]);
    await button("Edit", true).click();
    await settle();
    expect(edited()).toBe("I have a dog.");
  });

  test("sends nothing that is only blank", async () => {
    const { engine } = await openKept(miso());
    await edit(1);
    await editor().fill("  ");
    await settle();
    expect(isDisabled(button("Send, keep what follows"))).toBe(true);
    await userEvent.keyboard("{Control>}{Enter}{/Control}");
    await settle();
    expect(engine.replies).toEqual([]);
    expect(editor().elements()).toHaveLength(1);
  });

  test("takes markup for the text it is", async () => {
    const { engine } = await openKept(miso());
    await edit(2);
    await editor().fill("<img src=x onerror=pwned()>");
    await userEvent.keyboard("{Control>}{Enter}{/Control}");
    await settle();
    engine.replies[0]!.end();
    await settle();
    expect(messages()[2]).toBe("<img src=x onerror=pwned()>");
    expect(findAll("img")).toEqual([]);
  });
});

describe("An edited message", () => {
  test("keeps what follows, which has other names then", async () => {
    const { engine } = await openKept(miso());
    await edit(1);
    await editor().fill("Who is Miso?");
    await userEvent.keyboard("{Control>}{Enter}{/Control}");
    await settle();
    expect(engine.replies[0]!.place).toEqual({ behind: 1, before: 3 });
    expect(messages()[1]).toBe("Who is Miso?");
    expect(messages()[2]).toBe("Are you sure?");
    engine.replies[0]!.text("Your cat.");
    engine.replies[0]!.end();
    await settle();
    expect(replies()[1]).toMatch(/^Your cat\./);
    expect(replies()[2]).toMatch(/^Yes\./);
    // The copy of the last round is what can be changed now.
    await edit(2);
    await button("Send", true).first().click();
    await settle();
    expect(engine.replies[1]!.place).toEqual({ behind: 4 });
  });

  test("leaves alone where one reads, and what did not change", async () => {
    const long = "A line of text.\n\n".repeat(60);
    const chat = keptChat("miso", [
      ["My cat is called Miso.", long],
      ["What is my cat called?", "Miso."],
      ["Are you sure?", long],
    ]);
    const { engine } = await openKept(chat);
    log().scrollTop = 1500;
    await settle();
    await edit(1);
    const { scrollTop } = log();
    const last = findAll("rondo-markdown").at(-1)!;
    const block = findAll(".block", last.shadowRoot!)[0]!;
    await userEvent.keyboard("!{Control>}{Enter}{/Control}");
    await settle();
    engine.replies[0]!.text("Miso!");
    engine.replies[0]!.end();
    await settle();
    expect(Math.abs(log().scrollTop - scrollTop)).toBeLessThan(150);
    expect(block.isConnected).toBe(true);
  });

  test("can begin a new branch instead", async () => {
    const { engine } = await openKept(miso());
    await edit(1);
    await editor().fill("Who is Miso?");
    await button("Send as a new branch").click();
    await settle();
    expect(engine.replies[0]!.place).toEqual({ behind: 1 });
    expect(messages()).toEqual(["My cat is called Miso.", "Who is Miso?"]);
    engine.replies[0]!.end();
    await settle();
    await button("Earlier version").click();
    await settle();
    expect(messages()).toEqual(miso().rounds.map(({ message }) => message));
  });

  test("that was not answered says why, and the one before is a version of it", async () => {
    const { engine } = await openKept(miso());
    await edit(1);
    await editor().fill("Who is Miso?");
    await button("Send as a new branch").click();
    await settle();
    engine.replies[0]!.text("Your");
    engine.replies[0]!.fail(namedError("OutOfMemoryError"));
    await settle();
    expect(messages()).toEqual(["My cat is called Miso.", "Who is Miso?"]);
    expect(shownText(find('[role="alert"]'))).toContain(
      "The GPU has no room for this.",
    );
    await button("Earlier version").click();
    await settle();
    expect(messages()).toHaveLength(3);
    await button("Later version").click();
    await settle();
    await button("Try again").click();
    await settle();
    expect(engine.replies[1]!.message).toBe("Who is Miso?");
    expect(findAll('[role="alert"]')).toEqual([]);
  });

  test("that another tab kept from being sent is in the box", async () => {
    const { engine } = await openKept(miso());
    await edit(1);
    await editor().fill("Who is Miso?");
    engine.busy.add("miso");
    await button("Send as a new branch").click();
    await settle();
    expect(draft()).toBe("Who is Miso?");
    expect(messages()).toHaveLength(3);
    expect(editor().elements()).toEqual([]);
  });

  test("that waits for the model is not lost with the page", async () => {
    const { chat, engine } = await openKept(miso(), { load: () => {} });
    await edit(1);
    await editor().fill("Who is Miso?");
    await button("Send as a new branch").click();
    await settle();
    expect(replies()[1]).toBe("Waiting for the model…");
    chat.remove();
    const kept = engine.kept.find(({ summary }) => summary.id === "miso")!;
    await openKept(kept, { load: () => {} });
    expect(messages()).toEqual(["My cat is called Miso.", "Who is Miso?"]);
    expect(draft()).toBe("");
  });
});

describe("An editor that is open", () => {
  test("keeps its text while another chat is shown", async () => {
    const { chat } = await openKept(miso(), {
      chats: [keptChat("bread", [["Teach me to bake.", "Flour."]])],
    });
    await edit(1);
    await editor().fill("Who is Miso?");
    chat.chatId = "bread";
    await settle();
    expect(editor().elements()).toEqual([]);
    chat.chatId = "miso";
    await settle();
    expect(edited()).toBe("Who is Miso?");
    expect(focused()).not.toBe(editor().element());
  });

  test("gives its text to the box when the page is loaded again", async () => {
    const { chat } = await openKept(miso());
    await edit(1);
    await editor().fill("Who is Miso?");
    await box().fill("And you?");
    chat.remove();
    await openKept(miso());
    expect(draft()).toBe("Who is Miso?\n\nAnd you?");
  });

  test("is there again with the version that it belongs to", async () => {
    const { engine } = await openKept(miso());
    await edit(2);
    await editor().fill("Are you very sure?");
    await button("Regenerate").first().click();
    await settle();
    engine.replies[0]!.end();
    await settle();
    expect(editor().elements()).toEqual([]);
    await button("Earlier version").click();
    await settle();
    expect(edited()).toBe("Are you very sure?");
  });

  test("waits while a reply is coming", async () => {
    const { engine } = await openKept(miso());
    await edit(1);
    await say("And now?");
    expect(isDisabled(button("Send as a new branch"))).toBe(true);
    editor().element().focus();
    await userEvent.keyboard("{Control>}{Enter}{/Control}");
    await settle();
    expect(engine.replies).toHaveLength(1);
    expect(editor().elements()).toHaveLength(1);
  });
});
