/** Holds a reply to a format. Loaded when one is asked for. */
import {
  compileConstraint,
  type Constraint,
  prepareVocabulary,
  type Vocabulary,
} from "../../model/grammar/constraint";
import { schemaGrammar } from "../../model/grammar/schema-grammar";
import type { Tokenizer } from "../../model/text/tokenizer";
import type { ResponseFormat } from "../api/replies";
import type { Model } from "../load/load-model";

/** @throws SchemaError for what no reply can be held to */
export function checkFormat(format: ResponseFormat): void {
  schemaGrammar(schemaOf(format), "single-line");
}

/** Preparing one takes a tenth of a second and more. */
const vocabularies = new WeakMap<Tokenizer, Map<string, Vocabulary>>();

/**
 * @param endTokens those that end a reply
 * @throws SchemaError
 */
export function constrainReply(
  { tokenizer, network }: Pick<Model, "tokenizer" | "network">,
  format: ResponseFormat,
  endTokens: Iterable<number>,
): Constraint {
  const vocabulary = vocabularyOf({ tokenizer, network }, endTokens);
  return compileConstraint(vocabulary, schemaOf(format));
}

/** @param marks texts of marking tokens that replies may have */
export function vocabularyOf(
  { tokenizer, network }: Pick<Model, "tokenizer" | "network">,
  endTokens: Iterable<number>,
  marks: readonly string[] = [],
): Vocabulary {
  const known = vocabularies.get(tokenizer) ?? new Map<string, Vocabulary>();
  vocabularies.set(tokenizer, known);
  const key = marks.join();
  let vocabulary = known.get(key);
  if (vocabulary === undefined) {
    const rows = network.config.vocabSize;
    vocabulary = prepareVocabulary(tokenizer, { endTokens, rows, marks });
    known.set(key, vocabulary);
  }
  return vocabulary;
}

function schemaOf(format: ResponseFormat): unknown {
  return format === "json" ? format : format.schema;
}
