// The browser is killed while replies come and rounds are written: nothing that was said is lost.
// KILLS=20 in the environment kills it so often; SEED gives other moments.
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { seededRandom } from "../support/random";
import type { ChatPage, ShownRound } from "./browser";
import { Profile } from "./profile";

const KILLS = Number(process.env.KILLS ?? 4);
const SEED = Number(process.env.SEED ?? 1);

/** What is told first, and asked for after each kill. */
const TOLD = [
  {
    fact: "Miso",
    message: "My cat is called Miso.",
    question: "What is my cat called?",
  },
  {
    fact: "4821",
    message: "My locker code is 4821.",
    question: "What is my locker code?",
  },
  { fact: "Oslo", message: "I live in Oslo.", question: "Where do I live?" },
  {
    fact: "Ada",
    message: "My sister is called Ada.",
    question: "What is my sister called?",
  },
];

/** What is said while the browser is killed. */
const SAID = [
  "Can you tell me more about trains?",
  "I play chess.",
  "Tell me about boats.",
  "I like green tea.",
  "What do you know about the sea?",
  "My bike is red.",
  "Tell me about trains.",
  "I work in a library.",
];

interface Moment {
  kill: number;
  /** While a message is answered, or while the answer before it is stored. */
  during: "reply" | "storing";
  afterMs: number;
}

let profile: Profile;
let chat: ChatPage;
let address: string;

beforeAll(async () => {
  profile = await Profile.create();
  chat = await profile.open();
  for (const { message } of TOLD) await chat.ask(message);
  address = chat.page.url();
});
afterAll(() => profile.remove());

test.each(moments())(
  "kill $kill, $afterMs ms into the $during: all that was said is there, and the next answer is right",
  async ({ kill, during, afterMs }) => {
    if (during === "reply") await chat.send(SAID[kill % SAID.length]!);
    await setTimeout(afterMs);
    const seen = await chat.rounds();
    await profile.kill();

    chat = await profile.open(address);
    await chat.replies.nth(TOLD.length - 1).waitFor();
    const kept = await chat.rounds();
    expectKept(kept, seen, during);

    const { question, fact } = TOLD[kill % TOLD.length]!;
    expect((await chat.ask(question)).reply).toContain(fact);
    // A message that was left without a reply is another version of the next one.
    const answered = kept.filter(({ reply }) => reply !== "");
    expect((await chat.rounds()).slice(0, -1)).toEqual(answered);
    // The page learns of another one from the engine, after the reply.
    await expect
      .poll(() => chat.versionsOfLast())
      .toBe(1 + kept.length - answered.length);
    const { page, complaints } = chat;
    const dismiss = page.getByRole("button", { name: "Dismiss" });
    expect(await dismiss.count()).toBe(0);
    expect(await page.getByRole("alert").count()).toBe(0);
    expect(complaints).toEqual([]);
  },
);

test("kill while a message waits for the model: it is there, and can be answered", async () => {
  const own = await Profile.create();
  onTestFinished(() => own.remove());
  const [{ message, fact }] = TOLD as [(typeof TOLD)[0]];
  const before = await own.open(undefined, (page) =>
    // Never answered.
    page.route("**/model.safetensors", () => undefined),
  );
  await before.send(message);
  await before.page.getByText("Waiting for the model").waitFor();
  const where = before.page.url();
  // As long as people need to reach for the window's corner.
  await setTimeout(500);
  await own.kill();

  const after = await own.open(where);
  await after.page.getByText(message).first().waitFor();
  const unanswered = { message, reply: "", isCutOff: false };
  await expect.poll(() => after.rounds()).toEqual([unanswered]);
  await after.page.getByRole("button", { name: "Answer" }).click();
  await expect
    .poll(async () => (await after.rounds())[0]?.reply, { timeout: 60_000 })
    .toContain(fact);
  expect(after.complaints).toEqual([]);
});

test("kill while an edited message is answered: the rounds that were kept behind it are there", async () => {
  const own = await Profile.create();
  onTestFinished(() => own.remove());
  const before = await own.open();
  for (const { message } of TOLD.slice(0, 3)) await before.ask(message);
  const [first, , third] = await before.rounds();
  const where = before.page.url();
  const round = before.page.locator("rondo-round").nth(1);
  await round.hover();
  await round.getByRole("button", { name: "Edit" }).click();
  const editor = before.page.getByRole("textbox", { name: "Edit message" });
  await editor.fill(SAID[0]!);
  const send = { name: "Send, keep what follows" };
  await before.page.getByRole("button", send).click();
  await before.stopButton.waitFor();
  await own.kill();

  const after = await own.open(where);
  await after.replies.nth(1).waitFor();
  const edited = expect.objectContaining({ message: SAID[0]! }) as ShownRound;
  await expect.poll(() => after.rounds()).toEqual([first, edited, third]);
  expect(after.complaints).toEqual([]);
});

/**
 * Whether what is kept is what was seen: all messages, in order, each with its own reply. Of a reply
 * that was coming, or had ended just then, it may be the beginning.
 */
function expectKept(
  kept: readonly ShownRound[],
  seen: readonly ShownRound[],
  during: Moment["during"],
): void {
  const last = seen.length - 1;
  const hasBegun = seen[last]!.reply !== "";
  expect(kept).toHaveLength(seen.length);
  // A message is written after the answer before it.
  const settled = during === "reply" && !hasBegun ? last - 1 : last;
  expect(kept.slice(0, settled)).toEqual(seen.slice(0, settled));
  for (let i = settled; i < kept.length; i++) {
    const { message, reply } = seen[i]!;
    expect(kept[i]!.message).toBe(message);
    // Words may be written that are not painted yet.
    const [shorter, longer] = [kept[i]!.reply, reply].sort(
      (a, b) => a.length - b.length,
    );
    expect(longer!.slice(0, shorter!.length)).toBe(shorter);
  }
}

function moments(): Moment[] {
  const random = seededRandom(SEED);
  return Array.from({ length: KILLS }, (_, i) => {
    const during = random() < 0.6 ? "reply" : "storing";
    const mostMs = during === "reply" ? 3000 : 800;
    return { kill: i + 1, during, afterMs: Math.floor(mostMs * random()) };
  });
}
