// Documents: how they come into a chat, how they stand in it, and how they leave it.
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { page, userEvent } from "vitest/browser";
import { namedError } from "../../support/fake-calls";
import { type FakeEngine } from "../../support/fake-engine";
import { keptChat, keptDocument } from "../../support/kept-chat";
import {
  announced,
  box,
  button,
  draft,
  find,
  findAll,
  isDisabled,
  messages,
  mountChat,
  openKept,
  readyAtOnce,
  replies,
  say,
  settle,
  shownText,
} from "../mount";
import { ATTACKS } from "../markdown/attacks";

const file = (name: string, text = "Bread needs flour.", type = "") =>
  new File([text], name, { type });

const cards = () => findAll('[part="document"]').map(shownText);
const progress = () => findAll("rondo-attach-progress").map(shownText);
const banners = () => findAll(".warning p").map(shownText);

function transfer(files: readonly File[]): DataTransfer {
  const data = new DataTransfer();
  for (const one of files) data.items.add(one);
  return data;
}

async function choose(...files: File[]): Promise<void> {
  const input = find("rondo-composer", "input") as HTMLInputElement;
  input.files = transfer(files).files;
  input.dispatchEvent(new Event("change"));
  await settle();
}

/** The attaching at this place, once the file has been read. */
async function attaching(engine: FakeEngine, at = 0) {
  await vi.waitFor(() => expect(engine.attachings.length).toBeGreaterThan(at));
  await settle();
  return engine.attachings[at]!;
}

async function attach(engine: FakeEngine, one: File): Promise<void> {
  const at = engine.attachings.length;
  await choose(one);
  (await attaching(engine, at)).finish();
  await settle();
}

const bread = () =>
  keptChat("bread", [
    ["Teach me to bake.", "Flour."],
    ["And then?", "Water."],
  ]);

