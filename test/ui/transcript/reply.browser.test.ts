import { describe, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import {
  RoundEvent,
  StateEvent,
  type ChatErrorEvent,
} from "../../../src/ui/state/events";
import { namedError } from "../../support/fake-calls";
import {
  announced,
  box,
  button,
  draft,
  find,
  focused,
  messages,
  mountChat,
  readyAtOnce,
  replies,
  say,
  settle,
} from "../mount";

describe("A reply", () => {
  test("streams into the transcript as it comes", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Tell me about cats.");
    expect(replies()).toEqual(["Reading…"]);
    engine.replies[0]!.text("Cats sleep ");
    await settle();
    expect(replies()).toEqual(["Cats sleep"]);
    engine.replies[0]!.text("for most of the day.");
    await settle();
    expect(replies()).toEqual(["Cats sleep for most of the day."]);
    engine.replies[0]!.end();
    await settle();
    expect(replies()[0]).toContain("Cats sleep for most of the day.");
    expect(messages()).toEqual(["Tell me about cats."]);
  });

  test("says how far the prefill is before its first word", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Here is a long note.");
    engine.replies[0]!.prefill(120, 1640);
    await settle();
    expect(replies()).toEqual(["Reading… 120 of 1,640 tokens"]);
    engine.replies[0]!.text("Got it.");
    await settle();
    expect(replies()).toEqual(["Got it."]);
  });

  test("is rendered at most once for each painted frame", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Tell me about cats.");
    engine.replies[0]!.text("So: ");
    await settle();
    let renderings = 0;
    const watch = new MutationObserver(() => renderings++);
    const text = find("rondo-markdown").shadowRoot!;
    watch.observe(text, { childList: true, subtree: true });
    for (let i = 0; i < 200; i++) {
      engine.replies[0]!.text(`word${i} `);
      await Promise.resolve();
    }
    await settle();
    watch.disconnect();
    expect(replies()[0]).toContain("word199");
    expect(renderings).toBeLessThanOrEqual(3);
  });

  test("leaves the blocks above the growing one as they are", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Tell me about cats.");
    engine.replies[0]!.text("The first paragraph.\n\nThe sec");
    await settle();
    const first = find("rondo-markdown", ".block");
    engine.replies[0]!.text("ond one.\n\nThe third.");
    await settle();
    expect(first.isConnected).toBe(true);
    expect(replies()[0]).toContain("The second one.");
  });

  test("has a receipt under it", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Hello!");
    engine.replies[0]!.text("Hi there!");
    engine.replies[0]!.end();
    await settle();
    expect(replies()[0]).toContain(
      "prefilled 23 · reused 41 tokens · first token 0.2 s · 38 tok/s",
    );
  });

  test("is announced once, when it has ended, and not token by token", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Tell me about cats.");
    engine.replies[0]!.text("Cats **sleep** ");
    await settle();
    expect(find('[role="log"]').getAttribute("aria-live")).toBe("off");
    expect(announced()).not.toContain("sleep");
    engine.replies[0]!.text("a lot.");
    engine.replies[0]!.end();
    await settle();
    expect(announced()).toBe("Cats sleep a lot.");
  });

  test("is announced again when it is the same as the one before", async () => {
    const { engine } = await mountChat(readyAtOnce);
    for (const count of [0, 1]) {
      await say("Hello!");
      expect(announced()).toBe("");
      engine.replies[count]!.text("Hi there!");
      engine.replies[count]!.end();
      await settle();
      expect(announced()).toBe("Hi there!");
    }
  });

  test("tells the page when it has ended", async () => {
    const { chat, engine } = await mountChat(readyAtOnce);
    const rounds: RoundEvent[] = [];
    chat.addEventListener("rondo-round", (event) => rounds.push(event));
    await say("Hello!");
    engine.replies[0]!.text("Hi there!");
    expect(rounds).toHaveLength(0);
    engine.replies[0]!.end();
    await settle();
    expect(rounds).toHaveLength(1);
    expect(rounds[0]).toBeInstanceOf(RoundEvent);
    expect(rounds[0]!.round).toMatchObject({
      message: "Hello!",
      reply: "Hi there!",
      receipt: { finishReason: "stop" },
    });
  });
});

