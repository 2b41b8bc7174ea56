// A chat outlives its page and its browser, and goes on as if neither had ended.
import type { Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ChatPage, ShownRound } from "./browser";
import { allStored, keptRound } from "./kept";
import { Profile } from "./profile";

const TOLD = [
  "My cat is called Miso.",
  "My locker code is 4821.",
  "I live in Oslo.",
  "I play chess.",
  "My sister is called Ada.",
  "I like green tea.",
  "My bike is red.",
  "Hello!",
  "My dog is called Biscuit.",
  "I work in a library.",
  "Thank you.",
  "My brother is called Tom.",
];

let profile: Profile;
let chat: ChatPage;

beforeAll(async () => {
  profile = await Profile.create();
  chat = await profile.open();
  for (const message of TOLD) await chat.ask(message);
});
afterAll(() => profile.remove());

test.each([
  {
    end: "its page was loaded again",
    question: "What is my locker code?",
    fact: "4821",
    again: async (hold: (page: Page) => Promise<void>) => {
      await hold(chat.page);
      await chat.page.reload();
    },
  },
  {
    end: "its browser was started again",
    question: "What is my cat called?",
    fact: "Miso",
    again: async (hold: (page: Page) => Promise<void>) => {
      const address = chat.page.url();
      await profile.quit();
      chat = await profile.open(address, hold);
    },
  },
])(
  "after $end a chat is shown before the model is there, and only the next question is read",
  async ({ question, fact, again }) => {
    await allStored(chat);
    const before = await chat.rounds();
    const model = heldModel();
    await again(model.hold);
    expect(await shownRounds()).toEqual(before);
    expect(before.map(({ message }) => message)).toEqual(
      expect.arrayContaining(TOLD),
    );
    model.release();

    const { reply, receipt } = await chat.ask(question);
    expect(reply).toContain(fact);
    const { prefilledTokens, restoredTokens, cachedTokens } = receipt.kv;
    const asked = await keptRound(chat, receipt.roundId);
    expect(prefilledTokens).toBe(asked!.openTokens);
    expect(prefilledTokens).toBeLessThan(20);
    expect(restoredTokens).toBeGreaterThan(200);
    expect(restoredTokens).toBe(cachedTokens);
    for (const half of [receipt.kv.attention.lower, receipt.kv.attention.upper])
      expect(half).toMatchObject({ recomputedTokens: 0, droppedSegments: 0 });
    const text = await chat.replies.last().innerText();
    expect(text).toMatch(new RegExp(`\\brestored ${restoredTokens}\\b`));
    expect(text).toMatch(new RegExp(`\\bprefilled ${prefilledTokens}\\b`));
    expect(chat.complaints).toEqual([]);
    expect(chat.foreignRequests).toEqual([]);
  },
);

async function shownRounds(): Promise<ShownRound[]> {
  await chat.replies.first().waitFor();
  return chat.rounds();
}

/** Keeps a page waiting for the model's weights until they are released. */
function heldModel() {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const hold = async (page: Page) => {
    await page.route("**/model.safetensors", async (route) => {
      await released;
      await route.continue();
    });
  };
  return { hold, release };
}
