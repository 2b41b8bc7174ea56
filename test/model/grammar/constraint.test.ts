/** Replies that are held to a schema, against @cfworker/json-schema, which shares no code with the source. */
import { type Schema, Validator } from "@cfworker/json-schema";
import { describe, expect, it } from "vitest";
import {
  compileConstraint,
  prepareVocabulary,
  type Vocabulary,
} from "../../../src/model/grammar/constraint";
import type { JsonLayout } from "../../../src/model/grammar/json-text";
import {
  byteVocabulary,
  bytesOf,
  drawReply,
  goesOn,
  idsOf,
  takes,
  textOf,
} from "../../support/constrained-reply";
import { seededRandom } from "../../support/random";
import { schemaCases } from "../../support/schemas";
import { spacedJson } from "../../../src/util/spaced-json";
import { tokenizerOf, type TokenizerName } from "../../support/tokenizers";

const layouts: readonly JsonLayout[] = ["single-line", "flexible"];

const prepared = new Map<TokenizerName, Vocabulary>();

function vocabularyOf(name: TokenizerName, end: string): Vocabulary {
  const known = prepared.get(name);
  if (known !== undefined) return known;
  const tokenizer = tokenizerOf(name);
  const vocabulary = prepareVocabulary(tokenizer, {
    endTokens: [tokenizer.idOf(end)!],
  });
  prepared.set(name, vocabulary);
  return vocabulary;
}

const tiny = () => vocabularyOf("rondoTiny", "<|im_end|>");
const smolLm = () => vocabularyOf("smolLm2", "<|im_end|>");
const sentencePiece = () => vocabularyOf("sentencePieceLike", "</s>");

function isValid(schema: unknown, value: unknown): boolean {
  const isOld = JSON.stringify(schema).includes("draft-07");
  const draft = isOld ? "7" : "2020-12";
  return new Validator(schema as Schema, draft).validate(value).valid;
}

describe("the schemas of these tests", () => {
  it("are at least 60, and their values are what they say", () => {
    expect(schemaCases.length).toBeGreaterThanOrEqual(60);
    for (const { name, schema, valid, invalid } of schemaCases) {
      expect(valid.length, name).toBeGreaterThan(0);
      for (const value of valid)
        expect([name, value, isValid(schema, value)]).toEqual([
          name,
          value,
          true,
        ]);
      for (const value of invalid)
        expect([name, value, isValid(schema, value)]).toEqual([
          name,
          value,
          false,
        ]);
    }
  });
});

describe.each(schemaCases)("a reply by $name", ({ schema, valid, invalid }) => {
  it("may be each of these values, and none of those", () => {
    const refused = (text: string, layout: JsonLayout) =>
      takes(compileConstraint(byteVocabulary, schema, { layout }), text)
        ? []
        : [text];
    expect(
      valid.flatMap((value) => refused(spacedJson(value), "single-line")),
    ).toEqual([]);
    expect(
      valid.flatMap((value) => [
        ...refused(spacedJson(value), "flexible"),
        ...refused(JSON.stringify(value), "flexible"),
        ...refused(JSON.stringify(value, null, 2), "flexible"),
      ]),
    ).toEqual([]);
    const texts = invalid.map(spacedJson);
    for (const layout of layouts)
      expect(texts.flatMap((text) => refused(text, layout))).toEqual(texts);
  });

  it.each(layouts)("drawn at random parses and is valid (%s)", (layout) => {
    for (const [vocabulary, replies] of [
      [tiny(), 4],
      [sentencePiece(), 3],
      [smolLm(), 1],
    ] as const) {
      const fresh = compileConstraint(vocabulary, schema, { layout });
      for (let seed = 0; seed < replies; seed++) {
        const random = seededRandom(1000 * replies + seed);
        const tokens = drawReply(fresh.fork(), vocabulary, random, 60);
        const text = new TextDecoder("utf-8", { fatal: true }).decode(
          bytesOf(vocabulary, tokens),
        );
        const value: unknown = JSON.parse(text);
        expect([text, isValid(schema, value)]).toEqual([text, true]);
      }
    }
  });

  it("cut anywhere can be gone on with", () => {
    const vocabulary = tiny();
    const fresh = compileConstraint(vocabulary, schema);
    const random = seededRandom(7);
    const tokens = drawReply(fresh.fork(), vocabulary, random, 40);
    const step = Math.max(1, Math.floor(tokens.length / 8));
    for (let cut = 0; cut <= tokens.length; cut += step) {
      const again = fresh.fork();
      const start = tokens.slice(0, cut);
      for (const token of start) again.accept(token);
      const rest = drawReply(again, vocabulary, random, 1);
      const text = textOf(vocabulary, [...start, ...rest]);
      expect([text, isValid(schema, JSON.parse(text))]).toEqual([text, true]);
    }
  });
});

