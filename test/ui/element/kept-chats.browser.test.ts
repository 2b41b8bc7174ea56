import { describe, expect, test } from "vitest";
import { page, userEvent } from "vitest/browser";
import { namedError } from "../../support/fake-calls";
import { storeError, type FakeScript } from "../../support/fake-engine";
import { keptChat, keptRound } from "../../support/kept-chat";
import {
  box,
  button,
  draft,
  find,
  findAll,
  messages,
  mountChat,
  readyAtOnce,
  replies,
  say,
  settle,
  shownText,
} from "../mount";

const miso = () =>
  keptChat("miso", [
    ["My cat is called Miso.", "A lovely name."],
    ["What is my cat called?", "**Miso**."],
  ]);
const bread = () =>
  keptChat("bread", [["Teach me to bake.", "Flour."]], { daysAgo: 3 });

/** Two chats kept, a model that loads at once, and restores that wait for the test. */
const kept = (script: FakeScript = {}): FakeScript => ({
  load: (load) => load.finish(),
  chats: [bread(), miso()],
  ...script,
});
const quick = () => kept({ restore: (restore) => restore.finish() });

const listed = () => findAll('[part="chat"]').map(shownText);
const banners = () => findAll(".warning p").map(shownText);
const headings = () =>
  findAll("h2", find("rondo-chat-list").shadowRoot!).map(shownText);

async function open(title: string): Promise<void> {
  await button(title).first().click();
  await settle();
}

describe("Chats that were kept", () => {
  test("are listed before there is a model, the one changed last first", async () => {
    const { chat } = await mountChat({ chats: [bread(), miso()] });
    expect(chat.state).toBe("loading");
    expect(listed()).toEqual(["My cat is called Miso.", "Teach me to bake."]);
    expect(headings()).toEqual(["Today", "Earlier"]);
    expect(messages()).toEqual([]);
  });

  test("need no headings where all are of today", async () => {
    await mountChat({ chats: [miso()] });
    expect(headings()).toEqual([]);
  });

  test("show their text at once when they are chosen, without a model", async () => {
    const { engine } = await mountChat({ chats: [bread(), miso()] });
    await open("My cat is called Miso.");
    expect(messages()).toEqual([
      "My cat is called Miso.",
      "What is my cat called?",
    ]);
    expect(replies()[0]).toMatch(/^A lovely name\./);
    expect(replies()[1]).toMatch(/^Miso\./);
    expect(engine.restores).toEqual([]);
  });

  test("are listed anew when the engine says so, as by another tab", async () => {
    const { engine } = await mountChat(quick());
    engine.kept = [keptChat("tab", [["Hello!", "Hi."]]), miso()];
    engine.emit({ type: "chats-changed" });
    await settle();
    expect(listed()).toContain("Hello!");
    expect(listed()).not.toContain("Teach me to bake.");
  });

  test("one that was deleted in another tab makes room, and leaves its draft", async () => {
    const { engine } = await mountChat(quick());
    await open("Teach me to bake.");
    await box().fill("And rye?");
    engine.kept = [miso()];
    engine.emit({ type: "chats-changed" });
    await settle();
    expect(messages()).toEqual([]);
    expect(draft()).toBe("And rye?");
  });

  test("one that was deleted in another tab goes when the reply that is coming has ended", async () => {
    const { engine, chat } = await mountChat(quick());
    await open("Teach me to bake.");
    await say("And rye?");
    await box().fill("And oats?");
    engine.kept = [miso()];
    engine.emit({ type: "chats-changed" });
    await settle();
    const reply = engine.replies[0]!;
    reply.text("Slowly.");
    await settle();
    // What is being said is not taken away from who reads it.
    expect(replies()[1]).toMatch(/^Slowly\./);
    expect(listed()).toContain("Teach me to bake.");
    reply.end();
    await settle();
    expect(listed()).toEqual(["My cat is called Miso."]);
    expect(messages()).toEqual([]);
    expect(draft()).toBe("And oats?");
    expect(chat.chatId).toBeUndefined();
  });

  test("one that was deleted in another tab goes when its reply fails, and leaves the message", async () => {
    const { engine } = await mountChat(quick());
    await open("Teach me to bake.");
    await say("And rye?");
    engine.kept = [miso()];
    engine.emit({ type: "chats-changed" });
    await settle();
    engine.replies[0]!.fail(namedError("RangeError"));
    await settle();
    expect(listed()).toEqual(["My cat is called Miso."]);
    expect(messages()).toEqual([]);
    expect(draft()).toBe("And rye?");
  });

  test("go on in the same chat, and what is new comes first in the list", async () => {
    const { engine } = await mountChat(quick());
    await open("Teach me to bake.");
    await say("And rye?");
    expect(engine.replies[0]?.chatId).toBe("bread");
    engine.replies[0]!.text("Slowly.");
    engine.replies[0]!.end();
    await settle();
    expect(listed()[0]).toBe("Teach me to bake.");
    expect(messages()).toEqual(["Teach me to bake.", "And rye?"]);
  });

  test("say where a reply was cut off, and go on from there", async () => {
    const cut = miso();
    Object.assign(cut.rounds[1]!, { reply: "Mi", isFinished: false });
    const { engine } = await mountChat({ ...quick(), chats: [cut] });
    await open("My cat is called Miso.");
    expect(replies()[1]).toMatch(/^Mi ?This reply was cut off\./);
    await say("Go on.");
    expect(engine.replies[0]?.message).toBe("Go on.");
  });

  test("one that cannot be read says so, and can be asked for again", async () => {
    const { engine } = await mountChat(quick());
    engine.storeError = storeError("failed", "Could not read a chat.");
    await open("Teach me to bake.");
    const alert = shownText(find('[role="alert"]'));
    expect(alert).toContain("Could not read a chat.");
    engine.storeError = undefined;
    await button("Try again").click();
    await settle();
    expect(messages()).toEqual(["Teach me to bake."]);
  });
});

