/**
 * Text to token ids and back: tokenizer.json, run by @huggingface/tokenizers.
 *
 * Text comes from two sources. A template's text may contain tokens that mark turns; the text of users and
 * documents must not, even if it spells them: "<|im_end|>" in a message is ten ordinary characters. Marking
 * tokens are therefore only matched in the template's text, so content can never produce them. Between them,
 * template and content are encoded as one stretch: the ids are those of the whole text unless the content spells
 * a marking token.
 */
import { type AddedToken, Tokenizer as Library } from "@huggingface/tokenizers";
import * as v from "valibot";
import { ModelFormatError } from "../../util/errors";
import { asSplits } from "./pre-tokenizer";
import { joinByScore } from "./scored-bpe";
import { checked } from "../files/check-json";
import {
  type ModelFiles,
  readJson,
  readOptionalJson,
} from "../files/model-files";

/** A piece of a chat's text, by its source. */
export type Segment = { template: string } | { content: string };

/** What precedes a text: nothing, a token that marks a turn, or other text. */
export type Before = "nothing" | "marker" | "text";

const FILE = "tokenizer.json";

const tokenizerFields = v.looseObject({
  model: v.looseObject({
    /**
     * In tokenizers made from GGUF files: scores of SentencePiece's BPE by id, in place of merges. Null: no join
     * makes this token.
     */
    scores: v.optional(v.array(v.nullable(v.number()))),
  }),
  pre_tokenizer: v.nullish(v.looseObject({}), null),
  added_tokens: v.nullish(
    v.array(
      v.looseObject({
        id: v.number(),
        content: v.pipe(v.string(), v.minLength(1)),
      }),
    ),
    [],
  ),
});

const nameFields = v.object({
  additional_special_tokens: v.nullish(v.array(v.unknown()), []),
  add_bos_token: v.nullish(v.boolean(), false),
  bos_token: v.nullish(
    v.union([v.string(), v.looseObject({ content: v.string() })]),
  ),
});

/**
 * Reads tokenizer.json, and tokenizer_config.json if there is one.
 *
 * @throws ModelFetchError, ModelFormatError; the signal's reason
 */
export async function openTokenizer(
  files: ModelFiles,
  signal?: AbortSignal,
): Promise<Tokenizer> {
  const [tokenizer, config] = await Promise.all([
    readJson(files, FILE, signal),
    readOptionalJson(files, "tokenizer_config.json", signal),
  ]);
  return new Tokenizer(tokenizer, config ?? {});
}

export class Tokenizer {
  /** The highest token id, plus one. A model's embedding table may have more rows. */
  readonly tokenCount: number;
  /** The texts of the tokens that mark turns and the like. */
  readonly markers: readonly string[];
  /** The token that every text begins with, whether its template writes it or not. */
  readonly bos: number | undefined;
  readonly #library: Library;
  /** The tokens of words, by their texts. */
  readonly #split: (words: string[]) => string[];
  /** Added tokens by their text. */
  readonly #added = new Map<string, AddedToken>();
  readonly #markerIds = new Set<number>();
  /** Ids that `decode` leaves out. */
  readonly #specialIds = new Set<number>();
  /** What the normalizer puts before every text. */
  readonly #lead: string;
  /** Matches all added tokens. */
  readonly #inTemplate: RegExp;
  /** Matches those that mark nothing. */
  readonly #inContent: RegExp;

  /**
   * @param tokenizerJson tokenizer.json, parsed
   * @param configJson tokenizer_config.json, parsed; {} if the model has none
   * @throws ModelFormatError
   */
  constructor(tokenizerJson: unknown, configJson: unknown) {
    const json = checked(tokenizerFields, tokenizerJson, FILE);
    const names = checked(nameFields, configJson, "tokenizer_config.json");
    try {
      this.#library = new Library(
        { ...json, pre_tokenizer: asSplits(json.pre_tokenizer) },
        configJson as object,
      );
    } catch (error) {
      throw new ModelFormatError({
        file: FILE,
        expected: "a supported tokenizer",
        found: (error as Error).message,
      });
    }

