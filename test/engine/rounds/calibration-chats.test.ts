// The built-in chats keep what choosing heads rests on, whatever the seed.
import { describe, expect, test } from "vitest";
import {
  type CalibrationChat,
  calibrationChats,
  type CalibrationQuestion,
} from "../../../src/engine/rounds/calibration-chats";
import {
  ENGLISH,
  FRENCH,
  GERMAN,
  SPANISH,
} from "../../../src/engine/rounds/calibration-talk";

const seeds = Array.from({ length: 12 }, (_, i) => i + 1);
const chats = seeds.flatMap(calibrationChats);

/** Words without content, in all four languages. */
const FUNCTION_WORDS = new Set(
  `a an the i my me our we us you your it its is are am was be been to of in on at for with and or so have has had do
   does did must should not never what which who when where how that this those from tell
   ich mein meine meiner du der die das den dem ein eine einen und zu auf in um an seit mich muss darf habe bin ist
   mir von hat über wer welche welches welcher welchem was wann nie
   je j ai suis mon ma le la les l un une du de d à au aux dans ce cet cette ces c est et alors n ne pas jamais qu que
   quel quelle quand où qui sur moi a se il faut dois me va depuis
   yo mi mis me el la los las un una a al de del en y con que qué cuál cuándo dónde es está he tengo estoy desde no
   nunca así quién un sobre`.split(/\s+/),
);

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Words with content, cut to the five letters that inflected forms share. */
function contentOf(text: string): Set<string> {
  const content = wordsOf(text).filter((word) => !FUNCTION_WORDS.has(word));
  return new Set(content.map((word) => word.slice(0, 5)));
}

function sharedWith(chat: CalibrationChat, question: CalibrationQuestion) {
  const { user, reply } = chat.rounds[question.source!]!;
  const told = contentOf(`${user} ${reply}`);
  return [...contentOf(question.text)].filter((word) => told.has(word));
}

/** The questions of a kind, each with its chat. */
function asked(kind: CalibrationQuestion["kind"]) {
  return chats.flatMap((chat) =>
    chat.questions
      .filter((question) => question.kind === kind)
      .map((question) => ({ chat, question })),
  );
}

test("the same seed gives the same chats, another one others", () => {
  expect(calibrationChats(7)).toEqual(calibrationChats(7));
  expect(calibrationChats()).toEqual(calibrationChats(1));
  expect(calibrationChats(8)).not.toEqual(calibrationChats(7));
});

test("chats have 12 or 24 rounds, and all together about 12,000 tokens", () => {
  for (const chat of chats) expect([12, 24]).toContain(chat.rounds.length);
  for (const seed of seeds) {
    const texts = calibrationChats(seed).flatMap((chat) => [
      chat.system,
      ...chat.rounds.flatMap(({ user, reply }) => [user, reply]),
      ...chat.questions.map(({ text }) => text),
    ]);
    const tokens = texts.join("").length / 4;
    expect(tokens).toBeGreaterThan(11_000);
    expect(tokens).toBeLessThan(13_000);
  }
});

test("most chats are in English, and whole ones in German, French and Spanish", () => {
  const count = (system: string) =>
    calibrationChats().filter((chat) => chat.system === system).length;
  expect(count(ENGLISH.system)).toBe(12);
  for (const { system } of [GERMAN, FRENCH, SPANISH])
    expect(count(system)).toBe(2);
});

test("the talk is varied: over eighty exchanges and sixteen kinds of facts, none twice", () => {
  const linesOf = (text: string) => text.trim().split("\n");
  const exchanges = [ENGLISH, GERMAN, FRENCH, SPANISH].flatMap((talk) =>
    linesOf(talk.exchanges),
  );
  expect(exchanges.length).toBeGreaterThan(80);
  expect(new Set(exchanges).size).toBe(exchanges.length);
  for (const exchange of exchanges) {
    const [user, reply, ...more] = exchange.split(" | ").map(wordsOf);
    expect(more).toEqual([]);
    expect(user!.length, exchange).toBeGreaterThanOrEqual(5);
    expect(user!.length, exchange).toBeLessThanOrEqual(30);
    expect(reply!.length, exchange).toBeGreaterThanOrEqual(5);
    expect(reply!.length, exchange).toBeLessThanOrEqual(40);
  }
  const facts = linesOf(ENGLISH.facts);
  expect(new Set(facts).size).toBeGreaterThanOrEqual(16);
});

describe("a question about a fact", () => {
  const sourced = [...asked("same"), ...asked("other")];

  test("names the round that tells it, which is not the last and the only one that does", () => {
    for (const { chat, question } of sourced) {
      const holds = chat.rounds.map(({ user, reply }) =>
        `${user} ${reply}`.includes(question.answer!),
      );
      expect(holds.indexOf(true), question.text).toBe(question.source);
      expect(holds.lastIndexOf(true), question.text).toBe(question.source);
      expect(question.source).toBeLessThan(chat.rounds.length - 1);
      expect(question.text).not.toContain(question.answer!);
    }
  });

  test("shares words with it, or none", () => {
    for (const { chat, question } of asked("same"))
      expect(sharedWith(chat, question), question.text).not.toEqual([]);
    for (const { chat, question } of asked("other"))
      expect(sharedWith(chat, question), question.text).toEqual([]);
  });

  test("is asked in both ways, of three or five facts in a round of their own", () => {
    for (const { rounds, questions } of chats) {
      const sourcesOf = (kind: CalibrationQuestion["kind"]) =>
        questions.filter((one) => one.kind === kind).map((one) => one.source);
      expect(sourcesOf("same")).toEqual(sourcesOf("other"));
      expect(new Set(sourcesOf("same")).size).toBe(
        rounds.length === 24 ? 5 : 3,
      );
    }
  });
});

test("no two facts of a kind are in one chat, nor a question or a round twice", () => {
  for (const { rounds, questions } of chats) {
    const texts = questions.map(({ text }) => text);
    expect(new Set(texts).size).toBe(texts.length);
    const messages = rounds.map(({ user }) => user);
    expect(new Set(messages).size).toBe(messages.length);
  }
});

test("questions that ask for nothing have no source, and there are some in each chat", () => {
  for (const { question } of asked("none")) {
    expect(question.source).toBeUndefined();
    expect(question.answer).toBeUndefined();
  }
  for (const { rounds, questions } of chats)
    expect(questions.filter(({ kind }) => kind === "none")).toHaveLength(
      rounds.length === 24 ? 4 : 3,
    );
});

test("questions that ask for nothing share no word with anything that is said", () => {
  for (const { nothing, ...said } of [ENGLISH, GERMAN, FRENCH, SPANISH]) {
    const told = said.facts.replaceAll(/ \|.* \|/g, "");
    const words = contentOf(`${said.exchanges} ${told} ${said.replies}`);
    const shared = [...contentOf(nothing)].filter((word) => words.has(word));
    expect(shared).toEqual([]);
  }
});

test("no placeholder is left, and nothing is empty", () => {
  for (const { rounds, questions } of chats)
    for (const text of [
      ...rounds.flatMap(({ user, reply }) => [user, reply]),
      ...questions.map((one) => one.text),
    ]) {
      expect(text).not.toMatch(/\$|undefined|\||\n/);
      expect(text.trim()).toBe(text);
      expect(text).not.toBe("");
    }
});
