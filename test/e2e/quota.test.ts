// The site's share of the disk is full: KV makes way, text does not, and the user is told.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ChatPage } from "./browser";
import { keptRound, segmentKeys } from "./kept";
import { Profile } from "./profile";

/** Room for the text of all rounds, and the KV of some. */
const QUOTA_BYTES = 400_000;
/** Far more than it takes to fill that. */
const MOST_ROUNDS = 12;

let profile: Profile;
let chat: ChatPage;

beforeAll(async () => {
  profile = await Profile.create();
  chat = await profile.open();
  const session = await chat.page.context().newCDPSession(chat.page);
  const { origin } = new URL(chat.page.url());
  const quotaSize = QUOTA_BYTES;
  await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize });
});
afterAll(() => profile.remove());

test("a chat goes on where the disk is full: KV goes, text stays, and the user is told", async () => {
  const isStored = async (chatId: string) =>
    (await segmentKeys(chat, chatId)).length > 0;
  await chat.ask("My cat is called Miso.");
  await chat.ask("My locker code is 4821.");
  const earlier = { address: chat.page.url(), rounds: await chat.rounds() };
  const earlierId = await chat.chatId();
  await expect.poll(() => isStored(earlierId)).toBe(true);

  await chat.page.getByRole("button", { name: "New chat" }).first().click();
  await chat.ask("My sister is called Ada.");
  const told = chat.page.getByRole("status").filter({ hasText: "no room" });
  for (let i = 0; i < MOST_ROUNDS && (await told.count()) === 0; i++)
    await chat.ask(`I live in Oslo. ${"My bike is red. ".repeat(9)}`);
  expect(await told.innerText()).toMatch(/Delete chats.*No text is lost/s);
  // The KV of the chat that was not used for longest went first.
  expect(await isStored(earlierId)).toBe(false);

  const { reply, receipt } = await chat.ask("What is my sister called?");
  expect(reply).toContain("Ada");
  expect(await chat.page.getByRole("alert").count()).toBe(0);
  const rounds = await chat.rounds();
  const isKept = async () =>
    (await keptRound(chat, receipt.roundId))?.isFinished;
  await expect.poll(isKept).toBe(true);

  await chat.page.reload();
  await expect.poll(() => chat.rounds()).toEqual(rounds);
  expect((await chat.ask("What is my sister called?")).reply).toContain("Ada");

  await chat.page.goto(earlier.address);
  await expect.poll(() => chat.rounds()).toEqual(earlier.rounds);
  const { reply: code } = await chat.ask("What is my locker code?");
  expect(code).toContain("4821");
  expect(chat.complaints).toEqual([]);
});
