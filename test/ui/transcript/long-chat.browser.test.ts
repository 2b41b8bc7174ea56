import { describe, expect, test, vi } from "vitest";
import { keptChat } from "../../support/kept-chat";
import type { RoundElement } from "../../../src/ui/transcript/round-element";
import { openKept, say, settle } from "../mount";

const ROUNDS = 10_000;
/** So many rounds are all elements. */
const WHOLE = 1000;

/** Rounds on the screen and half a screen above it. */
const near = () => {
  const { clientHeight } = log();
  return rounds().filter(
    (round) => topOf(round) > -clientHeight / 2 && topOf(round) < clientHeight,
  );
};
// Straight to where they are: looking through thousands of elements takes seconds.
const transcript = () =>
  document
    .querySelector("rondo-chat")!
    .shadowRoot!.querySelector("rondo-transcript")!.shadowRoot!;
const log = () => transcript().querySelector<HTMLElement>(".log")!;
const rounds = () => [...transcript().querySelectorAll("rondo-round")];
const replyOf = (round: RoundElement) =>
  round.shadowRoot!.querySelector("rondo-reply");
const isDrawn = (round: RoundElement) => replyOf(round) !== null;
const drawn = () => rounds().filter(isDrawn).length;
const attention = () =>
  replyOf(rounds().at(-1)!)!.shadowRoot!.querySelector<HTMLElement>(
    ".attended",
  )!;

/** Elements of all rounds together. */
const elementCount = (root: ParentNode): number =>
  [...root.querySelectorAll("*")].reduce(
    (sum, { shadowRoot }) =>
      sum + 1 + (shadowRoot ? elementCount(shadowRoot) : 0),
    0,
  );

/** A chat of twenty thousand messages. */
function longChat(count = ROUNDS) {
  const said = Array.from({ length: count }, (_, i): [string, string] => [
    `Question ${i + 1}`,
    `**Answer** ${i + 1}.\n\n${"A line of text.\n\n".repeat(i % 7)}`,
  ]);
  return keptChat("long", said);
}

/** Where a round is, from the top of the box. */
function topOf(round: Element): number {
  return round.getBoundingClientRect().top - log().getBoundingClientRect().top;
}

/** The first round that is on the screen. */
const seen = () => rounds().find((round) => topOf(round) >= 0)!;
const message = (round: RoundElement) => round.round.message;

describe("A chat of twenty thousand messages", () => {
  test("opens at its end, with few of its rounds in the page and fewer drawn", async () => {
    await openKept(longChat());
    expect(rounds().length).toBeLessThan(210);
    expect(message(rounds().at(-1)!)).toBe(`Question ${ROUNDS}`);
    expect(drawn()).toBeLessThan(40);
    const { clientHeight, scrollHeight, scrollTop } = log();
    expect(scrollHeight - clientHeight - scrollTop).toBeLessThan(2);
    expect(elementCount(transcript())).toBeLessThan(2000);
  });

  test("says how long it is, and where in it a round is", async () => {
    await openKept(longChat());
    const place = rounds().at(-1)!.closest('[role="listitem"]')!;
    expect(place.getAttribute("aria-setsize")).toBe(`${ROUNDS}`);
    expect(place.getAttribute("aria-posinset")).toBe(`${ROUNDS}`);
    expect(place.parentElement!.getAttribute("role")).toBe("list");
  });

  test("does little for a reply: few elements are drawn anew", async () => {
    const { engine } = await openKept(longChat());
    await say("And now?");
    const before = rounds();
    const updates = before.map((round) =>
      vi.spyOn(round as unknown as { performUpdate(): void }, "performUpdate"),
    );
    for (let i = 0; i < 5; i++) {
      engine.replies[0]!.text("More. ");
      await settle();
    }
    const count = updates.filter(({ mock }) => mock.calls.length > 0).length;
    expect(count).toBeLessThan(3);
    expect(rounds()).toEqual(before);
  });

  test("has the words of rounds near the reader in the page, and of all once the browser searches it", async () => {
    await openKept(longChat());
    const words = () => log().textContent;
    const near = rounds()[3]!.shadowRoot!.querySelector(
      'article[aria-label="Rondo"]',
    );
    expect(near!.textContent).toContain("**Answer**");
    expect(words()).not.toContain("Question 17\n");
    await settle();
    dispatchEvent(new KeyboardEvent("keydown", { key: "f", ctrlKey: true }));
    const height = log().scrollHeight;
    await settle();
    expect(words()).toContain("Question 17\n**Answer** 17.");
    expect(Math.abs(log().scrollHeight - height)).toBeLessThan(2);
  });

  test("shows what is where the reader drags the scrollbar to", async () => {
    await openKept(longChat());
    for (const share of [0.5, 0.1, 0, 0.9]) {
      log().scrollTop = share * log().scrollHeight;
      await settle();
      await settle();
      const at = rounds().find((round) => topOf(round) > -200)!;
      expect(topOf(at)).toBeLessThan(log().clientHeight);
      expect(rounds().length).toBeLessThan(210);
      const place = Number(message(at).slice("Question ".length));
      expect(Math.abs(place / ROUNDS - share)).toBeLessThan(0.1);
    }
  });

  test("is about as high as it will turn out to be", async () => {
    await openKept(longChat());
    const before = log().scrollHeight;
    for (let share = 0; share < 1; share += 0.1) {
      log().scrollTop = share * log().scrollHeight;
      await settle();
    }
    const grown = log().scrollHeight / before;
    expect(grown).toBeGreaterThan(0.8);
    expect(grown).toBeLessThan(1.25);
  });

  test("draws what comes near, and stays where it is meanwhile", async () => {
    await openKept(longChat());
    log().scrollTop = log().scrollHeight / 2;
    await settle();
    const middle = rounds()[50]!;
    middle.scrollIntoView({ block: "start" });
    await settle();
    const before = topOf(middle);
    await expect.poll(() => isDrawn(middle)).toBe(true);
    await settle();
    await settle();
    expect(Math.abs(topOf(middle) - before)).toBeLessThan(2);
    expect(drawn()).toBeLessThan(100);
  });

  test("is not moved under the reader who goes up through it", async () => {
    await openKept(longChat());
    log().scrollTop -= 12_000;
    await settle();
    const first = rounds()[0]!;
    for (let i = 0; i < 30; i++) {
      const mark = seen();
      const before = topOf(mark);
      log().scrollTop -= 200;
      await settle();
      expect(Math.abs(topOf(mark) - before - 200)).toBeLessThan(2);
    }
    // Others have come meanwhile.
    expect(rounds()[0]).not.toBe(first);
  });

  test("leads to a round that is far away", async () => {
    const chat = longChat();
    chat.rounds.at(-1)!.attended = [3, 7000];
    await openKept(chat);
    attention().click();
    await settle();
    const strip = replyOf(rounds().at(-1)!)!.shadowRoot!.querySelector(
      "rondo-attention",
    )!;
    strip.shadowRoot!.querySelector<HTMLElement>("li button")!.click();
    await expect.poll(() => rounds().length).toBeLessThan(110);
    const third = rounds()[2]!;
    expect(message(third)).toBe("Question 3");
    await expect.poll(() => isDrawn(third)).toBe(true);
    await settle();
    expect(topOf(third)).toBeGreaterThanOrEqual(0);
    expect(topOf(third)).toBeLessThan(log().clientHeight / 2);
    third.shadowRoot!.querySelector<HTMLElement>(".mark button")!.click();
    await settle();
    const { top } = attention().getBoundingClientRect();
    expect(top).toBeLessThan(log().getBoundingClientRect().bottom);
  });

  test("is whole when it is printed", async () => {
    const chat = longChat();
    chat.rounds = chat.rounds.slice(0, 1200);
    await openKept(chat);
    expect(rounds().length).toBeLessThan(210);
    expect(drawn()).toBeLessThan(60);
    dispatchEvent(new Event("beforeprint"));
    await settle();
    expect(drawn()).toBe(1200);
    dispatchEvent(new Event("afterprint"));
    await settle();
    expect(rounds().length).toBeLessThan(210);
  });
});

