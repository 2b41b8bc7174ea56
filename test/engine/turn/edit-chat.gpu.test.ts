// What was said is changed: another version, another order, one round less, another system prompt, a document.
import { openDB } from "idb";
import { afterEach, describe, expect, test } from "vitest";
import { Engine, type EngineOptions } from "../../../src/engine/engine";
import type { EngineNotice } from "../../../src/engine/api/notice";
import type { LocalReceipt } from "../../../src/engine/api/receipt";
import type { MessagePlace } from "../../../src/engine/api/chats";
import { ownName } from "../../store/fixtures";
import { GREEDY, say } from "../../support/say";
import { sharedGpu } from "../../support/shared-gpu";

const MODEL = new URL("/models/rondo-tiny/", location.href).href;
const open: Engine[] = [];

afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});

async function engineOf(
  options: EngineOptions = {},
  heals = false,
): Promise<Engine> {
  const engine = new Engine({ gpu: sharedGpu, ...options });
  open.push(engine);
  await engine.setHealing(heals);
  await engine.load(MODEL);
  return engine;
}

const newStore = () => ({ storeName: ownName() });

const FACTS = [
  "My cat is called Miso.",
  "My locker code is 4821.",
  "I live in Oslo.",
  "My favorite color is green.",
];

/** The chat that was told these, with its KV: told once, and read by each test. */
let told: Promise<Blob> | undefined;

async function tell(): Promise<Blob> {
  const engine = await engineOf(newStore());
  const chat = await engine.createChat();
  for (const message of FACTS) await say(engine, chat, message);
  return engine.exportChat(chat, { withKv: true });
}

/** A chat of its own that was told these, and what is needed to ask it on. */
async function toldChat({ heals = false } = {}) {
  const file = await (told ??= tell());
  const options = newStore();
  const engine = await engineOf(options, heals);
  const { id: chat } = await engine.importChat(file, { withKv: true });
  await engine.openChat(chat);
  const ask = (message: string, place?: MessagePlace) =>
    say(engine, chat, message, { ...GREEDY, place });
  const messages = async () =>
    (await engine.openChat(chat)).rounds.map(({ message }) => message);
  const ids = async () =>
    (await engine.openChat(chat)).rounds.map(({ id }) => id);
  return { engine, chat, ask, messages, ids, options };
}

/** Resolves when nothing of a chat is inexact any more. */
function healed(engine: Engine): Promise<void> {
  return new Promise((resolve) => {
    const stop = engine.onNotice((notice: EngineNotice) => {
      if (notice.type !== "healing" || notice.roundsLeft > 0) return;
      stop();
      resolve();
    });
  });
}

async function stored(storeName: string) {
  const connection = await openDB(storeName);
  const [rounds, segments] = [
    await connection.getAll("rounds"),
    await connection.getAllKeys("segments"),
  ];
  connection.close();
  const said = (rounds as { user: string; reply: string }[]).map(
    ({ user, reply }) => `${user} ${reply}`,
  );
  return { rounds, segments, text: said.join(" ") };
}

const fusionOf = ({ kv }: LocalReceipt) => kv.fusion;

