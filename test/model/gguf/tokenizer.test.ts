import { describe, expect, it } from "vitest";
import { readGenerationConfig } from "../../../src/model/config/generation-config";
import {
  ggufGenerationConfig,
  ggufTokenizerConfig,
} from "../../../src/model/gguf/chat";
import type { GgufHeader } from "../../../src/model/gguf/header";
import { GgufMetadata } from "../../../src/model/gguf/metadata";
import { ggufTokenizer } from "../../../src/model/gguf/tokenizer";
import { TextStream } from "../../../src/model/text/text-stream";
import { Tokenizer } from "../../../src/model/text/tokenizer";
import { ModelFormatError } from "../../../src/util/errors";
import golden from "../../golden/llama-cpp-tokens.json";
import {
  byteVocabulary,
  PRE_NAMES,
  WORDS,
} from "../../support/byte-vocabulary";
import type { GgufEntry } from "../../support/gguf-file";
import { ggufVocabulary } from "../../support/gguf-vocabulary";
import {
  sentencePieceVocabulary,
  TEXTS,
  TURNS,
} from "../../support/sentencepiece-vocabulary";
import {
  fixture,
  fixtureJson,
  tokenizerFiles,
  type TokenizerName,
  tokenizerOf,
} from "../../support/tokenizers";

type Entries = readonly (readonly [string, GgufEntry])[];

function metadataOf(entries: Entries): GgufMetadata {
  const metadata = new Map(entries.map(([key, [, value]]) => [key, value]));
  const header = {
    file: "tiny.gguf",
    metadata: metadata as GgufHeader["metadata"],
  };
  return new GgufMetadata({
    ...header,
    tensors: new Map(),
    fileBytes: undefined,
  });
}

function tokenizerFrom(entries: Entries): Tokenizer {
  const metadata = metadataOf(entries);
  return new Tokenizer(ggufTokenizer(metadata), ggufTokenizerConfig(metadata));
}

interface Vector {
  text: string;
  ids: number[];
}

const llamaCppTexts = fixture("tokenizers/qwen2.5/qwen2.gguf.inp").split(
  "\n__ggml_vocab_test__\n",
);
const markedText = "<|im_start|>user\nHi<|im_end|>\n<tool_call></s>";

/** Each text once. */
const texts = new Set([
  ...llamaCppTexts,
  ...Object.values(
    fixtureJson("tokenizer-vectors/transformersjs_tokenization.json") as Record<
      string,
      { cases: Vector[] }
    >,
  ).flatMap(({ cases }) => cases.map(({ text }) => text)),
  "1234567890 e\u0301 I'M HERE'S\u00a0we'Ll",
  markedText,
]);