describe("Attaching a document", () => {
  test("says how far it is read, and puts its card into the chat", async () => {
    const { engine } = await openKept(bread());
    await choose(file("notes.md", "\n# Bread\n\nIt needs flour."));
    const one = await attaching(engine);
    expect(one.chatId).toBe("bread");
    expect(one.document.name).toBe("notes.md");
    expect(progress()).toEqual(["Reading notes.md… Stop"]);
    one.progress(410, 1024);
    await settle();
    expect(progress()).toEqual(["Reading notes.md… 40 % Stop"]);
    one.finish();
    await settle();
    expect(progress()).toEqual([]);
    expect(cards()[0]).toMatch(/^notes\.md 4 words # Bread Show text Detach/);
    expect(messages()).toHaveLength(2);
    expect(announced()).toBe("“notes.md” is attached.");
  });

  test("begins a new chat, which goes on with a message", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await attach(engine, file("notes.md"));
    expect(cards()).toHaveLength(1);
    expect(shownText(find("rondo-header", "h2"))).toBe("notes.md");
    await say("What does bread need?");
    expect(engine.replies[0]!.chatId).toBe(engine.attachings[0]!.chatId);
    engine.replies[0]!.end();
    await settle();
    expect(messages()).toEqual(["What does bread need?"]);
    expect(cards()).toHaveLength(1);
  });

  test("takes several files one after the other", async () => {
    const { engine } = await openKept(bread());
    await choose(file("a.md"), file("b.md"), file("c.md"));
    const first = await attaching(engine);
    expect(progress()).toEqual(["Reading a.md… 2 more Stop"]);
    first.finish();
    (await attaching(engine, 1)).finish();
    (await attaching(engine, 2)).finish();
    await settle();
    expect(cards().map((card) => card.slice(0, 4))).toEqual([
      "a.md",
      "b.md",
      "c.md",
    ]);
  });

  test("can be stopped, and the next file comes then", async () => {
    const { engine } = await openKept(bread());
    await choose(file("a.md"), file("b.md"));
    const first = await attaching(engine);
    await button("Stop reading").click();
    await settle();
    expect(first.signal!.aborted).toBe(true);
    (await attaching(engine, 1)).finish();
    await settle();
    expect(cards()).toHaveLength(1);
    expect(cards()[0]).toMatch(/^b\.md/);
    expect(banners()).toEqual([]);
  });

  test("waits for the reply that is coming, and a message waits for it", async () => {
    const { engine } = await openKept(bread());
    await say("And salt?");
    await choose(file("notes.md"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(engine.attachings).toEqual([]);
    engine.replies[0]!.end();
    const one = await attaching(engine);
    await box().fill("What does it say?");
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(engine.replies).toHaveLength(1);
    expect(draft()).toBe("What does it say?");
    expect(isDisabled(button("Regenerate").first())).toBe(true);
    one.finish();
    await settle();
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(engine.replies[1]!.message).toBe("What does it say?");
  });

  test("waits for the model", async () => {
    const { engine } = await mountChat({});
    await choose(file("notes.md"));
    expect(progress()).toHaveLength(1);
    expect(engine.attachings).toEqual([]);
    engine.loads[0]!.finish();
    (await attaching(engine)).finish();
    await settle();
    expect(cards()).toHaveLength(1);
  });

  test("goes on while another chat is shown", async () => {
    const { chat, engine } = await openKept(bread(), {
      chats: [keptChat("miso", [["Hello!", "Hi."]])],
    });
    await choose(file("notes.md"));
    const one = await attaching(engine);
    chat.chatId = "miso";
    await settle();
    expect(progress()).toEqual([]);
    one.finish();
    await settle();
    expect(cards()).toEqual([]);
    expect(engine.visits.at(-1)).toBe("leave bread");
    chat.chatId = "bread";
    await settle();
    expect(cards()).toHaveLength(1);
  });

  test("is asked for by a button that opens the browser's own box", async () => {
    await mountChat(readyAtOnce);
    const input = find("rondo-composer", "input") as HTMLInputElement;
    const opened = vi.spyOn(input, "click").mockImplementation(() => {});
    onTestFinished(() => void vi.restoreAllMocks());
    await button("Attach a document").click();
    expect(opened).toHaveBeenCalledOnce();
    expect(input.multiple).toBe(true);
  });
});

describe("A file that cannot be attached", () => {
  test("says why, and the others are attached", async () => {
    const { engine } = await openKept(bread());
    await choose(file("empty.md", ""), file("notes.md"));
    (await attaching(engine)).finish();
    await settle();
    expect(banners()).toEqual(["“empty.md” is empty. Choose another file."]);
    expect(cards()).toHaveLength(1);
  });

  test("because it is too long says so, and leaves the chat as it was", async () => {
    const { engine } = await openKept(bread());
    await choose(file("notes.md"));
    const message = "notes.md has 9,000 tokens. Attach a part of it.";
    (await attaching(engine)).fail(namedError("ContextFullError", message));
    await settle();
    expect(banners()).toEqual([message]);
    expect(cards()).toEqual([]);
    await say("And salt?");
    expect(engine.replies).toHaveLength(1);
  });

  test("for another reason says which, and what helps", async () => {
    const { engine } = await openKept(bread());
    await choose(file("notes.md"));
    const error = namedError("OutOfMemoryError", "No page is free.");
    (await attaching(engine)).fail(error);
    await settle();
    expect(banners()[0]).toMatch(
      /^“notes\.md” was not attached\. The GPU has no room for this: No page is free\./,
    );
  });
});

describe("Files that are dropped or pasted", () => {
  const over = (type: string, files: File[]) => {
    const event = new DragEvent(type, {
      dataTransfer: transfer(files),
      bubbles: true,
      cancelable: true,
      composed: true,
    });
    find("rondo-transcript").dispatchEvent(event);
    return event;
  };

  test("on the page are attached", async () => {
    const { engine } = await openKept(bread());
    const files = [file("notes.md")];
    expect(over("dragover", files).defaultPrevented).toBe(true);
    await settle();
    await expect
      .element(page.getByText("Drop it here to attach it"))
      .toBeVisible();
    over("drop", files);
    await settle();
    expect(findAll(".drop")).toEqual([]);
    expect((await attaching(engine)).document.name).toBe("notes.md");
  });

  test("beside it leave no trace", async () => {
    await openKept(bread());
    over("dragover", [file("notes.md")]);
    await settle();
    await vi.waitFor(() => expect(findAll(".drop")).toEqual([]));
  });

  test("on a chat that another tab writes do nothing, and the page stays", async () => {
    const { engine } = await openKept(bread(), { busy: ["bread"] });
    over("dragover", [file("notes.md")]);
    await settle();
    expect(findAll(".drop")).toEqual([]);
    expect(over("drop", [file("notes.md")]).defaultPrevented).toBe(true);
    await settle();
    expect(engine.attachings).toEqual([]);
    expect(progress()).toEqual([]);
  });

  const paste = (files: File[]) => {
    const init = { bubbles: true, cancelable: true, composed: true };
    const clipboardData = transfer(files);
    const event = new ClipboardEvent("paste", { ...init, clipboardData });
    box().element().dispatchEvent(event);
    return event.defaultPrevented;
  };

  test("into the box are attached", async () => {
    const { engine } = await openKept(bread());
    expect(paste([])).toBe(false);
    expect(paste([file("notes.md")])).toBe(true);
    expect((await attaching(engine)).document.name).toBe("notes.md");
  });
});

describe("A document in a chat", () => {
  const withDocument = (text: string, name = "notes.md") => {
    const chat = bread();
    chat.rounds.splice(1, 0, keptDocument(3, { name, text }));
    return chat;
  };

  test("shows its text if one asks for it, and hides it again", async () => {
    await openKept(withDocument("Bread\n\nIt needs flour."));
    expect(findAll("pre")).toEqual([]);
    await button("Show text").click();
    await settle();
    expect(find("pre").textContent).toBe("Bread\n\nIt needs flour.");
    await button("Hide text").click();
    await settle();
    expect(findAll("pre")).toEqual([]);
  });

  test("is detached as a round is deleted", async () => {
    const { engine } = await openKept(withDocument("Bread"));
    await button("Detach").click();
    await settle();
    expect(shownText(find("rondo-delete-question"))).toMatch(
      /^Detach this document\? Detach and forget Later messages are recomputed/,
    );
    await button("Detach and forget").click();
    await settle();
    expect(engine.deletions).toEqual([{ roundId: 3, isFast: false }]);
    expect(cards()).toEqual([]);
    expect(announced()).toBe("Detached.");
    expect(engine.restores).toHaveLength(2);
  });

  test("can be moved", async () => {
    const { engine } = await openKept(withDocument("Bread"));
    await button("Options for this document").click();
    await settle();
    await button("Move up").last().click();
    await settle();
    expect(engine.kept[0]!.rounds.map((one) => one.document)).toEqual([
      "notes.md",
      undefined,
      undefined,
    ]);
    expect(announced()).toBe("Moved up.");
  });

  test("is what a message behind it follows", async () => {
    const { engine } = await openKept(withDocument("Bread"));
    await button("Regenerate").last().click();
    await settle();
    expect(engine.replies[0]!.place).toEqual({ behind: 3 });
  });

  test("can only be read in a chat that another tab writes", async () => {
    await openKept(withDocument("Bread"), { busy: ["bread"] });
    expect(cards()).toEqual(["notes.md 1 word Bread Show text"]);
  });

  test.for([
    ["one two  three", "3 words"],
    ["猫は眠る。", /^[2-5] words/],
    ["", "0 words"],
    ["- * -", "0 words"],
  ] as const)("of %j has %s", async ([text, words]) => {
    await openKept(withDocument(text));
    expect(cards()[0]!.replace("notes.md ", "")).toMatch(words);
  });

  test("with a name that turns text around has it shown as it is stored", async () => {
    await openKept(withDocument("x", "evil\u202Efdp.exe\u0007"));
    expect(cards()[0]).toMatch(/^evilfdp\.exe 1 word/);
  });

  test("is never more than text, whatever stands in it", async () => {
    let runs = 0;
    Object.assign(globalThis, { pwned: () => runs++ });
    const chat = bread();
    for (const [i, attack] of ATTACKS.entries()) {
      const document = { name: attack.slice(0, 60), text: attack };
      chat.rounds.push(keptDocument(i + 3, document));
    }
    await openKept(chat);
    // So that all are drawn, and not only those on the screen.
    dispatchEvent(new Event("beforeprint"));
    await settle();
    for (const card of findAll("rondo-document"))
      findAll("button", card.shadowRoot!)[0]!.click();
    await settle();
    const shown = findAll("pre");
    expect(shown.map(({ textContent }) => textContent)).toEqual(ATTACKS);
    for (const element of shown) expect(element.children).toHaveLength(0);
    const inside = findAll("rondo-document").flatMap((card) =>
      findAll("*", card.shadowRoot!).map(({ localName }) => localName),
    );
    expect(new Set(inside)).not.toContain("img");
    expect(new Set(inside)).not.toContain("script");
    expect(runs).toBe(0);
    expect(replies()).toHaveLength(2);
  });
});