describe("A chat of two thousand messages", () => {
  test("opens at its end, with few of its replies drawn", async () => {
    await openKept(longChat(WHOLE));
    expect(rounds()).toHaveLength(WHOLE);
    expect(drawn()).toBeLessThan(40);
    const { clientHeight, scrollHeight, scrollTop } = log();
    expect(scrollHeight - clientHeight - scrollTop).toBeLessThan(2);
    // Few elements for a round that is far away.
    expect(elementCount(transcript())).toBeLessThan(6 * WHOLE);
  });

  test("has all of its words in the page, to be searched and read aloud", async () => {
    await openKept(longChat(WHOLE));
    const words = rounds().map(
      ({ shadowRoot }) =>
        shadowRoot!.querySelector('article[aria-label="Rondo"]')?.textContent,
    );
    // The last ones are drawn: their words are further inside.
    expect(words[3]).toContain("**Answer** 4.");
    expect(words.filter((one) => one?.startsWith("**Answer**"))).toHaveLength(
      WHOLE - drawn(),
    );
  });

  test("draws what comes near, and stays where it is meanwhile", async () => {
    await openKept(longChat(WHOLE));
    const middle = rounds()[500]!;
    middle.scrollIntoView({ block: "start" });
    await settle();
    const before = topOf(middle);
    await expect.poll(() => isDrawn(middle)).toBe(true);
    await settle();
    await settle();
    expect(Math.abs(topOf(middle) - before)).toBeLessThan(2);
    expect(drawn()).toBeLessThan(100);
  });

  test("is not moved under the reader who goes up through it", async () => {
    await openKept(longChat(WHOLE));
    log().scrollTop -= 20_000;
    await settle();
    for (let i = 0; i < 20; i++) {
      // A slow machine may still be drawing what comes into sight next.
      await expect.poll(() => near().every(isDrawn)).toBe(true);
      await settle();
      const seen = rounds().find((round) => topOf(round) >= 0)!;
      const before = topOf(seen);
      log().scrollTop -= 200;
      await settle();
      expect(Math.abs(topOf(seen) - before - 200)).toBeLessThan(2);
    }
  });

  test("leads to a round that is far away", async () => {
    const chat = longChat(WHOLE);
    chat.rounds.at(-1)!.attended = [3, 700];
    await openKept(chat);
    attention().click();
    await settle();
    const strip = replyOf(rounds().at(-1)!)!.shadowRoot!.querySelector(
      "rondo-attention",
    )!;
    strip.shadowRoot!.querySelector<HTMLElement>("li button")!.click();
    const third = rounds()[2]!;
    await expect.poll(() => isDrawn(third)).toBe(true);
    await settle();
    expect(topOf(third)).toBeGreaterThanOrEqual(0);
    expect(topOf(third)).toBeLessThan(log().clientHeight / 2);
    third.shadowRoot!.querySelector<HTMLElement>(".mark button")!.click();
    await settle();
    const { top } = attention().getBoundingClientRect();
    expect(top).toBeLessThan(log().getBoundingClientRect().bottom);
  });

  test("is whole when it is printed", async () => {
    const chat = longChat(WHOLE);
    chat.rounds = chat.rounds.slice(0, 60);
    await openKept(chat);
    expect(drawn()).toBeLessThan(60);
    dispatchEvent(new Event("beforeprint"));
    await settle();
    expect(drawn()).toBe(60);
  });
});
