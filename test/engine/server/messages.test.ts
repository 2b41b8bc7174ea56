import { expect, test } from "vitest";
import { messagesOf } from "../../../src/engine/server/messages";

const said = (user: string, reply: string, document?: string) => ({
  user,
  reply,
  document,
});

const rounds = [
  said("Hi", "<think>\nA greeting.\n</think>\n\nHello!"),
  said("The cat is grey.", "Got it, I have the note.", "cat.txt"),
];

test("a chat is its system prompt, then a message and a reply for each round, then the question", () => {
  expect(messagesOf("Be brief.", rounds, { user: "Which colour?" })).toEqual([
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hi" },
    { role: "assistant", content: "Hello!" },
    { role: "user", content: "Here is a note. The cat is grey." },
    { role: "assistant", content: "Got it, I have the note." },
    { role: "user", content: "Which colour?" },
  ]);
});

test("a chat begins with the same bytes after each new round", () => {
  const sent = (count: number, question: string) =>
    JSON.stringify(
      messagesOf("Be brief.", rounds.slice(0, count), { user: question }),
    );
  const before = sent(1, "The cat is grey.").slice(0, -'grey."}]'.length);
  const first = sent(1, "x").slice(0, -'x"}]'.length);
  expect(before.startsWith(first)).toBe(true);
  expect(sent(2, "y").startsWith(first)).toBe(true);
});

test("with a separator each round is a text of its own, with the same bytes in any order", () => {
  const texts = (order: typeof rounds) =>
    messagesOf("S", order, { user: "Q" }, "\n# #\n").map(
      ({ content }) => content,
    );
  const [a, b] = rounds;
  const together = texts(rounds);
  expect(together).toEqual([
    "S",
    "\n# #\nHi",
    "Hello!",
    "\n# #\nHere is a note. The cat is grey.",
    "Got it, I have the note.",
    "\n# #\nQ",
  ]);
  expect(texts([b!, a!]).toSorted()).toEqual(together.toSorted());
});

test("without a system prompt the server's template decides", () => {
  expect(messagesOf(undefined, [], { user: "Q" })).toEqual([
    { role: "user", content: "Q" },
  ]);
});

test("a reply without a message keeps its place, as on this device", () => {
  expect(messagesOf(undefined, [said("", "Welcome.")], { user: "Q" })).toEqual([
    { role: "user", content: "" },
    { role: "assistant", content: "Welcome." },
    { role: "user", content: "Q" },
  ]);
});

test("calls of tools and what they gave are as OpenAI's API has them", () => {
  const call = {
    id: "000001000",
    name: "weather",
    arguments: { city: "Oslo" },
  };
  const result = { callId: call.id, name: "weather", content: "Rain." };
  const called = { ...said("Is it raining?", ""), calls: [call] };
  const asked = { user: "", results: [result] };
  expect(messagesOf(undefined, [called], asked)).toEqual([
    { role: "user", content: "Is it raining?" },
    {
      role: "assistant",
      content: "",
      tool_calls: [
        {
          id: call.id,
          type: "function",
          function: { name: "weather", arguments: '{"city":"Oslo"}' },
        },
      ],
    },
    { role: "tool", tool_call_id: call.id, content: "Rain." },
  ]);
});
