import { describe, expect, test } from "vitest";
import { cdp, userEvent } from "vitest/browser";
import {
  box,
  button,
  draft,
  focused,
  messages,
  mountChat,
  readyAtOnce,
  say,
  settle,
} from "../mount";
import { fakeModel } from "../../support/fake-calls";

/** As the browser sends it; `userEvent` cannot make an input method's keys. */
function pressEnter(init: KeyboardEventInit & { keyCode?: number }): boolean {
  const event = new KeyboardEvent("keydown", {
    key: "Enter",
    bubbles: true,
    composed: true,
    cancelable: true,
    ...init,
  });
  return box().element().dispatchEvent(event);
}

test("A model that can think is asked to, or not to, and others are not asked", async () => {
  const canThink = { ...fakeModel, canThink: true };
  const { engine } = await mountChat({ load: (load) => load.finish(canThink) });
  const toggle = button("Think before answering");
  expect(toggle.element().getAttribute("aria-pressed")).toBe("true");
  await say("How are you?");
  expect(engine.replies[0]!.thinks).toBe(true);
  engine.replies[0]!.end();
  await toggle.click();
  await settle();
  expect(toggle.element().getAttribute("aria-pressed")).toBe("false");
  await say("And now?");
  expect(engine.replies[1]!.thinks).toBe(false);

  await mountChat(readyAtOnce);
  expect(button("Think before answering").elements()).toHaveLength(1);
});

describe("The box for the message", () => {
  test("sends on Enter, is empty then, and keeps the focus", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await box().click();
    await userEvent.keyboard("My cat is called Miso.{Enter}");
    await settle();
    expect(engine.replies.map(({ message }) => message)).toEqual([
      "My cat is called Miso.",
    ]);
    expect(messages()).toEqual(["My cat is called Miso."]);
    expect(draft()).toBe("");
    expect(focused()).toBe(box().element());
  });

  test("breaks the line on Shift+Enter, and sends both lines on Enter", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await box().click();
    await userEvent.keyboard("one{Shift>}{Enter}{/Shift}two");
    expect(draft()).toBe("one\ntwo");
    expect(engine.replies).toHaveLength(0);
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(engine.replies[0]?.message).toBe("one\ntwo");
  });

  test("leaves Enter to an input method while it composes", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await box().fill("にほん");
    expect(pressEnter({ isComposing: true })).toBe(true);
    // Safari: after compositionend, with the key code of input methods.
    expect(pressEnter({ keyCode: 229 })).toBe(true);
    await settle();
    expect(engine.replies).toHaveLength(0);
    expect(draft()).toBe("にほん");
    expect(pressEnter({})).toBe(false);
    await settle();
    expect(engine.replies[0]?.message).toBe("にほん");
  });

  test("takes in a composition that the browser makes", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await box().click();
    const session = cdp() as unknown as {
      send(method: string, params: object): Promise<void>;
    };
    await session.send("Input.imeSetComposition", {
      text: "ねこ",
      selectionStart: 2,
      selectionEnd: 2,
    });
    await settle();
    expect(draft()).toBe("ねこ");
    expect(engine.replies).toHaveLength(0);
    await session.send("Input.insertText", { text: "猫" });
    await settle();
    expect(draft()).toBe("猫");
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(engine.replies[0]?.message).toBe("猫");
  });

  test("sends once, however fast Enter comes again", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await box().fill("Hello!");
    pressEnter({});
    pressEnter({});
    await settle();
    expect(messages()).toEqual(["Hello!"]);
    expect(engine.replies).toHaveLength(1);
  });

  test("sends nothing that is only blank", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await box().fill("  \n ");
    await userEvent.keyboard("{Enter}");
    await button("Send").click({ force: true });
    await settle();
    expect(engine.replies).toHaveLength(0);
    expect(messages()).toEqual([]);
  });

  test("shows markup in a message as the text it is", async () => {
    await mountChat(readyAtOnce);
    await box().fill("<b>bold</b> & *stars*");
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(messages()).toEqual(["<b>bold</b> & *stars*"]);
  });

  test("grows with its text up to a limit, and shrinks again", async () => {
    await mountChat(readyAtOnce);
    const height = () => box().element().clientHeight;
    const empty = height();
    await box().fill("one\ntwo\nthree");
    await settle();
    const threeLines = height();
    expect(threeLines).toBeGreaterThan(empty * 2);
    await box().fill("line\n".repeat(200));
    await settle();
    expect(height()).toBeLessThan(300);
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(height()).toBe(empty);
  });
});
