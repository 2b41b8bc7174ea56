import { Tokenizer as Library } from "@huggingface/tokenizers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openTokenizer, Tokenizer } from "../../../src/model/text/tokenizer";
import { ModelFetchError, ModelFormatError } from "../../../src/util/errors";
import { memoryFiles } from "../../support/memory-files";
import {
  tokenizerFiles,
  tokenizerOf,
  type TokenizerName,
} from "../../support/tokenizers";

const names = Object.keys(tokenizerFiles) as TokenizerName[];

describe("openTokenizer", () => {
  it("reads tokenizer.json and does without tokenizer_config.json", async () => {
    const [json] = tokenizerFiles.rondoTiny();
    const tokenizer = await openTokenizer(
      memoryFiles({ "tokenizer.json": json }),
    );
    expect(tokenizer.tokenCount).toBe(1536);
    expect(tokenizer.idOf("<|im_end|>")).toBe(1535);
    expect(tokenizer.idOf("no such token")).toBeUndefined();
    expect(tokenizer.decode(tokenizer.encode("The cat."))).toBe("The cat.");
  });

  it("says which file is missing or broken", async () => {
    await expect(openTokenizer(memoryFiles({}))).rejects.toThrow(
      ModelFetchError,
    );
    const broken = memoryFiles({
      "tokenizer.json": { model: { type: "Odd" } },
    });
    await expect(openTokenizer(broken)).rejects.toThrow(ModelFormatError);
    await expect(openTokenizer(broken)).rejects.toThrow(
      /^tokenizer\.json: expected a supported tokenizer/,
    );
    const empty = memoryFiles({ "tokenizer.json": {} });
    await expect(openTokenizer(empty)).rejects.toThrow(
      "tokenizer.json: expected model, found",
    );
  });
});

describe("a template's text", () => {
  it("may contain the tokens that mark turns", () => {
    const [start, end] = [151644, 151645];
    const ids = tokenizerOf("qwen25").encode(
      "<|im_start|>user\nHi<|im_end|>\n",
    );
    expect(ids).toEqual([start, 872, 198, 13048, end, 198]);
  });

  for (const name of names) {
    it(`has the ids that the library gives the whole text (${name})`, () => {
      const [json, config] = tokenizerFiles[name]();
      const library = new Library(json as object, config as object);
      const { markers } = tokenizerOf(name);
      const text = fc.array(
        fc.oneof(fc.string(), fc.constantFrom(...markers, " ", "\n", "user")),
      );
      fc.assert(
        fc.property(text, (parts) => {
          const whole = parts.join("");
          const ids = library.encode(whole, { add_special_tokens: false }).ids;
          expect(tokenizerOf(name).encode(whole)).toEqual(ids);
        }),
        { numRuns: 200 },
      );
    });
  }
});

describe("what people say", () => {
  for (const name of names) {
    const tokenizer = tokenizerOf(name);
    const markerIds = new Set(
      tokenizer.markers.map((marker) => tokenizer.idOf(marker)),
    );
    markerIds.delete(tokenizer.idOf("<unk>"));

    it(`never yields a token that marks a turn (${name})`, () => {
      expect(tokenizer.markers.length).toBeGreaterThan(0);
      const piece = fc.oneof(
        fc.constantFrom(...tokenizer.markers),
        fc
          .constantFrom(...tokenizer.markers)
          .map((marker) => marker.slice(0, -1)),
        fc.constantFrom(" ", "\n", ">", "|", "<", "user", "▁"),
        fc.string(),
      );
      fc.assert(
        fc.property(fc.array(piece), (pieces) => {
          const ids = tokenizer.encodeText(pieces.join(""));
          expect(ids.filter((id) => markerIds.has(id))).toEqual([]);
        }),
        { numRuns: 300 },
      );
    });

    it(`comes back as it was, even where it spells such a token (${name})`, () => {
      for (const marker of tokenizer.markers) {
        const text = `Say ${marker} twice: ${marker}`;
        expect(tokenizer.decode(tokenizer.encodeText(text))).toBe(text);
      }
    });
  }

  it("cannot complete a token that a template begins", () => {
    const tokenizer = tokenizerOf("qwen25");
    const ids = tokenizer.encodeSegments([
      { template: "<|im_" },
      { content: "end|>" },
    ]);
    expect(ids).not.toContain(tokenizer.idOf("<|im_end|>"));
    expect(tokenizer.decode(ids)).toBe("<|im_end|>");
  });

  it("is safe where the vocabulary itself holds such a token", () => {
    // Unigram models list "</s>" among their pieces, with a score better than its letters'.
    const letters = [..."▁</s>hi"].map(
      (letter) => [letter, -5] as [string, number],
    );
    const unigram = new Tokenizer(
      {
        model: {
          type: "Unigram",
          unk_id: 0,
          vocab: [["<unk>", 0], ["</s>", 0], ...letters],
        },
        added_tokens: [
          { id: 0, content: "<unk>", special: true },
          { id: 1, content: "</s>", special: true },
        ],
        normalizer: null,
        pre_tokenizer: {
          type: "Metaspace",
          replacement: "▁",
          prepend_scheme: "first",
        },
        post_processor: null,
        decoder: {
          type: "Metaspace",
          replacement: "▁",
          prepend_scheme: "first",
        },
      },
      {},
    );
    expect(unigram.encode("hi</s>")).toContain(1);
    expect(unigram.encodeText("hi</s>")).not.toContain(1);
    expect(unigram.decode(unigram.encodeText("hi</s>"))).toBe("hi</s>");

    // What the vocabulary does not know must not end the text either.
    const [tiny] = tokenizerFiles.sentencePieceLike() as unknown as [
      { model: object; added_tokens: object[] },
    ];
    const unknowing = (unk_token: string) =>
      new Tokenizer(
        { ...tiny, model: { ...tiny.model, byte_fallback: false, unk_token } },
        {},
      );
    expect(unknowing("<unk>").encodeText("\u{1d11e}")).toContain(0);
    expect(unknowing("</s>").encodeText("\u{1d11e}")).not.toContain(2);

    // Under ignore_merges a word of the vocabulary is taken whole.
    const [json] = tokenizerFiles.rondoTiny() as unknown as [
      { model: object; added_tokens: object[] },
    ];
    const greedy = new Tokenizer(
      {
        ...json,
        model: { ...json.model, ignore_merges: true },
        added_tokens: [
          ...json.added_tokens,
          { id: 1536, content: "||", special: true },
        ],
      },
      {},
    );
    expect(greedy.encode("||")).toEqual([1536]);
    expect(greedy.encodeText("||")).toHaveLength(2);
    expect(greedy.decode(greedy.encodeText("||"))).toBe("||");
  });
});

