// Rounds that are deleted, and rounds that are moved.
import { describe, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { storeError } from "../../support/fake-engine";
import { keptChat } from "../../support/kept-chat";
import {
  announced,
  button,
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
    ["My locker code is 4821.", "I will remember."],
    ["What is my cat called?", "Miso."],
  ]);

const menu = (at: number) => button("Options for this round").nth(at);
const items = () =>
  findAll(".items:popover-open")
    .flatMap((popup) => findAll("button", popup))
    .map(shownText);
const question = () => findAll("rondo-delete-question");

async function choose(at: number, item: string): Promise<void> {
  await menu(at).click();
  await settle();
  await button(item).click();
  await settle();
}

describe("Deleting a round", () => {
  test("asks in its place, and Escape or Keep leaves it there", async () => {
    const { engine } = await openKept(miso());
    await choose(1, "Delete…");
    expect(shownText(question()[0]!)).toBe(
      "Delete this message and its reply? " +
        "Delete and forget Later messages are recomputed without it. " +
        "Delete quickly Later answers may still remember it. Keep",
    );
    expect(shownText(focused()!)).toBe("Keep");
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(question()).toEqual([]);
    expect(focused()).toBe(menu(1).element());
    await choose(1, "Delete…");
    await userEvent.keyboard("{Escape}");
    await settle();
    expect(question()).toEqual([]);
    expect(engine.deletions).toEqual([]);
  });

  test("forgets it, and reads again what was said later", async () => {
    const { engine } = await openKept(miso(), { restore: () => {} });
    engine.restores[0]!.finish();
    await settle();
    await choose(1, "Delete…");
    await button("Delete and forget").click();
    await settle();
    expect(engine.deletions).toEqual([{ roundId: 2, isFast: false }]);
    expect(messages()).toEqual([
      "My cat is called Miso.",
      "What is my cat called?",
    ]);
    expect(announced()).toBe("Deleted.");
    expect(engine.restores).toHaveLength(2);
    engine.restores[1]!.progress(120, 640);
    await settle();
    expect(findAll("rondo-restore-progress").map(shownText)).toEqual([
      "Restoring 120 of 640 tokens…",
    ]);
  });

  test("can be done quickly instead", async () => {
    const { engine } = await openKept(miso());
    await choose(0, "Delete…");
    await button("Delete quickly").click();
    await settle();
    expect(engine.deletions).toEqual([{ roundId: 1, isFast: true }]);
    expect(messages()).toHaveLength(2);
  });

  test("of the last one has nothing to choose", async () => {
    const { engine } = await openKept(miso());
    await choose(2, "Delete…");
    expect(button("Delete quickly").elements()).toEqual([]);
    await button("Delete", true).last().click();
    await settle();
    expect(engine.deletions).toEqual([{ roundId: 3, isFast: false }]);
    expect(messages()).toHaveLength(2);
  });

  test("leaves an empty chat that goes on, where it was the only one", async () => {
    const { engine } = await openKept(keptChat("one", [["Hello!", "Hi."]]));
    await choose(0, "Delete…");
    await button("Delete", true).last().click();
    await settle();
    expect(messages()).toEqual([]);
    expect(shownText(find("rondo-transcript").querySelector("p")!)).toBe(
      "This chat is empty.",
    );
    await say("Hello again!");
    expect(engine.replies[0]!.chatId).toBe("one");
  });

  test("that fails says so, and the round is there", async () => {
    const { engine } = await openKept(miso());
    engine.deleteRound = () =>
      Promise.reject(storeError("failed", "Could not delete a round."));
    await choose(1, "Delete…");
    await button("Delete and forget").click();
    await settle();
    expect(findAll(".warning p").map(shownText)).toEqual([
      "Could not delete a round.",
    ]);
    expect(messages()).toHaveLength(3);
  });

  test("that is gone already shows what there is", async () => {
    const { engine } = await openKept(miso());
    await choose(1, "Delete…");
    await engine.deleteRound("miso", 2);
    await button("Delete and forget").click();
    await settle();
    expect(messages()).toEqual([
      "My cat is called Miso.",
      "What is my cat called?",
    ]);
  });

  test("leaves a failed message of this page where it was", async () => {
    const { engine } = await openKept(miso());
    await say("Tell me more.");
    engine.replies[0]!.fail(new Error("no"));
    await settle();
    await choose(0, "Delete…");
    await button("Delete quickly").click();
    await settle();
    expect(messages().at(-1)).toBe("Tell me more.");
    expect(messages()).toHaveLength(3);
  });

  test("waits while a reply is coming", async () => {
    await openKept(miso());
    await say("And now?");
    expect(isDisabled(menu(0))).toBe(true);
    await menu(0).click({ force: true });
    await settle();
    expect(items()).toEqual([]);
  });

  test("that was asked before a reply began can be answered after it", async () => {
    const { engine } = await openKept(miso());
    await choose(1, "Delete…");
    await say("And now?");
    expect(isDisabled(button("Delete and forget"))).toBe(true);
    engine.replies[0]!.end();
    await settle();
    expect(isDisabled(button("Delete and forget"))).toBe(false);
  });
});

describe("Moving a round", () => {
  test("is offered where there is a place for it", async () => {
    await openKept(miso());
    const offered: string[][] = [];
    for (const at of [0, 1, 2]) {
      await menu(at).click();
      await settle();
      offered.push(items());
      await userEvent.keyboard("{Escape}");
      await settle();
    }
    expect(offered).toEqual([
      ["Move down", "Delete…"],
      ["Move up", "Move down", "Delete…"],
      ["Move up", "Delete…"],
    ]);
  });

  test.for([
    ["Move up", 2, [0, 2, 1], "Moved up."],
    ["Move up", 1, [1, 0, 2], "Moved up."],
    ["Move down", 0, [1, 0, 2], "Moved down."],
  ] as const)("%s, from place %d", async ([item, at, order, done]) => {
    const { engine } = await openKept(miso());
    const said = messages();
    const words = /lovely|remember|Miso/;
    const answers = replies().map((reply) => words.exec(reply)![0]);
    await choose(at, item);
    expect(messages()).toEqual(order.map((one) => said[one]));
    order.forEach((one, i) => expect(replies()[i]).toContain(answers[one]));
    expect(announced()).toBe(done);
    expect(focused()).toBe(menu(order.indexOf(at as never)).element());
    expect(engine.kept[0]!.rounds.map(({ message }) => message)).toEqual(
      messages(),
    );
  });
});
