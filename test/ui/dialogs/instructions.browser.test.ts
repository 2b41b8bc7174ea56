// What a chat is told before all that is said, and memory that is refreshed since.
import { describe, expect, test } from "vitest";
import { page, userEvent } from "vitest/browser";
import { storeError } from "../../support/fake-engine";
import { keptChat } from "../../support/kept-chat";
import {
  announced,
  button,
  findAll,
  focused,
  messages,
  mountChat,
  openKept,
  readyAtOnce,
  say,
  settle,
  shownText,
} from "../mount";

const miso = () =>
  keptChat("miso", [
    ["My cat is called Miso.", "A lovely name."],
    ["What is my cat called?", "Miso."],
  ]);

const dialog = () => page.getByRole("dialog", { name: "Instructions" });
const text = () => dialog().getByRole("textbox");
const written = () => (text().element() as HTMLTextAreaElement).value;

async function open(): Promise<void> {
  await button("Instructions…").click();
  await settle();
}

async function save(instructions: string): Promise<void> {
  await open();
  await text().fill(instructions);
  await button("Save").click();
  await settle();
}

describe("The instructions of a chat", () => {
  test("are written in a dialog, and saved", async () => {
    const { engine } = await openKept(miso());
    await open();
    expect(focused()).toBe(text().element());
    expect(written()).toBe("");
    await userEvent.keyboard("Answer like a pirate.");
    await button("Save").click();
    await settle();
    expect(engine.kept[0]!.system).toBe("Answer like a pirate.");
    expect(dialog().elements()).toEqual([]);
    expect(announced()).toBe("Saved.");
    expect(focused()).toBe(button("Instructions…").element());
    expect(messages()).toHaveLength(2);
    await open();
    expect(written()).toBe("Answer like a pirate.");
  });

  test("are none where nothing is left in the box", async () => {
    const chat = miso();
    chat.system = "Answer like a pirate.";
    const { engine } = await openKept(chat);
    await save("  ");
    expect(engine.kept[0]!.system).toBeUndefined();
  });

  test("stay as they are on Escape, and a reply goes on", async () => {
    const { engine } = await openKept(miso());
    await say("And now?");
    await open();
    await userEvent.keyboard("x{Escape}");
    await settle();
    expect(dialog().elements()).toEqual([]);
    expect(engine.kept[0]!.system).toBeUndefined();
    expect(engine.replies[0]!.signal!.aborted).toBe(false);
  });

  test("can be there before the first message", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await save("Answer like a pirate.");
    expect(findAll("rondo-welcome")).toHaveLength(1);
    await say("Hello!");
    engine.replies[0]!.end();
    await settle();
    expect(engine.kept[0]!.system).toBe("Answer like a pirate.");
  });

  test("that cannot be saved are still in the box", async () => {
    const { engine } = await openKept(miso());
    engine.setSystem = () => Promise.reject(storeError("quota", "No room."));
    await save("Answer like a pirate.");
    expect(written()).toBe("Answer like a pirate.");
    await expect
      .element(dialog().getByRole("alert"))
      .toHaveTextContent("Could not be saved.");
  });
});

describe("Memory that is not exact", () => {
  const status = () => findAll("rondo-healing").map(shownText);
  const heal = async (
    { engine }: Awaited<ReturnType<typeof openKept>>,
    roundsLeft: number,
    chatId = "miso",
  ) => {
    engine.emit({ type: "healing", chatId, roundsLeft });
    await settle();
  };

  test("is said quietly, until all of it is exact", async () => {
    const mounted = await openKept(miso());
    await heal(mounted, 3);
    expect(status()).toEqual(["Refreshing memory: 3 rounds left Pause"]);
    await heal(mounted, 1);
    expect(status()).toEqual(["Refreshing memory: 1 round left Pause"]);
    await heal(mounted, 0);
    expect(status()).toEqual([]);
  });

  test("makes way for the calibration of a model, which can be paused too", async () => {
    const { engine } = await openKept(miso());
    const calibrate = async (done: number) => {
      engine.emit({ type: "calibrating", done, total: 18 });
      await settle();
    };
    await calibrate(0);
    expect(status()).toEqual([
      "Learning how this model looks things up: 0 of 18 Pause",
    ]);
    await button("Pause").click();
    await calibrate(3);
    expect(status()).toEqual([
      "Learning how this model looks things up is paused: 3 of 18 Resume",
    ]);
    await button("Resume").click();
    await calibrate(18);
    expect(status()).toEqual([]);
  });

  test("can be left as it is for a while", async () => {
    const mounted = await openKept(miso());
    await heal(mounted, 3);
    await button("Pause").click();
    await settle();
    expect(mounted.engine.isHealing).toBe(false);
    expect(status()).toEqual([
      "Refreshing memory is paused: 3 rounds left Resume",
    ]);
    await button("Resume").click();
    await settle();
    expect(mounted.engine.isHealing).toBe(true);
  });

  test("of another chat is said there", async () => {
    const chats = [keptChat("bread", [["Teach me to bake.", "Flour."]])];
    const mounted = await openKept(miso(), { chats });
    await heal(mounted, 2, "bread");
    expect(status()).toEqual([]);
    mounted.chat.chatId = "bread";
    await settle();
    expect(status()).toEqual(["Refreshing memory: 2 rounds left Pause"]);
  });
});