describe("a mask", () => {
  it("has just the tokens whose bytes may follow one by one", () => {
    const random = seededRandom(3);
    for (const [i, { schema }] of schemaCases.entries()) {
      const vocabulary = i % 2 === 0 ? tiny() : sentencePiece();
      const constraint = compileConstraint(vocabulary, schema, {
        layout: "flexible",
      });
      const bytewise = compileConstraint(byteVocabulary, schema, {
        layout: "flexible",
      });
      for (let step = 0; step < 8 && !constraint.isEnded; step++) {
        const ids = idsOf(constraint.allowed());
        const isNext = (id: number) => {
          const bytes = vocabulary.trie.tokens[id];
          return bytes === undefined
            ? vocabulary.endTokens.includes(id) && bytewise.isComplete
            : goesOn(bytewise.fork(), bytes);
        };
        expect(ids).toEqual([...vocabulary.trie.tokens.keys()].filter(isNext));
        const token = ids[Math.floor(random() * ids.length)]!;
        constraint.accept(token);
        goesOn(bytewise, vocabulary.trie.tokens[token] ?? []);
      }
    }
  });

  it("allows no token that marks a turn, and ends the reply only where it is complete", () => {
    const vocabulary = smolLm();
    const [end] = vocabulary.endTokens;
    const constraint = compileConstraint(vocabulary, { enum: [1, 12] });
    const may = (id: number) => idsOf(constraint.allowed()).includes(id);
    const tokenizer = tokenizerOf("smolLm2");
    expect(may(end!)).toBe(false);
    expect(() => constraint.accept(end!)).toThrow(RangeError);
    constraint.accept(tokenizer.idOf("1")!);
    expect(constraint.isComplete).toBe(true);
    expect(may(end!)).toBe(true);
    const texts = idsOf(constraint.allowed()).filter((id) => id !== end);
    expect(texts.map((id) => tokenizer.decode([id]))).toEqual(["2"]);
    constraint.accept(end!);
    expect(constraint.isEnded).toBe(true);
    expect(idsOf(constraint.allowed())).toEqual([]);
    expect(() => constraint.accept(end!)).toThrow("not allowed");
  });

  it("has a bit for each row of the model's logits", () => {
    const tokenizer = tokenizerOf("rondoTiny");
    const options = { endTokens: [0], rows: 2000 };
    const { trie } = prepareVocabulary(tokenizer, options);
    expect(trie.words).toBe(Math.ceil(2000 / 32));
  });

  it("is the same after a fork went another way", () => {
    const constraint = compileConstraint(byteVocabulary, { enum: ["a", "b"] });
    constraint.accept(0x22);
    const before = idsOf(constraint.allowed());
    const fork = constraint.fork();
    fork.accept(0x61);
    expect(idsOf(constraint.allowed())).toEqual(before);
    expect(idsOf(fork.allowed())).toEqual([0x22]);
  });

  it("never writes white space without an end", () => {
    const constraint = compileConstraint(byteVocabulary, "json", {
      layout: "flexible",
    });
    constraint.accept(0x7b);
    let spaces = 0;
    const next = () => idsOf(constraint.allowed());
    for (; next().some((id) => id === 0x20 || id === 0x0a); spaces++)
      constraint.accept(next().includes(0x0a) ? 0x0a : 0x20);
    expect(spaces).toBeLessThan(80);
  });

  it("never writes half a surrogate pair", () => {
    const starts = [
      String.raw`"\ud83d`,
      String.raw`"\ud83d\ude00`,
      String.raw`"\u00e9`,
    ];
    const may = starts.map((text) =>
      takes(compileConstraint(byteVocabulary, { type: "string" }), `${text}"`),
    );
    expect(may).toEqual([false, true, true]);
    const alone = String.raw`"\ude00"`;
    expect(
      takes(compileConstraint(byteVocabulary, { type: "string" }), alone),
    ).toBe(false);
  });
});