describe("Restoring a chat", () => {
  test("begins when the model is there, and says how far it is", async () => {
    const { engine } = await mountChat(kept({ load: () => {} }));
    await open("My cat is called Miso.");
    expect(engine.restores).toEqual([]);
    engine.loads[0]!.finish();
    await settle();
    expect(engine.restores.map(({ chatId }) => chatId)).toEqual(["miso"]);
    engine.restores[0]!.progress(1240, 1840);
    await settle();
    const status = () => findAll("rondo-restore-progress").map(shownText);
    expect(status()).toEqual(["Restoring 1,240 of 1,840 tokens…"]);
    engine.restores[0]!.finish();
    await settle();
    expect(status()).toEqual([]);
  });

  test("lets a message wait behind it", async () => {
    const { engine } = await mountChat(kept());
    await open("My cat is called Miso.");
    await say("Are you sure?");
    expect(replies().at(-1)).toBe("Waiting for the chat to load…");
    expect(engine.replies).toHaveLength(0);
    engine.restores[0]!.finish();
    await settle();
    expect(engine.replies[0]?.message).toBe("Are you sure?");
  });

  test("ends when another chat is chosen, which is brought back instead", async () => {
    const { engine } = await mountChat(kept());
    await open("My cat is called Miso.");
    await open("Teach me to bake.");
    expect(engine.restores.map(({ chatId }) => chatId)).toEqual([
      "miso",
      "bread",
    ]);
    expect(engine.restores.map(({ signal }) => signal!.aborted)).toEqual([
      true,
      false,
    ]);
  });

  test("that fails leaves it to the next turn, which says what is wrong", async () => {
    const { engine } = await mountChat(
      kept({ restore: (one) => one.fail(namedError("OutOfMemoryError")) }),
    );
    await open("My cat is called Miso.");
    expect(findAll('[role="alert"]')).toEqual([]);
    await say("Are you sure?");
    expect(engine.replies).toHaveLength(1);
  });
});

