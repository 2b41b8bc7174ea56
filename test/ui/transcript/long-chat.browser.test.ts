import { describe, expect, test } from "vitest";
import { keptChat } from "../../support/kept-chat";
import type { RoundElement } from "../../../src/ui/transcript/round-element";
import { openKept, settle } from "../mount";

const ROUNDS = 1000;

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

/** A chat of two thousand messages. */
function longChat() {
  const said = Array.from({ length: ROUNDS }, (_, i): [string, string] => [
    `Question ${i + 1}`,
    `**Answer** ${i + 1}.\n\n${"A line of text.\n\n".repeat(i % 7)}`,
  ]);
  return keptChat("long", said);
}

/** Where a round is, from the top of the box. */
function topOf(round: Element): number {
  return round.getBoundingClientRect().top - log().getBoundingClientRect().top;
}

describe("A chat of two thousand messages", () => {
  test("opens at its end, with few of its replies drawn", async () => {
    await openKept(longChat());
    expect(rounds()).toHaveLength(ROUNDS);
    expect(drawn()).toBeLessThan(40);
    const { clientHeight, scrollHeight, scrollTop } = log();
    expect(scrollHeight - clientHeight - scrollTop).toBeLessThan(2);
    // Few elements for a round that is far away.
    expect(elementCount(transcript())).toBeLessThan(6 * ROUNDS);
  });

  test("has all of its words in the page, to be searched and read aloud", async () => {
    await openKept(longChat());
    const words = rounds().map(
      ({ shadowRoot }) =>
        shadowRoot!.querySelector('article[aria-label="Rondo"]')?.textContent,
    );
    // The last ones are drawn: their words are further inside.
    expect(words[3]).toContain("**Answer** 4.");
    expect(words.filter((one) => one?.startsWith("**Answer**"))).toHaveLength(
      ROUNDS - drawn(),
    );
  });

  test("draws what comes near, and stays where it is meanwhile", async () => {
    await openKept(longChat());
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
    await openKept(longChat());
    log().scrollTop -= 20_000;
    await settle();
    for (let i = 0; i < 20; i++) {
      const seen = rounds().find((round) => topOf(round) >= 0)!;
      const before = topOf(seen);
      log().scrollTop -= 200;
      await settle();
      expect(Math.abs(topOf(seen) - before - 200)).toBeLessThan(2);
    }
  });

  test("leads to a round that is far away", async () => {
    const chat = longChat();
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
    const chat = longChat();
    chat.rounds = chat.rounds.slice(0, 60);
    await openKept(chat);
    expect(drawn()).toBeLessThan(60);
    dispatchEvent(new Event("beforeprint"));
    await settle();
    expect(drawn()).toBe(60);
  });
});