describe("plain JSON", () => {
  it("is any object", () => {
    const json = (text: string) =>
      takes(compileConstraint(byteVocabulary, "json"), text);
    expect(json('{"a": [1, {"b": null}], "c": "é"}')).toBe(true);
    expect(json("{}")).toBe(true);
    expect(json("[1]")).toBe(false);
    expect(json('"a"')).toBe(false);
  });
});

describe("what is forced", () => {
  const schema = {
    type: "object",
    properties: {
      city: { type: "string" },
      size: { enum: ["small", "large"] },
      ok: { type: "boolean" },
    },
    required: ["city", "size", "ok"],
    additionalProperties: false,
  };

  it("are the tokens that the tokenizer makes of it", () => {
    const tokenizer = tokenizerOf("smolLm2");
    const constraint = compileConstraint(smolLm(), schema);
    const tokens = constraint.forced();
    // The quote is left to the model, which has tokens such as ' "/' for it; no size begins with one of those.
    expect(tokens).toEqual(tokenizer.encodeText('{"city":'));
    for (const token of tokens) constraint.accept(token);
    for (const token of tokenizer.encodeText(' "Rome"'))
      constraint.accept(token);
    expect(tokenizer.decode(constraint.forced())).toBe(', "size": "');
  });

  it("is nothing where there is a choice", () => {
    expect(compileConstraint(smolLm(), {}).forced()).toEqual([]);
    expect(compileConstraint(smolLm(), { enum: [1, 2] }).forced()).toEqual([]);
  });

  it("is the whole value where there is only one, but not its end", () => {
    const tokenizer = tokenizerOf("smolLm2");
    const constraint = compileConstraint(smolLm(), {
      const: { a: ["ключ", "鍵"] },
    });
    const tokens = constraint.forced();
    expect(tokenizer.decode(tokens)).toBe('{"a": ["ключ", "鍵"]}');
    for (const token of tokens) constraint.accept(token);
    expect(constraint.isComplete).toBe(true);
    expect(constraint.forced()).toEqual([]);
  });

  it.each([
    ["rondo-tiny", tiny],
    ["SmolLM2", smolLm],
    ["SentencePiece", sentencePiece],
  ])("is allowed, and something may follow it (%s)", (_, of) => {
    const vocabulary = of();
    let count = 0;
    for (const { schema: one } of schemaCases) {
      const constraint = compileConstraint(vocabulary, one);
      const random = seededRandom(11);
      for (let turn = 0; turn < 20 && !constraint.isEnded; turn++) {
        const forced = constraint.forced();
        count += forced.length;
        for (const token of forced) {
          const bits = constraint.allowed();
          expect((bits[token >>> 5]! >>> (token & 31)) & 1).toBe(1);
          constraint.accept(token);
        }
        const ids = idsOf(constraint.allowed());
        constraint.accept(ids[Math.floor(random() * ids.length)]!);
      }
    }
    expect(count).toBeGreaterThan(100);
  });
});
