import { describe, expect, test } from "vitest";
import { namedError } from "../../support/fake-calls";
import { keptChat, keptDocument } from "../../support/kept-chat";
import {
  box,
  button,
  find,
  findAll,
  mountChat,
  openKept,
  readyAtOnce,
  say,
  settle,
} from "../mount";

const LINES = "A line of text.\n\n".repeat(60);

const log = () => find('[role="log"]');
const below = () => log().scrollHeight - log().clientHeight - log().scrollTop;
const toEnd = () => findAll(".to-end");

/** A finger goes from one height to another. */
function drag(from: number, to: number): void {
  const target = log();
  for (const [type, clientY] of [
    ["touchstart", from],
    ["touchmove", to],
  ] as const) {
    const touches = [new Touch({ identifier: 1, target, clientY })];
    target.dispatchEvent(new TouchEvent(type, { touches }));
  }
}

async function scrollTo(top: number): Promise<void> {
  log().scrollTop = top;
  await settle();
}

describe("The transcript", () => {
  test("follows the reply while the reader is at its end", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Tell me everything.");
    for (let i = 0; i < 5; i++) {
      engine.replies[0]!.text(LINES);
      await settle();
      expect(below()).toBeLessThan(2);
    }
    engine.replies[0]!.end();
    await settle();
    expect(below()).toBeLessThan(2);
    expect(toEnd()).toHaveLength(0);
  });

  test("stays where the reader has scrolled to", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Tell me everything.");
    engine.replies[0]!.text(LINES);
    await settle();
    await scrollTo(200);
    engine.replies[0]!.text(LINES);
    await settle();
    expect(log().scrollTop).toBe(200);
    expect(toEnd()).toHaveLength(1);
  });

  test("follows again once the reader is back at the end", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Tell me everything.");
    engine.replies[0]!.text(LINES);
    await settle();
    await scrollTo(200);
    await button("Scroll to the end").click();
    await settle();
    expect(below()).toBeLessThan(2);
    engine.replies[0]!.text(LINES);
    await settle();
    expect(below()).toBeLessThan(2);
  });

  test.each([
    [
      "a turn of the wheel",
      () => log().dispatchEvent(new WheelEvent("wheel", { deltaY: -1 })),
    ],
    [
      "a key",
      () =>
        log().dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp" })),
    ],
    ["a finger", () => drag(300, 301)],
    ["three pixels of the scrollbar", () => (log().scrollTop -= 3)],
  ])(
    "stops following at once after %s upwards, however fast the reply comes",
    async (_, moveUp) => {
      const { engine } = await mountChat(readyAtOnce);
      await say("Tell me everything.");
      engine.replies[0]!.text(LINES);
      await settle();
      expect(below()).toBeLessThan(2);
      moveUp();
      const { scrollTop } = log();
      for (let i = 0; i < 10; i++) {
        engine.replies[0]!.text(LINES);
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
      await settle();
      expect(Math.abs(log().scrollTop - scrollTop)).toBeLessThan(2);
      expect(toEnd()).toHaveLength(1);
    },
  );

  test("does not follow again for who is near the end and stays there", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Tell me everything.");
    engine.replies[0]!.text(LINES);
    await settle();
    await scrollTo(log().scrollTop - 10);
    engine.replies[0]!.text("And ");
    await settle();
    expect(toEnd()).toHaveLength(1);
    engine.replies[0]!.text(LINES);
    await settle();
    expect(below()).toBeGreaterThan(100);
    await scrollTo(log().scrollHeight);
    expect(toEnd()).toHaveLength(0);
    engine.replies[0]!.text(LINES);
    await settle();
    expect(below()).toBeLessThan(2);
  });

  test("goes on following where the content becomes shorter", async () => {
    const { chat, engine } = await mountChat(readyAtOnce);
    await say("Tell me everything.");
    engine.replies[0]!.text(LINES);
    await settle();
    chat.style.height = "900px";
    await settle();
    chat.style.height = "500px";
    await settle();
    engine.replies[0]!.text(LINES);
    await settle();
    expect(below()).toBeLessThan(2);
    expect(toEnd()).toHaveLength(0);
  });

  test("goes to the end for a new message, wherever the reader was", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Tell me everything.");
    engine.replies[0]!.text(LINES);
    engine.replies[0]!.end();
    await settle();
    await scrollTo(0);
    await say("And more.");
    expect(below()).toBeLessThan(2);
  });

  test("leaves what the reader opens where it is", async () => {
    const chat = keptChat("a", [
      ["one", LINES],
      ["two", "2"],
    ]);
    const document = { name: "notes.md", text: LINES };
    chat.rounds.splice(1, 0, keptDocument(3, document));
    await openKept(chat);
    expect(below()).toBeLessThan(2);
    const { scrollTop } = log();
    for (const name of ["Edit message", "Show text"]) {
      await button(name).last().click();
      await settle();
      expect(log().scrollTop).toBe(scrollTop);
    }
    expect(toEnd()).toHaveLength(1);
  });

  test("leaves the box on the screen, however little room there is", async () => {
    const { chat, engine } = await mountChat(readyAtOnce, 360);
    chat.style.height = "300px";
    await say("Tell me everything.");
    engine.replies[0]!.text(LINES);
    engine.replies[0]!.fail(namedError("DeviceLostError"));
    await settle();
    const { bottom } = box().element().getBoundingClientRect();
    expect(bottom).toBeLessThanOrEqual(300);
  });

  test("shows the beginning of what an empty chat says", async () => {
    await mountChat(readyAtOnce, 360);
    const chat = find("rondo-chat");
    chat.style.height = "300px";
    await settle();
    expect(log().scrollTop).toBe(0);
    expect(toEnd()).toHaveLength(0);
  });
});