describe("a tokenizer out of a GGUF file's metadata", () => {
  const cases: [name: TokenizerName, pre: string | undefined][] = [
    ["qwen25", "qwen2"],
    ["smolLm2", "smollm"],
    ["rondoTiny", "qwen2"],
    ["sentencePieceLike", undefined],
  ];
  for (const [name, pre] of cases) {
    it(`is that of the tokenizer.json it was made from: ${name}`, () => {
      const known = tokenizerOf(name);
      const made = tokenizerFrom(
        ggufVocabulary(tokenizerFiles[name]()[0], pre),
      );
      expect(made.tokenCount).toBe(known.tokenCount);
      const asContent = known.encodeText(markedText);
      expect(made.encodeText(markedText)).toEqual(asContent);
      expect([...made.markers].sort()).toEqual([...known.markers].sort());
      for (const text of texts) {
        const ids = known.encode(text);
        expect(made.encode(text)).toEqual(ids);
        expect(made.decode(ids)).toBe(known.decode(ids));
      }
    });
  }

  it("gives the ids that llama.cpp gives", () => {
    const lines = fixture("tokenizers/qwen2.5/qwen2.gguf.out").split("\n");
    const made = tokenizerFrom(
      ggufVocabulary(tokenizerFiles.qwen25()[0], "qwen2"),
    );
    for (const [i, text] of llamaCppTexts.entries()) {
      const ids = (lines[i] ?? "").split(" ").filter(Boolean).map(Number);
      expect(made.encodeText(text)).toEqual(ids);
    }
  });

  it("gives the ids that Hugging Face's tokenizers give", () => {
    const files = [
      ["smolLm2", "smollm", "smollm2-135m-instruct/vectors.json"],
      ["sentencePieceLike", undefined, "sentencepiece-like/vectors.json"],
    ] as const;
    for (const [name, pre, path] of files) {
      const made = tokenizerFrom(
        ggufVocabulary(tokenizerFiles[name]()[0], pre),
      );
      for (const { text, ids } of fixtureJson(
        `tokenizers/${path}`,
      ) as Vector[]) {
        expect(made.encode(text)).toEqual(ids);
      }
    }
  });

  it.each(PRE_NAMES)("cuts words as llama.cpp does: %s", (pre) => {
    const made = tokenizerFrom(byteVocabulary(pre));
    expect(WORDS.map((text) => made.encodeText(text))).toEqual(
      golden.words[pre],
    );
  });

  it("can tell ways to cut words apart", () => {
    const ways = new Set(
      Object.values(golden.words).map((ids) => JSON.stringify(ids)),
    );
    expect(ways.size).toBe(7);
  });

  describe("of SentencePiece's kind", () => {
    for (const hasLead of [true, false]) {
      const made = tokenizerFrom(sentencePieceVocabulary(hasLead));
      const known = hasLead ? golden.withLead : golden.withoutLead;
      const name = hasLead ? "a space before a text" : "none";

      it(`gives the ids that llama.cpp gives, with ${name}`, () => {
        expect(TEXTS.map((text) => made.encodeText(text))).toEqual(known.texts);
        expect(TURNS.map((text) => made.encode(text))).toEqual(known.turns);
      });

      it(`gives the text back, with ${name}`, () => {
        // llama.cpp puts that space behind each token that is matched as a whole, too.
        const whole = hasLead ? /\n| {2}|<\/?b>/ : /(?!)/;
        for (const text of TEXTS.filter((text) => !whole.test(text))) {
          const ids = made.encodeText(text);
          const spaced = text.replaceAll("▁", " ");
          expect(made.decode(ids)).toBe(spaced);
          const stream = new TextStream(made);
          const parts = ids.map((id) => stream.push(id));
          // No part of a character is shown before its last byte has come.
          expect(parts.join("")).not.toContain("\uFFFD");
          expect(parts.join("") + stream.end()).toBe(spaced);
        }
      });
    }
  });

  const tiny = (more: Entries = []): Entries => [
    ["tokenizer.ggml.model", ["string", "gpt2"]],
    ["tokenizer.ggml.pre", ["string", "llama-bpe"]],
    [
      "tokenizer.ggml.tokens",
      [
        "string[]",
        [
          "1",
          "2",
          "3",
          "4",
          "123",
          "<|eot_id|>",
          "[PAD6]",
          "[PAD7]",
          "__proto__",
        ],
      ],
    ],
    ["tokenizer.ggml.token_type", ["i32[]", [1, 1, 1, 1, 1, 3, 4, 5, 1]]],
    ["tokenizer.ggml.merges", ["string[]", []]],
    ...more,
  ];

  it("of Llama 3 cuts numbers after three digits, and takes whole words first", () => {
    expect(tokenizerFrom(tiny()).encodeText("1234")).toEqual([4, 3]);
    expect(tokenizerFrom(tiny()).encodeText("12")).toEqual([0, 1]);
  });

  it("may have tokens of any name", () => {
    expect(tokenizerFrom(tiny()).idOf("__proto__")).toBe(8);
  });

  it("has no tokens for rows that were only filled up", () => {
    const made = tokenizerFrom(tiny());
    expect(made.idOf("[PAD6]")).toBeUndefined();
    expect(made.isText(7)).toBe(false);
    expect(made.markers).toEqual(["<|eot_id|>"]);
  });

  it("may put no space before a text", () => {
    const entries = ggufVocabulary(
      tokenizerFiles.sentencePieceLike()[0],
      undefined,
    );
    const made = tokenizerFrom([
      ...entries,
      ["tokenizer.ggml.add_space_prefix", ["bool", false]],
    ]);
    const plain = tokenizerOf("sentencePieceLike");
    expect(plain.decode(made.encode(" the"))).toBe("the");
    expect(made.encode(" the")).toEqual(plain.encode("the"));
    expect(made.decode(made.encode("the the"))).toBe("the the");
  });

  it("marks turns with the tokens of its family, whatever the file calls them", () => {
    for (const type of [1, 4]) {
      const types: GgufEntry = ["i32[]", [1, 1, 1, 1, 1, type, 4, 5, 1]];
      const made = tokenizerFrom(tiny([["tokenizer.ggml.token_type", types]]));
      expect(made.encode("1<|eot_id|>")).toEqual([0, 5]);
      expect(made.encodeText("<|eot_id|>")).not.toContain(5);
      expect(made.decode([0, 5])).toBe("1");
    }
  });

  it("begins texts with BOS where llama.cpp does", () => {
    const addsBos = (entries: Entries) =>
      (ggufTokenizerConfig(metadataOf(entries)) as { add_bos_token: boolean })
        .add_bos_token;
    const gpt2: Entries = [["tokenizer.ggml.pre", ["string", "gpt-2"]]];
    expect(addsBos(tiny())).toBe(true);
    expect(addsBos(tiny(gpt2))).toBe(false);
    const bos: Entries = [["tokenizer.ggml.add_bos_token", ["bool", true]]];
    expect(addsBos(tiny([...gpt2, ...bos]))).toBe(true);
    const entries = sentencePieceVocabulary(false);
    const unsaid = entries.filter(([key]) => !key.endsWith("add_bos_token"));
    expect(addsBos(unsaid)).toBe(true);
  });

  it("takes 0 and 1 for no and yes, and -1 for no token", () => {
    const config = (more: Entries) =>
      ggufTokenizerConfig(metadataOf(tiny(more))) as Record<string, unknown>;
    const key = "tokenizer.ggml.add_bos_token";
    expect(config([[key, ["u8", 0]]])["add_bos_token"]).toBe(false);
    expect(config([[key, ["u32", 1]]])["add_bos_token"]).toBe(true);
    const eos = "tokenizer.ggml.eos_token_id";
    expect(config([[eos, ["i32", -1]]])["eos_token"]).toBeNull();
  });

  it("tells marks and bytes by themselves where a file has no types", () => {
    const untyped = tiny().filter(([key]) => !key.endsWith("token_type"));
    const tokenizer = tokenizerFrom(untyped);
    expect(tokenizer.encodeText("1234")).toEqual([4, 3]);
    expect(tokenizer.isText(5)).toBe(false);
  });

  const refused: [what: string, entries: Entries, message: string][] = [
    [
      "another kind",
      tiny([["tokenizer.ggml.model", ["string", "t5"]]]),
      "tokenizer.ggml.model: gpt2 or llama, or a tokenizer.json beside the file, found t5",
    ],
    ["none", [], "expected tokenizer.ggml.model, found nothing"],
    [
      "words cut in another way",
      tiny([["tokenizer.ggml.pre", ["string", "viking"]]]),
      "or a tokenizer.json beside the file, found viking",
    ],
    [
      "no word on how words are cut",
      tiny().filter(([key]) => !key.endsWith("pre")),
      "found nothing",
    ],
    [
      "fewer types than tokens",
      tiny([["tokenizer.ggml.token_type", ["i32[]", [1]]]]),
      "tokenizer.ggml.token_type: one for each of 9 tokens, found 1",
    ],
    [
      "no merges",
      tiny().filter(([key]) => !key.endsWith("merges")),
      "expected tokenizer.ggml.merges",
    ],
    [
      "no scores",
      tiny([["tokenizer.ggml.model", ["string", "llama"]]]),
      "expected tokenizer.ggml.scores",
    ],
    [
      "numbers for tokens",
      tiny([["tokenizer.ggml.tokens", ["u8[]", [1]]]]),
      "tokenizer.ggml.tokens: a list of strings, found a list of 1",
    ],
  ];
  for (const [what, entries, message] of refused) {
    it(`is refused with ${what}`, () => {
      const make = () => tokenizerFrom(entries);
      expect(make).toThrow(ModelFormatError);
      expect(make).toThrow(message);
    });
  }

  describe("says how the model chats:", () => {
    it("its tokens' texts and its template", () => {
      const config = ggufTokenizerConfig(
        metadataOf(
          tiny([
            ["tokenizer.ggml.eos_token_id", ["u32", 5]],
            ["tokenizer.ggml.padding_token_id", ["u32", 0xffffffff]],
            ["tokenizer.ggml.add_bos_token", ["bool", true]],
            ["tokenizer.chat_template", ["string", "{{ messages }}"]],
          ]),
        ),
      );
      expect(config).toMatchObject({
        bos_token: null,
        eos_token: "<|eot_id|>",
        pad_token: null,
        add_bos_token: true,
        chat_template: "{{ messages }}",
      });
    });

    it("the tokens that end a reply, and the sampler that is advised", () => {
      const config = ggufGenerationConfig(
        metadataOf(
          tiny([
            ["tokenizer.ggml.eos_token_id", ["u32", 4]],
            ["tokenizer.ggml.eot_token_id", ["u32", 5]],
            ["tokenizer.ggml.eom_token_id", ["u32", 5]],
            ["general.sampling.temp", ["f32", 0.5]],
            ["general.sampling.top_k", ["i32", 20]],
          ]),
        ),
      );
      expect(readGenerationConfig(config, {})).toEqual({
        eosTokenIds: [4, 5],
        sampler: { temperature: 0.5, topK: 20 },
      });
    });

    it("but not with tokens that are not there", () => {
      const none = tiny([["tokenizer.ggml.eos_token_id", ["u32", 9]]]);
      expect(() => ggufTokenizerConfig(metadataOf(none))).toThrow(
        "tokenizer.ggml.eos_token_id: below 9, found 9",
      );
    });
  });
});