describe("another version of a message", () => {
  test("with what follows kept: the new fact wins, and far less is computed than was kept", async () => {
    const { ask, messages, ids } = await toldChat();
    const [first, second, third] = (await ids()) as [number, number, number];
    const place = { behind: first, before: third };
    await ask("My locker code is 7350.", place);
    expect(await messages()).toEqual([
      FACTS[0],
      "My locker code is 7350.",
      FACTS[2],
      FACTS[3],
    ]);
    expect(await ids()).not.toContain(second);

    const { text, receipt } = await ask("What is my locker code?");
    expect(text).toContain("7350");
    expect(receipt.kv.fusion).toMatchObject({ exactRounds: 2, staleRounds: 2 });
    const { staleTokens, repairedTokens } = fusionOf(receipt);
    expect(staleTokens).toBeGreaterThan(40);
    expect(repairedTokens).toBeGreaterThan(0);
    expect(receipt.kv.prefilledTokens).toBe(repairedTokens + 14);
  });

  test("as a branch of its own: nothing is computed again, and both stay over a reload", async () => {
    const { engine, chat, ask, messages, ids, options } = await toldChat();
    const [, second] = (await ids()) as [number, number];
    const { receipt } = await ask("I have a dog.", { behind: second });
    expect(receipt.kv.fusion.staleRounds).toBe(0);
    expect(await messages()).toEqual([FACTS[0], FACTS[1], "I have a dog."]);
    await engine.close();

    const next = await engineOf(options);
    const history = await next.openChat(chat);
    expect(history.rounds.map(({ message }) => message).at(-1)).toBe(
      "I have a dog.",
    );
    const [third] = history.rounds.at(-1)!.versions;
    const back = await next.showVersion(chat, third!);
    expect(back.rounds.map(({ message }) => message)).toEqual(FACTS);
    const { text, receipt: restored } = await say(
      next,
      chat,
      "What is my favorite color?",
    );
    expect(text).toContain("green");
    expect(restored).toMatchObject({ kv: { prefilledTokens: 14 } });
    expect(restored.kv.fusion.staleRounds).toBe(0);
    await next.close();

    // Which branch was shown last is remembered.
    const last = await engineOf(options);
    const shown = (await last.openChat(chat)).rounds;
    expect(shown.map(({ message }) => message)).toEqual([
      ...FACTS,
      "What is my favorite color?",
    ]);
  });

  test("a reply is regenerated: its versions can be stepped through", async () => {
    const { engine, chat, ask, ids } = await toldChat();
    const before = (await ids()) as [number, number, number, number];
    const { receipt } = await ask(FACTS[3]!, { behind: before[2] });
    expect(receipt.kv.fusion.staleRounds).toBe(0);
    const { rounds } = await engine.openChat(chat);
    expect(rounds.at(-1)!.versions).toEqual([before[3], receipt.roundId]);
    const shown = await engine.showVersion(chat, before[3]);
    expect(shown.rounds.map(({ id }) => id)).toEqual(before);
  });

  test("that can't go where it is wanted leaves the chat as it was", async () => {
    const { ask, messages, ids } = await toldChat();
    const [first, second] = (await ids()) as [number, number];
    const wrong = { behind: second, before: first };
    await expect(ask("No.", wrong)).rejects.toThrow(RangeError);
    await expect(ask("No.", { behind: 77 })).rejects.toThrow(/round 77/);
    expect(await messages()).toEqual(FACTS);
    expect((await ask("What is my cat called?")).text).toContain("Miso");
  });

  test("that can't be answered is kept as a version of what it was to follow", async () => {
    const { engine, chat, ask, messages, ids } = await toldChat();
    const [first, second] = (await ids()) as [number, number];
    const long = "word ".repeat(3000);
    await expect(ask(long, { behind: first })).rejects.toThrow(/tokens/);
    expect(await messages()).toEqual([FACTS[0], long]);
    await engine.showVersion(chat, second);
    expect(await messages()).toEqual(FACTS);
    expect((await ask("What is my cat called?")).text).toContain("Miso");
  });
});