describe("A chat is left to other tabs", () => {
  test("when another one is shown", async () => {
    const { engine } = await mountChat(quick());
    await open("My cat is called Miso.");
    await open("Teach me to bake.");
    expect(engine.visits).toEqual(["open miso", "leave miso", "open bread"]);
  });

  test("but not before its reply is over", async () => {
    const { engine } = await mountChat(quick());
    await open("My cat is called Miso.");
    await say("Are you sure?");
    await open("Teach me to bake.");
    expect(engine.visits).not.toContain("leave miso");
    engine.replies[0]!.end();
    await settle();
    expect(engine.visits.at(-1)).toBe("leave miso");
  });
});

describe("An engine that is busy", () => {
  test("with a leaving holds up no other chat, and a message in the one that is left waits", async () => {
    const { engine } = await mountChat(quick());
    const leaving: (() => void)[] = [];
    engine.leaveChat = (chatId) =>
      new Promise((resolve) => {
        leaving.push(() => {
          engine.visits.push(`leave ${chatId}`);
          resolve();
        });
      });
    await open("My cat is called Miso.");
    await open("Teach me to bake.");
    expect(messages()).toEqual(["Teach me to bake."]);
    await open("My cat is called Miso.");
    await say("Are you sure?");
    expect(engine.replies).toEqual([]);
    leaving[0]!();
    await settle();
    expect(engine.visits.slice(-2)).toEqual(["leave miso", "open miso"]);
    expect(engine.replies[0]?.message).toBe("Are you sure?");
  });
});

describe("A chat that another tab writes", () => {
  const SENTENCE =
    "This chat is open in another tab. Close it there to continue here.";

  test("can be read, and is handed over when that tab leaves it", async () => {
    const { engine } = await mountChat({ ...quick(), busy: ["miso"] });
    await open("My cat is called Miso.");
    expect(messages()).toHaveLength(2);
    await expect.element(page.getByText(SENTENCE)).toBeVisible();
    expect(box().elements()).toHaveLength(0);
    expect(engine.restores).toEqual([]);
    engine.busy.clear();
    engine.kept
      .find(({ summary }) => summary.id === "miso")!
      .rounds.push(keptRound(3, "New!", "Yes."));
    engine.emit({ type: "chat-writable", chatId: "miso" });
    await settle();
    expect(messages().at(-1)).toBe("New!");
    expect(page.getByText(SENTENCE).elements()).toHaveLength(0);
    expect(engine.restores).toHaveLength(1);
    await say("Hello again.");
    expect(engine.replies[0]?.message).toBe("Hello again.");
  });

  test("grows here as it grows there", async () => {
    const { engine } = await mountChat({ ...quick(), busy: ["miso"] });
    await open("My cat is called Miso.");
    engine.kept
      .find(({ summary }) => summary.id === "miso")!
      .rounds.push(keptRound(3, "New!", "Y", { isFinished: false }));
    engine.emit({ type: "chats-changed" });
    await settle();
    expect(messages().at(-1)).toBe("New!");
  });

  test("does not say of a reply that still comes there that it was cut off", async () => {
    const chat = miso();
    Object.assign(chat.rounds[1]!, { reply: "Mi", isFinished: false });
    await mountChat({ ...quick(), chats: [chat], busy: ["miso"] });
    await open("My cat is called Miso.");
    expect(replies()[1]).not.toContain("cut off");
  });

  test("gives back a message that came too late", async () => {
    const { engine } = await mountChat(quick());
    await open("My cat is called Miso.");
    engine.busy.add("miso");
    await say("Are you sure?");
    await expect.element(page.getByText(SENTENCE)).toBeVisible();
    expect(messages()).toHaveLength(2);
    // In sight, and not to be sent.
    expect(draft()).toBe("Are you sure?");
    await box().click();
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(engine.replies).toEqual([]);
    engine.busy.clear();
    engine.emit({ type: "chat-writable", chatId: "miso" });
    await settle();
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(engine.replies.at(-1)?.message).toBe("Are you sure?");
    expect(messages()).toHaveLength(3);
  });
});

