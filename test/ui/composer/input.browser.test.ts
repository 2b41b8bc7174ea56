import { describe, expect, onTestFinished, test } from "vitest";
import { cdp, userEvent } from "vitest/browser";
import {
  box,
  button,
  draft,
  findAll,
  messages,
  mountChat,
  readyAtOnce,
  replies,
  say,
  settle,
  shownText,
} from "../mount";

interface Session {
  send(method: string, params: object): Promise<void>;
}

async function emulateTouch(enabled: boolean): Promise<void> {
  const session = cdp() as unknown as Session;
  await session.send("Emulation.setTouchEmulationEnabled", { enabled });
  await session.send("Emulation.setEmulatedMedia", {
    features: enabled
      ? [
          { name: "hover", value: "none" },
          { name: "pointer", value: "coarse" },
        ]
      : [],
  });
}

describe("On a screen keyboard", () => {
  test("Enter breaks the line, and the button sends", async () => {
    await emulateTouch(true);
    onTestFinished(() => emulateTouch(false));
    const { engine } = await mountChat(readyAtOnce);
    await box().click();
    await userEvent.keyboard("one{Enter}two");
    expect(draft()).toBe("one\ntwo");
    expect(box().element().getAttribute("enterkeyhint")).toBe("enter");
    expect(engine.replies).toHaveLength(0);
    await button("Send").click();
    await settle();
    expect(messages()).toEqual(["one two"]);
    await box().click();
    await userEvent.keyboard("three{Control>}{Enter}{/Control}");
    await settle();
    engine.replies[0]!.end();
    expect(engine.replies[0]!.message).toBe("one\ntwo");
  });
});

describe("Send and Stop, which share a place", () => {
  test("a double click on Send does not stop the reply", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await box().fill("Hello!");
    await button("Send").dblClick();
    await settle();
    expect(engine.replies).toHaveLength(1);
    expect(replies()).toEqual(["Reading…"]);
    await new Promise((resolve) => setTimeout(resolve, 600));
    await button("Stop").click();
    await settle();
    expect(replies()[0]).toContain("stopped");
  });

  test("the keyboard may stop it at once", async () => {
    await mountChat(readyAtOnce);
    await box().fill("Hello!");
    await button("Send").click();
    await settle();
    (button("Stop").element() as HTMLElement).focus();
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(replies()[0]).toContain("stopped");
  });

  test("Enter while a reply is being stopped sends when it has", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("One.");
    const [reply] = engine.replies;
    reply!.text("So");
    // It takes a while to stop.
    const end = reply!.end.bind(reply);
    reply!.end = () => {};
    await settle();
    await userEvent.keyboard("Two.{Escape}");
    await settle();
    await userEvent.keyboard("{Enter}{Enter}");
    await settle();
    expect(draft()).toBe("Two.");
    end({ finishReason: "aborted" });
    await settle();
    expect(draft()).toBe("");
    expect(messages()).toEqual(["One.", "Two."]);
    expect(engine.replies).toHaveLength(2);
  });
});

describe("What is pasted", () => {
  test("keeps the indentation of its first line", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await box().fill("\n  \n    indented first\n      second\n  \n");
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(engine.replies[0]!.message).toBe("    indented first\n      second");
    expect(draft()).toBe("");
  });

  const banners = () => findAll(".warning p").map(shownText);
  const paste = (type: string, text?: string) => {
    const clipboardData = new DataTransfer();
    const bytes = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
    clipboardData.items.add(new File([bytes], "image.png", { type }));
    if (text !== undefined) clipboardData.setData("text/plain", text);
    box()
      .element()
      .dispatchEvent(
        new ClipboardEvent("paste", {
          clipboardData,
          bubbles: true,
          cancelable: true,
          composed: true,
        }),
      );
  };

  test("says why a picture is not taken", async () => {
    const { engine } = await mountChat(readyAtOnce);
    paste("image/png");
    await expect
      .poll(banners, { timeout: 20_000 })
      .toEqual([
        "“image.png” is a picture, and the model reads text only. Describe it, or paste the text in it.",
      ]);
    expect(engine.attachings).toHaveLength(0);
  });

  test("is its text, where there is a picture of it too", async () => {
    await mountChat(readyAtOnce);
    paste("image/png", "text");
    await settle();
    expect(banners()).toEqual([]);
  });
});
