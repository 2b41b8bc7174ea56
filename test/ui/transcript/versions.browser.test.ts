// Replies made once more, and the versions of a round.
import { describe, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { namedError } from "../../support/fake-calls";
import { storeError } from "../../support/fake-engine";
import { keptChat } from "../../support/kept-chat";
import {
  announced,
  button,
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

const regenerate = (at: number) => button("Regenerate").nth(at);
const versions = () => findAll(".versions").map(shownText);

/** Another reply to the round at this place, to its end. */
async function answerAgain(
  { engine }: Awaited<ReturnType<typeof openKept>>,
  at: number,
  reply: string,
): Promise<void> {
  await regenerate(at).click();
  await settle();
  engine.replies.at(-1)!.text(reply);
  engine.replies.at(-1)!.end();
  await settle();
}

describe("Regenerating a reply", () => {
  test("says the same message again in the same place, and the new reply is shown", async () => {
    const mounted = await openKept(miso());
    await regenerate(2).click();
    await settle();
    const [reply] = mounted.engine.replies;
    expect(reply).toMatchObject({ message: "Are you sure?" });
    expect(reply!.place).toEqual({ behind: 2 });
    expect(messages()).toHaveLength(3);
    expect(replies()[2]).toBe("Reading…");
    reply!.text("Quite sure.");
    reply!.end();
    await settle();
    expect(replies()[2]).toMatch(/^Quite sure\./);
    expect(replies()[2]).toContain("prefilled 23");
    expect(versions()).toEqual(["2 / 2"]);
  });

  test("of the first round begins the chat anew; what was said later stays in the other version", async () => {
    const mounted = await openKept(miso());
    await answerAgain(mounted, 0, "What a name!");
    expect(mounted.engine.replies[0]!.place).toEqual({ behind: 0 });
    expect(messages()).toEqual(["My cat is called Miso."]);
    await button("Earlier version").click();
    await settle();
    expect(messages()).toHaveLength(3);
    expect(replies()[0]).toMatch(/^A lovely name\./);
  });

  test("that fails shows the reply there was, says why, and can be tried again", async () => {
    const { engine } = await openKept(miso());
    await regenerate(1).click();
    await settle();
    expect(messages()).toHaveLength(2);
    engine.replies[0]!.fail(namedError("OutOfMemoryError"));
    await settle();
    expect(messages()).toHaveLength(3);
    expect(replies()[1]).toMatch(/^Miso\..*The GPU has no room for this\./);
    await button("Try again").click();
    await settle();
    expect(engine.replies[1]!.place).toEqual({ behind: 1 });
    engine.replies[1]!.fail(namedError("OutOfMemoryError"));
    await settle();
    await button("Dismiss").click();
    await settle();
    expect(replies()[1]).not.toContain("GPU");
  });

  test("can be stopped, and what was said until then is a version", async () => {
    const { engine } = await openKept(miso());
    await regenerate(2).click();
    await settle();
    engine.replies[0]!.text("Qui");
    await settle();
    await userEvent.keyboard("{Escape}");
    await settle();
    expect(engine.replies[0]!.signal!.aborted).toBe(true);
    expect(replies()[2]).toMatch(/^Qui.*stopped/);
    expect(versions()).toEqual(["2 / 2"]);
  });

  test("that is stopped while it waits leaves all as it was", async () => {
    const { engine } = await openKept(miso(), { restore: () => {} });
    await regenerate(2).click();
    await settle();
    expect(replies()[2]).toBe("Waiting for the chat to load…");
    await button("Stop").click();
    engine.restores[0]!.finish();
    await settle();
    expect(engine.replies).toEqual([]);
    expect(replies()[2]).toMatch(/^Yes\./);
  });

  test("cannot be asked for while a reply is coming", async () => {
    const { engine } = await openKept(miso());
    await say("And now?");
    expect(isDisabled(regenerate(0))).toBe(true);
    await regenerate(0).click({ force: true });
    expect(engine.replies).toHaveLength(1);
    engine.replies[0]!.end();
    await settle();
    expect(isDisabled(regenerate(0))).toBe(false);
  });

  test("goes on behind it with the next message", async () => {
    const mounted = await openKept(miso());
    await answerAgain(mounted, 1, "I forgot.");
    await say("Really?");
    mounted.engine.replies[1]!.end();
    await settle();
    expect(messages()).toEqual([
      "My cat is called Miso.",
      "What is my cat called?",
      "Really?",
    ]);
    const [chat] = mounted.engine.kept;
    expect(chat!.rounds.map(({ id }) => id)).toEqual([1, 4, 5]);
  });
});

describe("The versions of a round", () => {
  test("are stepped through by the keyboard, with what was said behind each", async () => {
    const mounted = await openKept(miso());
    await answerAgain(mounted, 1, "I forgot.");
    expect(messages()).toHaveLength(2);
    const earlier = button("Earlier version");
    expect(isDisabled(button("Later version"))).toBe(true);
    earlier.element().focus();
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(messages()).toHaveLength(3);
    expect(versions()).toEqual(["1 / 2"]);
    expect(announced()).toBe("Version 1 of 2.");
    expect(focused()).toBe(earlier.element());
    expect(isDisabled(earlier)).toBe(true);
    await userEvent.keyboard("{Tab}{Enter}");
    await settle();
    expect(replies()[1]).toMatch(/^I forgot\./);
    expect(versions()).toEqual(["2 / 2"]);
  });

  test("keep their receipts", async () => {
    const mounted = await openKept(miso());
    await answerAgain(mounted, 2, "Quite.");
    await button("Earlier version").click();
    await settle();
    expect(replies()[2]).not.toContain("prefilled");
    await button("Later version").click();
    await settle();
    expect(replies()[2]).toContain("prefilled 23");
  });

  test("leave what did not change where it is in the page", async () => {
    const mounted = await openKept(miso());
    const [first] = findAll("rondo-markdown");
    const block = findAll(".block", first!.shadowRoot!)[0]!;
    await answerAgain(mounted, 2, "Quite.");
    await button("Earlier version").click();
    await settle();
    expect(block.isConnected).toBe(true);
  });

  test("are there again after a reload", async () => {
    const mounted = await openKept(miso());
    await answerAgain(mounted, 2, "Quite.");
    mounted.chat.chatId = undefined;
    await settle();
    mounted.chat.chatId = "miso";
    await settle();
    expect(versions()).toEqual(["2 / 2"]);
  });

  test("that cannot be shown are told of, and the one there was stays", async () => {
    const mounted = await openKept(miso());
    await answerAgain(mounted, 2, "Quite.");
    mounted.engine.showVersion = () =>
      Promise.reject(storeError("failed", "Could not read a chat."));
    await button("Earlier version").click();
    await settle();
    expect(findAll(".warning p").map(shownText)).toEqual([
      "Could not read a chat.",
    ]);
    expect(versions()).toEqual(["2 / 2"]);
    expect(isDisabled(button("Earlier version"))).toBe(false);
  });
});

describe("A chat that another tab writes", () => {
  test("offers nothing that would change it", async () => {
    await openKept(miso(), { busy: ["miso"] });
    expect(messages()).toHaveLength(3);
    for (const name of ["Regenerate", "Edit", "Options for this round"])
      expect(button(name).elements()).toEqual([]);
    expect(button("Copy reply").elements()).toHaveLength(3);
    expect(button("Instructions…").elements()).toEqual([]);
    expect(button("Attach a document").elements()).toEqual([]);
  });

  test("gives up a reply that was asked for too late", async () => {
    const { engine } = await openKept(miso());
    engine.busy.add("miso");
    await regenerate(1).click();
    await settle();
    expect(messages()).toHaveLength(3);
    expect(button("Regenerate").elements()).toEqual([]);
  });
});
