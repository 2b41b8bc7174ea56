import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TextStream } from "../../../src/model/text/text-stream";
import {
  tokenizerFiles,
  tokenizerOf,
  type TokenizerName,
} from "../../support/tokenizers";

const names = Object.keys(tokenizerFiles) as TokenizerName[];

/** The deltas of one reply, the last of them from `end`. */
function deltasOf(name: TokenizerName, ids: readonly number[]): string[] {
  const stream = new TextStream(tokenizerOf(name));
  return [...ids.map((id) => stream.push(id)), stream.end()];
}

const loneSurrogate = /\p{Surrogate}/u;

describe("a reply's deltas", () => {
  for (const name of names) {
    const tokenizer = tokenizerOf(name);

    function expectWhole(ids: readonly number[]): void {
      const whole = tokenizer.decode(ids);
      const deltas = deltasOf(name, ids);
      expect(deltas.join("")).toBe(whole);
      expect(deltas.filter((delta) => loneSurrogate.test(delta))).toEqual([]);
      if (!whole.includes("\uFFFD")) {
        expect(deltas.filter((delta) => delta.includes("\uFFFD"))).toEqual([]);
      }
    }

    it(`join to the whole text for any text (${name})`, () => {
      const text = fc.oneof(
        fc.string({ unit: "grapheme" }),
        fc.string({ unit: "binary" }),
        fc
          .array(fc.constantFrom("👩‍👩‍👧", " ", "日本", "\n", "é", "a", "\uFFFD"))
          .map((a) => a.join("")),
      );
      fc.assert(
        fc.property(text, (text) => expectWhole(tokenizer.encodeText(text))),
        { numRuns: 300 },
      );
    });

    it(`join to the whole text for any ids, special and unknown ones too (${name})`, () => {
      const id = fc.nat(tokenizer.tokenCount + 10);
      // Long runs of bytes that are no character make the window slide.
      const byte = name.startsWith("sentence")
        ? fc.integer({ min: 3, max: 258 })
        : fc.nat(300);
      fc.assert(
        fc.property(
          fc.array(fc.oneof(id, byte), { maxLength: 120 }),
          expectWhole,
        ),
        { numRuns: 500 },
      );
    });
  }

  it("come at once for plain text", () => {
    const tokenizer = tokenizerOf("qwen25");
    const ids = tokenizer.encodeText("Hello there, you two");
    const deltas = deltasOf("qwen25", ids);
    expect(deltas).toEqual(["Hello", " there", ",", " you", " two", ""]);
  });

  it("hold half a character back, but nothing before it", () => {
    const tokenizer = tokenizerOf("rondoTiny");
    const ids = tokenizer.encodeText("a🦙b");
    expect(deltasOf("rondoTiny", ids)).toEqual([
      "a",
      "",
      "",
      "",
      "🦙",
      "b",
      "",
    ]);
  });

  it("keep the space between words that SentencePiece writes as a mark", () => {
    const tokenizer = tokenizerOf("sentencePieceLike");
    const ids = tokenizer.encodeText("Hello  there you");
    const deltas = deltasOf("sentencePieceLike", ids);
    expect(deltas.join("")).toBe("Hello  there you");
    expect(deltas[0]!.startsWith(" ")).toBe(false);
  });

  it("show at the end what never became a character", () => {
    const tokenizer = tokenizerOf("rondoTiny");
    const half = tokenizer.encodeText("🦙").slice(0, 2);
    expect(deltasOf("rondoTiny", half)).toEqual(["", "", "\uFFFD"]);
  });
});

describe("a stream", () => {
  it("can take another reply after its end", () => {
    const stream = new TextStream(tokenizerOf("sentencePieceLike"));
    const ids = tokenizerOf("sentencePieceLike").encodeText("the work");
    const read = () => ids.map((id) => stream.push(id)).join("") + stream.end();
    expect(read()).toBe("the work");
    expect(read()).toBe("the work");
  });

  it("decodes a bounded number of ids for each, however long the reply and whatever its bytes", () => {
    const tokenizer = tokenizerOf("rondoTiny");
    const [start] = tokenizer.encodeText("🦙");
    for (const ids of [
      tokenizer.encodeText("word ".repeat(2000)),
      Array<number>(2000).fill(start!),
    ]) {
      let decodedIds = 0;
      const counting = {
        isText: (id: number) => tokenizer.isText(id),
        decode: (window: readonly number[]) => {
          decodedIds += window.length;
          return tokenizer.decode(window);
        },
      };
      const stream = new TextStream(counting);
      const text = ids.map((id) => stream.push(id)).join("") + stream.end();
      expect(text).toBe(tokenizer.decode(ids));
      expect(decodedIds / ids.length).toBeLessThan(35);
    }
  });
});