describe("Stopping", () => {
  test("keeps what was said, says so, and leaves the focus in the box", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Tell me about cats.");
    engine.replies[0]!.text("Cats sleep for");
    await settle();
    await button("Stop").click();
    await settle();
    expect(engine.replies[0]!.signal!.aborted).toBe(true);
    expect(replies()[0]).toMatch(/^Cats sleep for.*· stopped/);
    expect(announced()).toBe("Stopped. Cats sleep for");
    expect(focused()).toBe(box().element());
    await expect.element(button("Send")).toBeVisible();
  });

  test("works with Esc, and Esc in an input method does not stop", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Tell me about cats.");
    const composing = { key: "Escape", isComposing: true };
    const init = { bubbles: true, composed: true, ...composing };
    box().element().dispatchEvent(new KeyboardEvent("keydown", init));
    expect(engine.replies[0]!.signal!.aborted).toBe(false);
    await userEvent.keyboard("{Escape}");
    await settle();
    expect(engine.replies[0]!.signal!.aborted).toBe(true);
  });

  test("lets the next message be typed meanwhile, and sent afterwards", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Tell me about cats.");
    engine.replies[0]!.text("Cats");
    await box().fill("And dogs?");
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(engine.replies).toHaveLength(1);
    expect(draft()).toBe("And dogs?");
    await userEvent.keyboard("{Escape}");
    await settle();
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(engine.replies.map(({ message }) => message)).toEqual([
      "Tell me about cats.",
      "And dogs?",
    ]);
  });

  test("an engine that throws when it is stopped has not failed", async () => {
    const { chat, engine } = await mountChat(readyAtOnce);
    const errors: Event[] = [];
    chat.addEventListener("rondo-error", (event) => errors.push(event));
    engine.reply = async function* (_chatId, _roundId, { signal } = {}) {
      yield { type: "text", text: "Cats sleep for" };
      await new Promise((resolve) =>
        signal?.addEventListener("abort", resolve),
      );
      signal?.throwIfAborted();
    };
    await say("Tell me about cats.");
    await userEvent.keyboard("{Escape}");
    await settle();
    expect(replies()[0]).toMatch(/^Cats sleep for\s*stopped/);
    expect(errors).toEqual([]);
  });

  test("a reply that ends at the length limit says so", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Tell me everything.");
    engine.replies[0]!.text("Well");
    engine.replies[0]!.end({ finishReason: "length" });
    await settle();
    expect(replies()[0]).toContain("· length limit");
  });
});

describe("When a reply breaks off", () => {
  test("the words so far stay, with the reason and a way to try again", async () => {
    const { chat, engine } = await mountChat(readyAtOnce);
    const errors: ChatErrorEvent[] = [];
    chat.addEventListener("rondo-error", (event) => errors.push(event));
    await say("Tell me about cats.");
    engine.replies[0]!.text("Cats sleep");
    engine.replies[0]!.fail(namedError("OutOfMemoryError", "No page is free."));
    await settle();
    expect(messages()).toEqual(["Tell me about cats."]);
    expect(replies()[0]).toContain("Cats sleep");
    expect(replies()[0]).toContain("The GPU has no room for this.");
    expect(replies()[0]).toContain("No page is free.");
    expect(errors.map(({ during }) => during)).toEqual(["reply"]);
    await button("Try again").click();
    await settle();
    expect(messages()).toEqual(["Tell me about cats."]);
    expect(engine.replies[1]?.message).toBe("Tell me about cats.");
    engine.replies[1]!.text("Cats sleep a lot.");
    engine.replies[1]!.end();
    await settle();
    expect(replies()).toHaveLength(1);
    expect(replies()[0]).toContain("Cats sleep a lot.");
  });

  test("the next message is answered also where the chat can't be read again", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Hello!");
    engine.replies[0]!.fail(namedError("OutOfMemoryError"));
    await settle();
    engine.openChat = () => Promise.reject(namedError("StoreError"));
    await say("Are you there?");
    await settle();
    expect(draft()).toBe("");
    expect(messages()).toEqual(["Hello!", "Are you there?"]);
    engine.replies[1]!.text("Yes.");
    engine.replies[1]!.end();
    await settle();
    expect(replies().at(-1)).toContain("Yes.");
  });

  test("an engine that ends without a word about it counts as broken off", async () => {
    const { engine } = await mountChat(readyAtOnce);
    engine.reply = async function* () {};
    await say("Hello!");
    expect(replies()[0]).toContain("Something went wrong.");
    await expect.element(button("Try again")).toBeVisible();
  });

  test.for([
    ["for a reason that nobody foresaw", new TypeError("x is no function")],
    ["where the model is broken", namedError("ModelOutputError")],
  ] as const)("%s, the model can be loaded again too", async ([, error]) => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Hello!");
    engine.replies[0]!.fail(error);
    await settle();
    await button("Load the model again").click();
    await settle();
    expect(engine.loads).toHaveLength(2);
    await button("Try again").click();
    await settle();
    expect(engine.replies[1]?.message).toBe("Hello!");
  });

  test("a lost device is said, and trying again is all it takes", async () => {
    const { chat, engine } = await mountChat(readyAtOnce);
    await say("Tell me about cats.");
    engine.replies[0]!.fail(namedError("DeviceLostError"));
    await settle();
    expect(chat.state).toBe("ready");
    expect(replies()[0]).toContain("The GPU was lost.");
    await button("Try again").click();
    await settle();
    expect(engine.loads).toHaveLength(1);
    expect(engine.replies[1]?.message).toBe("Tell me about cats.");
  });

  test("a device that does not come back stops the chat, and the message stays", async () => {
    const { chat, engine } = await mountChat(readyAtOnce);
    const states: string[] = [];
    chat.addEventListener("rondo-state", (event) => {
      expect(event).toBeInstanceOf(StateEvent);
      states.push(event.state);
    });
    await say("Tell me about cats.");
    engine.replies[0]!.fail(namedError("WebGpuUnavailableError"));
    await settle();
    expect(chat.state).toBe("unavailable");
    await button("Load again").click();
    await settle();
    expect(engine.loads).toHaveLength(2);
    expect(states).toEqual(["unavailable", "loading", "ready"]);
  });

  test("a full chat offers a new one, with the message in its box", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("One word too many.");
    engine.replies[0]!.fail(namedError("ContextFullError"));
    await settle();
    expect(replies()[0]).toContain("This chat is full.");
    await button("Continue in a new chat").click();
    await settle();
    expect(messages()).toEqual([]);
    expect(draft()).toBe("One word too many.");
  });
});
