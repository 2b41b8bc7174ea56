// A reply's text and its log-probabilities, token by token.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ReplyText } from "../../../src/engine/reply/reply-text";

/** Every token is a word of these. */
const WORDS = ["a", "b", "\n", "User", "Us", "er:", "\nUser:", "c\nUs"];
const tokenizer = {
  decode: (ids: readonly number[]) => ids.map((id) => WORDS[id]).join(""),
  isText: () => true,
};

/** What a reply of these tokens says, until a stop ends it. */
function read(tokens: readonly number[], stops = ["\nUser:"]) {
  const text = new ReplyText(tokenizer, stops);
  const events: ReturnType<ReplyText["push"]>[] = [];
  for (const token of tokens) {
    events.push(text.push({ token, logprobs: { drawn: -token, top: [] } }));
    if (text.keptTokens !== undefined) break;
  }
  events.push(text.end());
  const said = events.filter((event) => event !== undefined);
  return {
    events: said,
    kept: text.keptTokens ?? tokens.length,
    text: said.map((event) => event.text).join(""),
    told: said.flatMap(({ logprobs = [] }) => logprobs).map((o) => o.token),
  };
}

describe("log-probabilities come", () => {
  test("with the text of their tokens", () => {
    expect(read([0, 1], []).events).toEqual([
      {
        type: "text",
        text: "a",
        logprobs: [{ token: 0, text: "a", logprob: -0, top: [] }],
      },
      {
        type: "text",
        text: "b",
        logprobs: [{ token: 1, text: "b", logprob: -1, top: [] }],
      },
    ]);
  });

  test("when it is clear that their text is part of the reply", () => {
    const { events, told } = read([0, 2, 4, 0]);
    expect(events.map((one) => [one.text, one.logprobs?.length])).toEqual([
      ["a", 1],
      ["\nUsa", 3],
    ]);
    expect(told).toEqual([0, 2, 4, 0]);
  });

  test("of exactly the tokens that stay in the reply, however it is cut into them", () => {
    const tokens = fc.array(fc.nat(WORDS.length - 1), { maxLength: 30 });
    fc.assert(
      fc.property(tokens, (reply) => {
        const { told, kept, text } = read(reply);
        expect(told).toEqual(reply.slice(0, kept));
        expect(text).toBe(tokenizer.decode(reply).split("\nUser:", 1)[0]);
      }),
    );
  });
});
