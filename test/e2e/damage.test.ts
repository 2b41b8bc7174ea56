// Stored KV is a cache: where it is damaged that is noticed, and the chat goes on from its text.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ChatPage } from "./browser";
import { allStored, damageSegment } from "./kept";
import { Profile } from "./profile";

const TOLD = [
  "My cat is called Miso.",
  "My locker code is 4821.",
  "I live in Oslo.",
  "I play chess.",
];

let profile: Profile;
let chat: ChatPage;

beforeAll(async () => {
  profile = await Profile.create();
  chat = await profile.open();
  for (const message of TOLD) await chat.ask(message);
  // From now on not all rounds are attended to.
  await chat.ask("Where do I live?");
});
afterAll(() => profile.remove());

test.each([
  { half: "upper", round: 1, question: "What is my cat called?", fact: "Miso" },
  {
    half: "lower",
    round: 2,
    question: "What is my locker code?",
    fact: "4821",
  },
] as const)(
  "a flipped bit in an $half half is found, and the right answer comes of KV that is computed again",
  async ({ half, round, question, fact }) => {
    await allStored(chat);
    await damageSegment(chat, round, half);
    await chat.page.reload();
    // The chat is brought back before it is asked.
    await chat.replies.first().waitFor();

    const { reply, receipt } = await chat.ask(question);
    expect(reply).toContain(fact);
    const { lower, upper } = receipt.kv.attention;
    expect(lower.droppedSegments).toBe(half === "lower" ? 1 : 0);
    expect(upper.droppedSegments).toBe(half === "upper" ? 1 : 0);
    expect({ lower, upper }[half].recomputedTokens).toBeGreaterThan(10);
    // What was computed again did not come from the store.
    expect(receipt.kv.restoredTokens).toBeLessThanOrEqual(
      receipt.kv.cachedTokens,
    );
    expect(chat.complaints).toEqual([]);

    // What was computed again is stored again.
    await allStored(chat);
  },
);
