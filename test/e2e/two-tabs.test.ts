// One chat in two tabs: one writes it, the other reads along and takes over when the first is closed.
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ChatPage } from "./browser";
import { Profile } from "./profile";

let profile: Profile;
let first: ChatPage;
let second: ChatPage;

beforeEach(async () => {
  profile = await Profile.create();
  first = await profile.open();
  await first.ask("My cat is called Miso.");
  second = await profile.open(first.page.url());
});
afterEach(() => profile.remove());

const elsewhere = () =>
  second.page.getByRole("status").filter({ hasText: "another tab" });

test("the second tab shows what the first one writes, and goes on when that is closed", async () => {
  await elsewhere().waitFor();
  expect(await second.rounds()).toEqual(await first.rounds());
  expect(await second.box.count()).toBe(0);

  await first.ask("My locker code is 4821.");
  const told = await first.rounds();
  await expect.poll(() => second.rounds()).toEqual(told);

  await first.page.close();
  await second.box.waitFor();
  expect(await elsewhere().count()).toBe(0);
  expect(await second.rounds()).toEqual(told);
  const code = await second.ask("What is my locker code?");
  expect(code.reply).toContain("4821");
  expect(code.receipt.kv.restoredTokens).toBeGreaterThan(0);
  const cat = await second.ask("What is my cat called?");
  expect(cat.reply).toContain("Miso");
  expect(cat.receipt.kv.prefilledTokens).toBeLessThan(20);

  // What the second one wrote is what the next one finds.
  const all = await second.rounds();
  expect(all.slice(0, 2)).toEqual(told);
  expect(all).toHaveLength(4);
  const third = await profile.open(second.page.url());
  await expect.poll(() => third.rounds()).toEqual(all);
  expect(second.complaints).toEqual([]);
});

test("a reply that was coming when the first tab was closed is cut off, and the second goes on behind it", async () => {
  await elsewhere().waitFor();
  const told = await first.rounds();
  // A page that nobody sees paints late.
  await first.page.bringToFront();
  await first.send("Tell me about trains.");
  await first.replies.nth(1).locator("rondo-markdown").waitFor();
  const seen = (await first.rounds())[1]!;
  await first.page.close();

  await second.box.waitFor();
  const [cat, trains, ...others] = await second.rounds();
  expect([cat]).toEqual(told);
  // Of a reply that began just now nothing may be written yet.
  const isCutOff = trains!.reply !== "";
  expect(trains).toMatchObject({ message: seen.message, isCutOff });
  expect(
    trains!.reply.startsWith(seen.reply) ||
      seen.reply.startsWith(trains!.reply),
  ).toBe(true);
  expect(others).toEqual([]);
  const { reply } = await second.ask("What is my cat called?");
  expect(reply).toContain("Miso");
  expect(await second.page.getByRole("alert").count()).toBe(0);
  expect(second.complaints).toEqual([]);
});