describe("added tokens that mark nothing", () => {
  const [json] = tokenizerFiles.rondoTiny() as unknown as [
    { added_tokens: object[] },
  ];
  const tokenizer = new Tokenizer(
    {
      ...json,
      added_tokens: [
        ...json.added_tokens,
        { id: 1536, content: "    ", special: false },
        { id: 1537, content: "<tool>", special: false },
        {
          id: 1538,
          content: "<trim>",
          special: true,
          lstrip: true,
          rstrip: true,
        },
      ],
    },
    {},
  );

  it("are vocabulary in what people say, too", () => {
    expect(tokenizer.encodeText("a    b")).toContain(1536);
    expect(tokenizer.encodeText("<tool>")).not.toContain(1537);
    expect(tokenizer.markers).toContain("<tool>");
    expect(tokenizer.markers).not.toContain("    ");
  });

  it("take the space beside them where they say so", () => {
    const ids = tokenizer.encodeSegments([
      { template: "a <trim>" },
      { content: " \nb" },
    ]);
    expect(ids).toEqual([
      ...tokenizer.encode("a"),
      1538,
      ...tokenizer.encode("b"),
    ]);
  });

  it("are shown by decode unless they are special", () => {
    expect(tokenizer.decode([1537, 1538])).toBe("<tool>");
  });
});

describe("where a text starts", () => {
  it("a SentencePiece-like tokenizer puts a space before the first word, once", () => {
    const tokenizer = tokenizerOf("sentencePieceLikeFirst");
    const word = tokenizer.encodeSegments([{ content: "files" }], "nothing");
    const inside = tokenizer.encodeSegments([{ content: "files" }], "marker");
    expect(word).toEqual(
      tokenizer.encodeSegments([{ content: " files" }], "marker"),
    );
    expect(inside).not.toEqual(word);
  });
});

describe("decode", () => {
  it("is empty for no ids, and leaves out special and unknown ones", () => {
    const tokenizer = tokenizerOf("qwen25");
    expect(tokenizer.decode([])).toBe("");
    expect(tokenizer.decode([151644, 13048, 151645, 151935])).toBe("Hi");
    expect(tokenizer.isText(13048)).toBe(true);
    expect(tokenizer.isText(151644)).toBe(false);
    expect(tokenizer.isText(151935)).toBe(false);
  });

  it("keeps the spaces that a cleaner would take", () => {
    const tokenizer = tokenizerOf("smolLm2");
    const text = "ls . , don 't a .b ?";
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });

  it("takes texts of many ids", () => {
    const tokenizer = tokenizerOf("rondoTiny");
    const text = "0123456789".repeat(20_000);
    const ids = tokenizer.encodeText(text);
    expect(ids).toHaveLength(200_000);
    expect(tokenizer.decode(ids)).toBe(text);
  });
});
