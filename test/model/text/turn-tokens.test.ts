// Which tokens end a reply, beside those that a model's files name.
import { describe, expect, test } from "vitest";
import { replyEnds } from "../../../src/model/text/turn-tokens";
import { tokenizerOf } from "../../support/tokenizers";

/** A tokenizer with these tokens: "special" ones, "marks", which are shown, and "words". */
function tokenizerWith(kinds: Record<string, "special" | "mark" | "word">) {
  const tokens = Object.entries(kinds);
  return {
    idOf: (text: string) => {
      const id = tokens.findIndex(([one]) => one === text);
      return id < 0 ? undefined : id;
    },
    isMarker: (id: number) => tokens[id]![1] !== "word",
    isText: (id: number) => tokens[id]![1] !== "special",
  };
}

describe("a reply ends with", () => {
  test("every token by which its family ends a turn, beside what the files name", () => {
    const qwen = tokenizerOf("qwen25");
    const [end, text, start] = ["<|im_end|>", "<|endoftext|>", "<|im_start|>"];
    const known = [end, text, start].map((token) => qwen.idOf(token)!);
    expect(replyEnds([7], qwen)).toEqual([7, ...known]);
    expect(replyEnds(known, qwen)).toEqual(known);
  });

  test("what opens a turn, whether it is special or only a mark", () => {
    const tokenizer = tokenizerWith({
      a: "word",
      "<|user|>": "mark",
      "<start_of_turn>": "special",
    });
    expect(replyEnds([], tokenizer).toSorted()).toEqual([1, 2]);
  });

  test("no word of the vocabulary, and no tag that only looks like an end", () => {
    const tokenizer = tokenizerWith({ "<|end|>": "word", "</s>": "mark" });
    expect(replyEnds([], tokenizer)).toEqual([]);
    expect(replyEnds([], tokenizerWith({ "</s>": "special" }))).toEqual([0]);
  });

  test("the last of its messages, where an end of a message is not the end of a turn", () => {
    const tokenizer = tokenizerWith({
      "<|end|>": "special",
      "<|return|>": "special",
    });
    expect(replyEnds([], tokenizer)).toEqual([1]);
    expect(replyEnds([], tokenizerWith({ "<|end|>": "special" }))).toEqual([0]);
  });
});
