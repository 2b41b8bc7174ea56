import { describe, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import type { ChatHistory } from "../../../src/engine/api/chats";
import type { AttendedRound } from "../../../src/engine/api/receipt";
import { attentionOf } from "../../../src/ui/transcript/attention";
import { joined } from "../../../src/ui/state/chats/history";
import { fakeReceipt, receiptWith } from "../../support/fake-calls";
import { keptChat, keptDocument } from "../../support/kept-chat";
import {
  button,
  find,
  findAll,
  focused,
  openKept,
  say,
  settle,
  shownText,
} from "../mount";

const log = () => find('[role="log"]');
const strip = () => findAll("rondo-attention");
const inStrip = (selector: string) =>
  strip().flatMap(({ shadowRoot }) => findAll(selector, shadowRoot!));
const items = () => inStrip("li button").map(shownText);
const marks = () => findAll("div.mark").map(shownText);
const attended = (all: string) => button(`attended to ${all}`).last();

/** A chat in which the last of `count` replies attended to these rounds. */
function chatOf(count: number, ids: readonly number[]): ChatHistory {
  const said = Array.from({ length: count }, (_, i): [string, string] => [
    `Question ${i + 1}`,
    "A line of text.\n\n".repeat(4),
  ]);
  const chat = keptChat("a", said);
  chat.rounds.at(-1)!.attended = ids;
  return chat;
}

/** The page with three rounds, and a reply that attended to two of them. */
async function askAfterThree() {
  const mounted = await openKept(chatOf(3, [1]));
  await say("What is my cat called?");
  const chosen: AttendedRound[] = [
    { id: 1, reason: "mass", mass: 0.434 },
    { id: 3, reason: "last", mass: 0.002 },
  ];
  const { attention } = fakeReceipt.kv;
  mounted.engine.replies[0]!.end(
    receiptWith({
      attention: { ...attention, roundCount: 3, attended: chosen },
    }),
  );
  await settle();
  return mounted;
}

describe("What a reply attended to", () => {
  test("is shown on demand, with the reason and the share of each round", async () => {
    await askAfterThree();
    expect(strip()).toEqual([]);
    await attended("2 of 3 rounds").click();
    await settle();
    expect(items()).toEqual([
      "1 Question 1 by attention, 43 %",
      "3 Question 3 the last round, under 1 %",
    ]);
    expect(marks()).toEqual([
      "Attended to: by attention, 43 % Back to the reply",
      "Attended to: the last round, under 1 % Back to the reply",
    ]);
    await attended("2 of 3 rounds").click();
    await settle();
    expect(strip()).toEqual([]);
    expect(marks()).toEqual([]);
  });

  test("is one at a time", async () => {
    await askAfterThree();
    await button("attended to").first().click();
    await settle();
    expect(items()).toEqual(["1 Question 1"]);
    await button("attended to").last().click();
    await settle();
    expect(strip()).toHaveLength(1);
    expect(items()[0]).toContain("43 %");
  });

  test("is known after a reload too, without shares", async () => {
    await openKept(chatOf(5, [1, 4]));
    await attended("2 of 4 rounds").click();
    await settle();
    expect(items()).toEqual(["1 Question 1", "4 Question 4"]);
  });

  test("leads to each round and back, by the keyboard alone", async () => {
    await openKept(chatOf(40, [2, 39]));
    attended("2 of 39 rounds").element().focus();
    await userEvent.keyboard("{Enter}");
    await settle();
    await userEvent.keyboard("{Tab}{Tab}{Tab}{Tab}");
    expect(shownText(focused()!)).toBe("2 Question 2");
    await userEvent.keyboard("{Enter}");
    await settle();
    const message = focused()!;
    expect(message.textContent).toBe("Question 2");
    const { top } = message.getBoundingClientRect();
    const box = log().getBoundingClientRect();
    expect(top).toBeGreaterThanOrEqual(box.top);
    expect(top).toBeLessThan(box.bottom);
    expect(message.classList).toContain("is-found");

    await userEvent.keyboard("{Tab}");
    expect(shownText(focused()!)).toBe("Back to the reply");
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(shownText(focused()!)).toBe("attended to 2 of 39 rounds");
    const back = focused()!.getBoundingClientRect();
    expect(back.bottom).toBeLessThanOrEqual(box.bottom);
    expect(back.top).toBeGreaterThanOrEqual(box.top);
  });

  test("leads to a document by its name", async () => {
    const chat = chatOf(3, [1, 9]);
    chat.rounds.splice(1, 0, keptDocument(9, { name: "a.md", text: "Bread." }));
    await openKept(chat);
    await attended("2 of 3 rounds").click();
    await settle();
    expect(items()).toEqual(["1 Question 1", "2 a.md"]);
    await button("a.md").click();
    await settle();
    expect(find("rondo-document").matches(":focus-within")).toBe(true);
  });

  test("leaves out what is in another branch, and says so", async () => {
    await openKept(chatOf(4, [2, 17, 18]));
    await attended("1 of 3 rounds").click();
    await settle();
    expect(items()).toEqual(["2 Question 2"]);
    expect(shownText(inStrip(".hidden")[0]!)).toBe(
      "2 more are in another branch, or deleted.",
    );
  });

  test("that is all, or not known, has nothing to show", async () => {
    await openKept(chatOf(4, [1, 2, 3]));
    expect(findAll(".attended")).toEqual([]);
  });

  test("is in the strip with all rounds before it", async () => {
    await openKept(chatOf(5, [1, 4]));
    await attended("2 of 4 rounds").click();
    await settle();
    const [others, marked] = inStrip("path");
    expect(others!.getAttribute("d")!.match(/M/g)).toHaveLength(2);
    expect(marked!.getAttribute("d")).toMatch(/^M0 .*M3 /);
  });

  test("keeps its shares when the rounds get other names in another branch", () => {
    const before = joined(
      [],
      keptChat("a", [
        ["1", ""],
        ["2", ""],
      ]),
      counter(),
    );
    const report: AttendedRound[] = [{ id: 1, reason: "mass", mass: 0.5 }];
    const attention = { ...fakeReceipt.kv.attention, attended: report };
    const receipt = receiptWith({ attention });
    const shown = before.map((round, i) =>
      i === 1 ? { ...round, receipt, attended: [1] } : round,
    );
    const copied = keptChat("a", [
      ["1", ""],
      ["2", ""],
    ]);
    copied.rounds = copied.rounds.map((round) => ({
      ...round,
      id: round.id + 10,
      attended: round.id === 2 ? [11] : null,
    }));
    const after = joined(shown, copied, counter(100));
    expect(attentionOf(after, after[1]!.id)).toMatchObject({
      marks: [{ roundId: after[0]!.id, why: "by attention, 50 %" }],
      hiddenCount: 0,
    });
  });
});

function counter(from = 0): () => number {
  let last = from;
  return () => ++last;
}