describe("a round that is deleted", () => {
  test("is forgotten: nothing of it is stored, and later rounds are computed without it", async () => {
    const { engine, chat, ask, ids, messages, options } = await toldChat();
    const [, second, third] = (await ids()) as [number, number, number];
    await engine.deleteRound(chat, second);
    expect(await messages()).toEqual([FACTS[0], FACTS[2], FACTS[3]]);
    const { rounds, segments, text: kept } = await stored(options.storeName);
    expect(kept).toContain("Oslo");
    expect(kept).not.toContain("4821");
    // Nor what later rounds' KV is like.
    expect(rounds.at(-1)).not.toHaveProperty("pageDigest");
    expect(segments.every((key) => (key as [string, number])[1] < third)).toBe(
      true,
    );

    const report = await engine.restoreChat(chat);
    expect(report.recomputedTokens).toBeGreaterThan(40);
    const { text, receipt } = await ask("What is my locker code?");
    expect(text).not.toContain("4821");
    expect(receipt.kv.fusion.staleRounds).toBe(0);
  });

  test("is forgotten on other branches too, where it was kept as a copy", async () => {
    const { engine, chat, ask, ids, options } = await toldChat();
    const [, second] = (await ids()) as [number, number];
    const first = (await ids())[0]!;
    await ask("I have a dog.", { behind: first, before: second });
    const copy = (await ids())[2]!;
    expect(await engine.openChat(chat)).toHaveProperty(
      "rounds.2.message",
      FACTS[1],
    );
    await engine.deleteRound(chat, copy);
    expect((await stored(options.storeName)).text).not.toContain("4821");
    const back = await engine.showVersion(chat, (await ids())[0]!);
    expect(back.rounds.map(({ message }) => message)).not.toContain(FACTS[1]);
  });

  test("quickly leaves later KV as it is, stale", async () => {
    const { engine, chat, ask, ids } = await toldChat();
    const [, second] = (await ids()) as [number, number];
    await engine.deleteRound(chat, second, { isFast: true });
    const { text, receipt } = await ask("Where do I live?");
    expect(text).toContain("Oslo");
    expect(receipt.kv.fusion).toMatchObject({ exactRounds: 1, staleRounds: 2 });
    expect(receipt.kv.attention.lower.recomputedTokens).toBe(0);
  });

  test("that is not there is refused, and so is the system prompt's", async () => {
    const { engine, chat } = await toldChat();
    await expect(engine.deleteRound(chat, 99)).rejects.toThrow(RangeError);
    await expect(engine.deleteRound(chat, 0)).rejects.toThrow(RangeError);
  });
});

test("a round is moved: all are there, in another order, and none is read again as a whole", async () => {
  const { engine, chat, ask, ids, messages } = await toldChat();
  const before = (await ids()) as [number, number, number, number];
  await engine.moveRound(chat, before[3], before[0]);
  expect(await messages()).toEqual([FACTS[0], FACTS[3], FACTS[1], FACTS[2]]);
  const { text, receipt } = await ask("What is my favorite color?");
  expect(text).toContain("green");
  expect(receipt.kv.fusion).toMatchObject({ exactRounds: 1, staleRounds: 3 });
});

test("with another system prompt all is stale, and still of use", async () => {
  const { engine, chat, ask, options } = await toldChat();
  const history = await engine.setSystem(chat, "You answer in few words.");
  expect(history.system).toBe("You answer in few words.");
  const { text, receipt } = await ask("What is my cat called?");
  expect(text).toContain("Miso");
  expect(receipt.kv.fusion).toMatchObject({ exactRounds: 0, staleRounds: 4 });
  await engine.close();
  const next = await engineOf(options);
  expect((await next.openChat(chat)).system).toBe("You answer in few words.");
  const again = await say(next, chat, "What is my locker code?");
  expect(again.text).toContain("4821");
});

