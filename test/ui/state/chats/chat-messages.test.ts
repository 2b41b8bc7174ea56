// A chat as a list of messages, there and back.
import { describe, expect, test } from "vitest";
import {
  checkedMessages,
  messagesOf,
  roundsOf,
  type ChatMessage,
} from "../../../../src/ui/state/chats/chat-messages";
import { givenRound } from "../../../../src/ui/state/chats/round";

const user = (content: string): ChatMessage => ({ role: "user", content });
const model = (content: string): ChatMessage => ({
  role: "assistant",
  content,
});

describe("Messages", () => {
  test("and their replies are rounds, and the other way round", () => {
    const messages = [user("a"), model("b"), user("c"), model("d")];
    const { rounds, unanswered } = roundsOf(messages);
    expect(rounds).toEqual([
      { message: "a", reply: "b" },
      { message: "c", reply: "d" },
    ]);
    expect(unanswered).toBe("");
    const shown = rounds.map((said, i) => givenRound(i, said));
    expect(messagesOf(shown)).toEqual(messages);
  });

  test("that begin with a reply begin with a round without a message", () => {
    const { rounds } = roundsOf([model("Hello!"), user("a"), model("b")]);
    expect(rounds).toEqual([
      { message: "", reply: "Hello!" },
      { message: "a", reply: "b" },
    ]);
    expect(messagesOf([givenRound(1, rounds[0]!)])).toEqual([model("Hello!")]);
  });

  test("of one side in a row are one", () => {
    const said = [user("a"), user("b"), model("c"), model("d")];
    expect(roundsOf(said).rounds).toEqual([
      { message: "a\n\nb", reply: "c\n\nd" },
    ]);
  });

  test("at the end that nobody has answered are no round yet", () => {
    const { rounds, unanswered } = roundsOf([user("a"), model("b"), user("c")]);
    expect(rounds).toHaveLength(1);
    expect(unanswered).toBe("c");
  });

  test("may be written as other chat elements have them", () => {
    expect(
      checkedMessages([
        { role: "ai", text: "Hello!" },
        { role: "user", text: "a", files: [] },
      ]),
    ).toEqual([model("Hello!"), user("a")]);
  });

  test.each([
    ["a string", "found"],
    [[{ role: "robot", content: "a" }], '"robot" at 0.role'],
    [[user("a"), { role: "assistant" }], "at 1"],
    [[{ role: "user", content: 3 }], "3 at 0.content"],
  ])("are refused where they are none: %j", (given, told) => {
    expect(() => checkedMessages(given)).toThrow(TypeError);
    expect(() => checkedMessages(given)).toThrow(told);
  });
});