    const sample = this.#library.normalizer?.normalize("x") ?? "x";
    this.#lead = sample.endsWith("x") ? sample.slice(0, -1) : "";
    const additional = new Set(names.additional_special_tokens);
    for (const token of this.#library.get_added_tokens_decoder().values()) {
      this.#added.set(token.content, token);
      if (!isVocabulary(token)) this.#markerIds.add(token.id);
      if (token.special || additional.has(token.content))
        this.#specialIds.add(token.id);
    }
    const model = this.#library.model!;
    const { scores } = json.model;
    this.#split =
      scores === undefined
        ? (words) => model._call(words)
        : (words) => splitByScore(words, model, scores);
    this.tokenCount = model.vocab.length;
    const { add_bos_token, bos_token: bos } = names;
    if (add_bos_token && bos)
      this.bos = this.idOf(typeof bos === "string" ? bos : bos.content);
    const all = [...this.#added.values()];
    this.markers = all
      .filter(({ id }) => this.#markerIds.has(id))
      .map(({ content }) => content);
    this.#inTemplate = anyOf(all);
    this.#inContent = anyOf(all.filter(isVocabulary));
  }

  /** The ids of a template's text. */
  encode(text: string): number[] {
    return this.encodeSegments([{ template: text }]);
  }

  /** The ids of a user's text; never one that marks a turn. */
  encodeText(text: string): number[] {
    return this.encodeSegments([{ content: text }]);
  }

  /**
   * The ids of a text from both sources.
   *
   * @param before SentencePiece-like tokenizers put a space before the first word of all, or of each
   *   stretch between marking tokens, but never inside a text
   */
  encodeSegments(
    segments: readonly Segment[],
    before: Before = "nothing",
  ): number[] {
    const ids: number[] = [];
    for (const [i, stretch] of this.#stretches(segments).entries()) {
      if (typeof stretch === "string") {
        const place = i === 0 ? before : "marker";
        for (const id of this.#encodeStretch(stretch, place)) ids.push(id);
      } else {
        ids.push(stretch.id);
      }
    }
    return ids;
  }

  /** The text of ids. Special tokens and ids without a token are left out. */
  decode(ids: readonly number[]): string {
    const shown = ids.filter((id) => this.isText(id));
    if (shown.length === 0) return "";
    // Cleaning up would remove the space in "a .b" and the like: it was made for prose in 2018.
    return this.#library.decode(shown, { clean_up_tokenization_spaces: false });
  }

  /** Whether `decode` includes this id. */
  isText(id: number): boolean {
    return (
      !this.#specialIds.has(id) && this.#library.id_to_token(id) !== undefined
    );
  }

  /** Whether this id marks a turn or the like. */
  isMarker(id: number): boolean {
    return this.#markerIds.has(id);
  }

  /** The id of a token by its text in the vocabulary, such as "<|im_end|>". */
  idOf(token: string): number | undefined {
    return this.#library.token_to_id(token);
  }

  /** How tokens are spelled, for the bytes that each adds to a text. */
  vocabulary(): {
    /** By id. */
    texts: readonly string[];
    /** The texts of added tokens by id. */
    added: ReadonlyMap<number, string>;
    /** Whether each character stands for one byte, as in GPT-2; else "▁" is a space and <0x0A> a byte. */
    isByteLevel: boolean;
  } {
    const { model, decoder } = this.#library;
    const all = [...this.#added.values()];
    return {
      texts: model!.vocab,
      added: new Map(all.map(({ id, content }) => [id, content])),
      isByteLevel: JSON.stringify(decoder?.config ?? {}).includes(
        '"ByteLevel"',
      ),
    };
  }

  /** Splits a text at its added tokens; everything between two of them is one stretch. */
  #stretches(segments: readonly Segment[]): (string | AddedToken)[] {
    const found: (string | AddedToken)[] = [];
    const addText = (text: string): void => {
      const last = found.at(-1);
      if (typeof last === "string") found[found.length - 1] = last + text;
      else if (text !== "") found.push(text);
    };
    for (const segment of segments) {
      const isTemplate = "template" in segment;
      const text = isTemplate ? segment.template : segment.content;
      let at = 0;
      for (const match of text.matchAll(
        isTemplate ? this.#inTemplate : this.#inContent,
      )) {
        addText(text.slice(at, match.index));
        found.push(this.#added.get(match[0])!);
        at = match.index + match[0].length;
      }
      addText(text.slice(at));
    }
    return found.map((stretch, i) => {
      if (typeof stretch !== "string") return stretch;
      const [before, after] = [found[i - 1], found[i + 1]];
      const trimmed =
        typeof before === "object" && before.rstrip
          ? stretch.trimStart()
          : stretch;
      return typeof after === "object" && after.lstrip
        ? trimmed.trimEnd()
        : trimmed;
    });
  }

  #encodeStretch(text: string, before: Before): number[] {
    const { normalizer, pre_tokenizer } = this.#library;
    const whole = normalizer === null ? text : normalizer.normalize(text);
    const isInside = before === "text" && whole.startsWith(this.#lead);
    const normal = isInside ? whole.slice(this.#lead.length) : whole;
    if (normal === "") return [];
    const words =
      pre_tokenizer === null
        ? [normal]
        : pre_tokenizer.pre_tokenize(normal, {
            section_index: before === "nothing" ? 0 : 1,
          });
    return this.#split(words).flatMap((token) => this.#idsOf(token));
  }

  /**
   * The id of a token of the vocabulary. Some vocabularies also hold a marking token as an ordinary piece ("</s>"
   * in Unigram models, whole words under ignore_merges): that is spelled in parts instead.
   */
  #idsOf(token: string): number[] {
    const { unk_token_id, unk_token } = this.#library.model!;
    const id = this.#library.token_to_id(token) ?? unk_token_id;
    if (id === undefined) return [];
    // Some vocabularies without an unknown token name their end-of-text token instead.
    const isUnknown = id === unk_token_id && /unk/i.test(unk_token ?? "");
    if (!this.#markerIds.has(id) || isUnknown) return [id];
    const [first, ...rest] = token;
    if (rest.length === 0) return [];
    const parts = this.#split([first!, rest.join("")]);
    // The same token again stands for parts that are not in the vocabulary.
    return parts
      .filter((part) => part !== token)
      .flatMap((part) => this.#idsOf(part));
  }
}

/**
 * Runs of spaces, added words and tags of HTML are vocabulary; a token with other characters may mark a turn.
 */
function isVocabulary({ special, content }: AddedToken): boolean {
  return !special && (!SIGN.test(content) || HTML.test(content));
}

/** Any but "▁", SentencePiece's space. */
const SIGN = /(?!▁)[\p{P}\p{S}]/u;

/**
 * Tags that Gemma's vocabulary has, and that are in its text wherever they are spelled. Not <s> and </s>: elsewhere
 * these begin and end a text.
 */
const HTML =
  /^<\/?(?:a|b|bbox|blockquote|body|caption|code|div|em|footer|h[1-6]|html|i|iframe|img|li|span|strong|sub|sup|table|tbody|td|tfoot|th|thead|tr|u|ul)>$/;

/** Words split by the scores of tokens; characters without a token by the model's own rule. */
function splitByScore(
  words: readonly string[],
  model: NonNullable<Library["model"]>,
  scores: readonly (number | null)[],
): string[] {
  const ids = model.tokens_to_ids;
  const scoreOf = (text: string): number | undefined => {
    const id = ids.get(text);
    return id === undefined ? undefined : (scores[id] ?? undefined);
  };
  return words.flatMap((word) =>
    joinByScore(word, scoreOf).flatMap((piece) =>
      ids.has(piece) ? [piece] : model._call([piece]),
    ),
  );
}

/** Matches any of the tokens, the longest if several match. */
function anyOf(tokens: readonly AddedToken[]): RegExp {
  const texts = tokens
    .map(({ content }) => content)
    .sort((a, b) => b.length - a.length);
  const escaped = texts.map((text) =>
    text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"),
  );
  return new RegExp(texts.length === 0 ? "(?!)" : escaped.join("|"), "g");
}