describe("healing", () => {
  test("makes stale KV exact: the next turn has nothing to repair, and says what a fresh chat says", async () => {
    const { engine, chat, ask, ids, options } = await toldChat({ heals: true });
    const [first, , third] = (await ids()) as [number, number, number];
    const done = healed(engine);
    await ask("My locker code is 7350.", { behind: first, before: third });
    await done;
    const { text, receipt } = await ask("What is my locker code?");
    expect(text).toContain("7350");
    expect(receipt.kv.fusion).toMatchObject({ exactRounds: 4, staleRounds: 0 });
    expect(receipt.kv.prefilledTokens).toBe(14);

    // What was healed is stored: another engine finds it exact.
    await engine.close();
    const next = await engineOf(options);
    await next.openChat(chat);
    const again = await say(next, chat, "What is my cat called?");
    expect(again.text).toContain("Miso");
    expect(again.receipt.kv.fusion.staleRounds).toBe(0);
    expect(again.receipt.kv.prefilledTokens).toBe(14);
  });

  test("leaves a chat alone that was left to another tab, which may delete what is healed here", async () => {
    const { engine, chat, ids, options } = await toldChat();
    const [, second, , last] = (await ids()) as [
      number,
      number,
      number,
      number,
    ];
    await engine.deleteRound(chat, second, { isFast: true });
    await engine.leaveChat(chat);
    const other = await engineOf(options);
    expect((await other.openChat(chat)).access).toBe("write");
    await other.deleteRound(chat, last);
    const notices: EngineNotice[] = [];
    engine.onNotice((notice) => notices.push(notice));
    await engine.setHealing(true);
    // Its turn comes after that of healing.
    await engine.exportChat(chat);
    expect(notices.filter(({ type }) => type === "healing")).toEqual([]);
    await other.leaveChat(chat);
    const { rounds } = await engine.openChat(chat);
    expect(rounds.map(({ message }) => message)).toEqual([FACTS[0], FACTS[2]]);
  });

  test("waits while it is turned off", async () => {
    const { engine, chat, ask, ids } = await toldChat();
    const [, second] = (await ids()) as [number, number];
    await engine.deleteRound(chat, second, { isFast: true });
    const one = await ask("Where do I live?");
    expect(one.receipt.kv.fusion.staleRounds).toBe(2);
    const done = healed(engine);
    await engine.setHealing(true);
    await done;
    const two = await ask("Where do I live?");
    expect(two.receipt.kv.fusion.staleRounds).toBe(0);
  });
});

describe("a document", () => {
  const note = {
    name: "trip.txt",
    text: "The train leaves at ten. The meeting is in room 12.",
  };
  const QUESTION = "When does the train leave?";

  test("is read once, and nothing of it again in another chat", async () => {
    const { engine, chat, ask, options } = await toldChat();
    const one = await engine.attach(chat, note);
    expect(one).toMatchObject({ reusedTokens: 0 });
    expect(one.encodedTokens).toBeGreaterThan(20);
    expect((await ask(QUESTION)).text).toContain("ten");

    const other = await engine.createChat();
    await say(engine, other, "I live in Rome.");
    const two = await engine.attach(other, note);
    expect(two).toMatchObject({
      encodedTokens: 0,
      reusedTokens: one.encodedTokens,
    });
    const { text, receipt } = await say(engine, other, QUESTION);
    expect(text).toContain("ten");
    expect(receipt.kv.fusion.staleRounds).toBe(1);
    await engine.close();

    // Also behind a reload, and from the start of a chat it is exact.
    const next = await engineOf(options);
    const fresh = await next.createChat();
    // The first message of a chat may be opened in another way.
    const three = await next.attach(fresh, note);
    expect(three.encodedTokens + three.reusedTokens).toBeGreaterThan(20);
    const said = await say(next, fresh, QUESTION);
    expect(said.text).toContain("ten");
    expect(said.receipt.kv.fusion.staleRounds).toBe(0);
    const [round] = (await next.openChat(fresh)).rounds;
    expect(round).toMatchObject({ document: "trip.txt", message: note.text });
  });

  test("is detached again, and forgotten", async () => {
    const { engine, chat, ask, messages, options } = await toldChat();
    const { roundId } = await engine.attach(chat, note);
    await engine.deleteRound(chat, roundId);
    expect(await messages()).toEqual(FACTS);
    expect((await ask(QUESTION)).text).not.toContain("ten");
    expect((await stored(options.storeName)).text).not.toContain("room 12");
  });

  test("that is too long is refused, and one that is stopped is not there", async () => {
    const { engine, chat, messages } = await toldChat();
    const long = { name: "long.txt", text: "word ".repeat(2000) };
    await expect(engine.attach(chat, long)).rejects.toThrow(/long.txt has/);
    const stop = new AbortController();
    const stopped = engine.attach(
      chat,
      { name: "stopped.txt", text: "The sky is blue. ".repeat(60) },
      { signal: stop.signal, onProgress: () => stop.abort() },
    );
    await expect(stopped).rejects.toThrow(/abort/i);
    expect(await messages()).toEqual(FACTS);
  });
});
