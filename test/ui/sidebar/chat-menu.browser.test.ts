import { afterEach, describe, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import { chatFileName } from "../../../src/ui/base/download";
import { storeError } from "../../support/fake-engine";
import { keptChat } from "../../support/kept-chat";
import {
  button,
  choose,
  find,
  findAll,
  focused,
  messages,
  mountChat,
  readyAtOnce,
  say,
  settle,
  shownText,
} from "../mount";

afterEach(() => vi.restoreAllMocks());

const listed = () => findAll('[part="chat"]').map(shownText);
const banners = () => findAll(".warning p").map(shownText);
const isOpen = () => findAll(".items:popover-open").length > 0;

const script = () => ({
  ...readyAtOnce,
  chats: [
    keptChat("miso", [["My cat is called Miso.", "A lovely name."]]),
    keptChat("bread", [["Teach me to bake.", "Flour."]], { daysAgo: 3 }),
  ],
});

describe("The menu of a chat", () => {
  test("opens by the keyboard, moves by the arrows, and gives the focus back", async () => {
    await mountChat(script());
    button("Options for “Teach me to bake.”").element().focus();
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(isOpen()).toBe(true);
    expect(shownText(focused()!)).toBe("Rename");
    await userEvent.keyboard("{ArrowDown}{ArrowDown}");
    expect(shownText(focused()!)).toBe("Save as Markdown");
    await userEvent.keyboard("{ArrowDown}{ArrowDown}");
    expect(shownText(focused()!)).toBe("Delete");
    await userEvent.keyboard("{ArrowDown}");
    expect(shownText(focused()!)).toBe("Rename");
    await userEvent.keyboard("{Escape}");
    await settle();
    expect(isOpen()).toBe(false);
    expect(focused()).toBe(button("Options for “Teach me to bake.”").element());
  });

  test("closes alone on Escape: the reply goes on, and the drawer stays", async () => {
    const { engine } = await mountChat(script(), 360);
    await say("Hello!");
    await button("Chats").click();
    await settle();
    await button("Options for “Hello!”").click();
    await settle();
    await userEvent.keyboard("{Escape}");
    await settle();
    expect(isOpen()).toBe(false);
    expect(find("rondo-side-panel").inert).toBe(false);
    expect(engine.replies[0]!.signal!.aborted).toBe(false);
  });

  test("lies within a narrow screen", async () => {
    await mountChat(script(), 360);
    await button("Chats").click();
    await settle();
    await button("Options for “Teach me to bake.”").click();
    await settle();
    const { left, right, bottom } = find(
      ".items:popover-open",
    ).getBoundingClientRect();
    expect(left).toBeGreaterThanOrEqual(0);
    expect(right).toBeLessThanOrEqual(360);
    expect(bottom).toBeLessThanOrEqual(700);
  });

  test("of a chat that waits for its first turn is that of a kept one", async () => {
    await mountChat();
    await say("Hello!");
    await button("Options for “Hello!”").click({ force: true });
    await settle();
    expect(
      findAll(".items:popover-open")
        .flatMap((menu) => findAll("button", menu))
        .map(shownText),
    ).toEqual([
      "Rename",
      "Copy chat",
      "Save as Markdown",
      "Export with memory",
      "Delete",
    ]);
  });
});

describe("Renaming a chat", () => {
  test("is done in place, and Enter is enough", async () => {
    const { engine } = await mountChat(script());
    await choose("Teach me to bake.", "Rename");
    expect(focused()?.getAttribute("aria-label")).toBe("Name of the chat");
    await userEvent.keyboard("Bread{Enter}");
    await settle();
    expect(listed()).toEqual(["Bread", "My cat is called Miso."]);
    expect(engine.kept.map(({ summary }) => summary.title)).toContain("Bread");
    expect(shownText(focused()!)).toBe("Bread");
  });

  test("shows in the header too", async () => {
    await mountChat(script());
    await button("My cat is called Miso.").first().click();
    await settle();
    await choose("My cat is called Miso.", "Rename");
    await userEvent.keyboard("Miso{Enter}");
    await settle();
    expect(shownText(find(".bar .title"))).toBe("Miso");
  });

  test("begins by F2 too; Escape, or no name, leaves it as it was", async () => {
    const { engine } = await mountChat(script());
    for (const keys of ["Bread{Escape}", "{Delete}{Enter}", " {Enter}"]) {
      button("Teach me to bake.").first().element().focus();
      await userEvent.keyboard("{F2}");
      await settle();
      await userEvent.keyboard(keys);
      await settle();
      expect(listed()).toContain("Teach me to bake.");
    }
    expect(engine.kept[1]!.summary.title).toBe("Teach me to bake.");
  });

  test("takes what was typed when the box is left", async () => {
    await mountChat(script());
    await choose("Teach me to bake.", "Rename");
    await userEvent.keyboard("Bread");
    await button("New chat").first().click();
    await settle();
    expect(listed()).toContain("Bread");
  });

  test("that fails says so, and the old name is back", async () => {
    const { engine } = await mountChat(script());
    const renameChat = () =>
      Promise.reject(storeError("quota", "Could not rename a chat."));
    Object.assign(engine, { renameChat });
    await choose("Teach me to bake.", "Rename");
    await userEvent.keyboard("Bread{Enter}");
    await settle();
    expect(banners()).toEqual(["Could not rename a chat."]);
    expect(listed()).toContain("Teach me to bake.");
  });

  test("takes markup for the text it is", async () => {
    await mountChat(script());
    await choose("Teach me to bake.", "Rename");
    await userEvent.keyboard("<img src=x onerror=alert(1)>{Enter}");
    await settle();
    expect(listed()).toContain("<img src=x onerror=alert(1)>");
    expect(findAll("img")).toEqual([]);
  });
});

describe("Deleting a kept chat", () => {
  test("works while there is no model", async () => {
    const { engine } = await mountChat({ chats: script().chats });
    await choose("Teach me to bake.", "Delete");
    await button("Delete", true).click();
    await settle();
    expect(engine.deletedChats).toEqual(["bread"]);
    expect(listed()).toEqual(["My cat is called Miso."]);
  });

  test("that fails says so, and the chat is back", async () => {
    const { engine } = await mountChat(script());
    const deleteChat = () =>
      Promise.reject(storeError("failed", "Could not delete a chat."));
    Object.assign(engine, { deleteChat });
    await choose("Teach me to bake.", "Delete");
    await button("Delete", true).click();
    await settle();
    expect(banners()).toEqual(["Could not delete a chat."]);
    expect(listed()).toContain("Teach me to bake.");
  });
});

describe("Exporting a chat", () => {
  test.for([
    {
      item: "Export with memory",
      options: { withKv: true },
      name: "Teach me to bake.rondo",
    },
    {
      item: "Save as Markdown",
      options: { format: "markdown" },
      name: "Teach me to bake.md",
    },
  ])("$item: $name is downloaded", async ({ item, options, name }) => {
    const { engine } = await mountChat(script());
    const files: (Blob | MediaSource)[] = [];
    vi.spyOn(URL, "createObjectURL").mockImplementation((file) => {
      files.push(file);
      return "blob:fake";
    });
    const names: string[] = [];
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (
      this: HTMLAnchorElement,
    ) {
      names.push(this.download);
    });
    const exportChat = vi.spyOn(engine, "exportChat");
    await choose("Teach me to bake.", item);
    expect(exportChat).toHaveBeenCalledWith("bread", options);
    expect(files).toEqual(engine.files);
    expect(names).toEqual([name]);
  });

  test("copies it as Markdown, and says so for a while", async () => {
    const { engine } = await mountChat(script());
    const copied: string[] = [];
    vi.spyOn(navigator.clipboard, "write").mockImplementation(
      async ([item]) => {
        copied.push(await (await item!.getType("text/plain")).text());
      },
    );
    const exportChat = vi.spyOn(engine, "exportChat");
    await choose("Teach me to bake.", "Copy chat");
    await settle();
    expect(exportChat).toHaveBeenCalledWith("bread", { format: "markdown" });
    expect(copied).toEqual([await engine.files[0]!.text()]);
    expect(findAll(".copied").map(shownText)).toEqual(["Copied"]);
    await expect
      .poll(() => findAll(".copied").length, { timeout: 5000 })
      .toBe(0);
  });

  test("says what to do where the browser refuses to copy, and why where the chat could not be read", async () => {
    const { engine } = await mountChat(script());
    vi.spyOn(navigator.clipboard, "write").mockRejectedValue(
      new DOMException("no", "NotAllowedError"),
    );
    await choose("Teach me to bake.", "Copy chat");
    await settle();
    expect(banners()).toEqual([
      "The browser does not allow copying here. Save the chat as a file instead.",
    ]);
    vi.spyOn(engine, "exportChat").mockRejectedValue(
      storeError("failed", "The disk is broken."),
    );
    await choose("Teach me to bake.", "Copy chat");
    await settle();
    expect(banners()).toEqual(["The disk is broken."]);
    expect(findAll(".copied")).toEqual([]);
  });

  test.for([
    ["Bread", "Bread.rondo"],
    ["a/b\\c: d?", "a b c d.rondo"],
    ["../../etc", "etc.rondo"],
    ["one\ntwo", "one two.rondo"],
    ["evil\u202Eexe.odnor", "evil exe.odnor.rondo"],
    ["", "chat.rondo"],
    [" . ", "chat.rondo"],
    ["🐈".repeat(100), `${"🐈".repeat(80)}.rondo`],
  ])("of the title %j is called %j", ([title, name]) => {
    expect(chatFileName(title!)).toBe(name);
  });
});

describe("Importing a chat", () => {
  async function choseFile(content: string): Promise<void> {
    const input = find("rondo-side-panel", "input") as HTMLInputElement;
    const files = new DataTransfer();
    files.items.add(new File([content], "chat.rondo"));
    input.files = files.files;
    input.dispatchEvent(new Event("change"));
    await settle();
  }

  test("adds it to the list and shows it", async () => {
    const { engine } = await mountChat(script());
    await choseFile("Old days");
    expect(engine.files).toHaveLength(1);
    expect(listed()).toContain("Old days");
    expect(messages()).toEqual(["From a file."]);
  });

  test("is asked for by a button that opens the browser's own box", async () => {
    await mountChat(script());
    const input = find("rondo-side-panel", "input") as HTMLInputElement;
    const opened = vi.spyOn(input, "click").mockImplementation(() => {});
    await button("Import a chat").click();
    expect(opened).toHaveBeenCalledOnce();
  });

  test("of a file that holds none says so", async () => {
    await mountChat(script());
    await choseFile("");
    expect(banners()).toEqual(["The file is empty."]);
    expect(listed()).toHaveLength(2);
  });
});