describe("A chat that is damaged on the disk", () => {
  test("is shown as far as it can be read, and says once that this is not all", async () => {
    const chats = [{ ...miso(), damagedRounds: 2 }, bread()];
    const { engine } = await mountChat({ ...quick(), chats });
    await open("My cat is called Miso.");
    const told = [expect.stringMatching(/^2 messages .* could not be read/)];
    expect(banners()).toEqual(told);
    expect(messages()).toHaveLength(2);
    await button("Dismiss").click();
    engine.emit({ type: "chat-writable", chatId: "miso" });
    await settle();
    expect(banners()).toEqual([]);
  });

  test("says nothing where all of it could be read", async () => {
    await mountChat(quick());
    await open("My cat is called Miso.");
    expect(banners()).toEqual([]);
  });
});

describe("Trouble with the store", () => {
  const trouble = { type: "store-trouble", reason: "quota" } as const;

  test("is told politely, once for each reason, and can be put aside", async () => {
    const { engine } = await mountChat(quick());
    engine.emit({ ...trouble, message: "No room is left." });
    await settle();
    expect(banners()).toEqual(["No room is left."]);
    expect(
      find("rondo-banner", '[role="status"]').contains(find(".warning")),
    ).toBe(true);
    engine.emit({ ...trouble, message: "No room is left, still." });
    await settle();
    expect(banners()).toEqual(["No room is left."]);
    await button("Dismiss").click();
    engine.emit({ ...trouble, message: "No room is left, still." });
    await settle();
    expect(banners()).toEqual([]);
    engine.emit({ ...trouble, reason: "failed", message: "Disk error." });
    await settle();
    expect(banners()).toEqual(["Disk error."]);
  });

  test("without a store the page works as it did, and says that nothing is kept", async () => {
    const error = storeError("unavailable", "Allow site data.");
    const { engine } = await mountChat({ ...readyAtOnce, storeError: error });
    expect(banners()).toEqual(["Chats are not saved. Allow site data."]);
    const foot = () => shownText(find("rondo-side-panel", "footer"));
    expect(foot()).toContain("Chats are lost when the page is reloaded.");
    for (const text of ["one", "two"]) {
      await say(text);
      engine.replies.at(-1)!.text("Well.");
      engine.replies.at(-1)!.end();
      await settle();
    }
    expect(listed()).toEqual(["one"]);
    find("rondo-side-panel", ".new").click();
    await settle();
    await open("one");
    expect(messages()).toEqual(["one", "two"]);
    await say("three");
    expect(engine.replies[2]!.chatId).toBe(engine.replies[0]!.chatId);
  });

  test("in an engine that lists none, the chats of the page go on all the same", async () => {
    const { engine } = await mountChat(readyAtOnce);
    Object.assign(engine, { listChats: () => Promise.resolve([]) });
    const message = "This page may not store data. No chat is saved.";
    engine.emit({ type: "store-trouble", reason: "unavailable", message });
    for (const text of ["one", "two"]) {
      await say(text);
      engine.replies.at(-1)!.end();
      find("rondo-side-panel", ".new").click();
      await settle();
    }
    engine.emit({ type: "chats-changed" });
    await open("one");
    engine.emit({ type: "chats-changed" });
    await settle();
    expect(messages()).toEqual(["one"]);
    expect(new Set(listed())).toEqual(new Set(["one", "two"]));
    // Left to other tabs, it would be nobody's.
    expect(engine.visits.join()).not.toContain("leave");
    const foot = shownText(find("rondo-side-panel", "footer"));
    expect(foot).toContain("Chats are lost when the page is reloaded.");
  });

  test("is over when chats can be listed again", async () => {
    const { engine } = await mountChat({
      ...readyAtOnce,
      storeError: storeError("blocked", "Another tab is in the way."),
    });
    engine.storeError = undefined;
    engine.emit({ type: "chats-changed" });
    await settle();
    expect(banners()).toEqual([]);
    const foot = shownText(find("rondo-side-panel", "footer"));
    expect(foot).toContain("Chats are saved in this browser.");
  });
});
