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
const vocabularies = new WeakMap<Tokenizer, Vocabulary>();

/**
 * @param endTokens those that end a reply
 * @throws SchemaError
 */
export function constrainReply(
  { tokenizer, network }: Pick<Model, "tokenizer" | "network">,
  format: ResponseFormat,
  endTokens: Iterable<number>,
): Constraint {
  let vocabulary = vocabularies.get(tokenizer);
  if (vocabulary === undefined) {
    const rows = network.config.vocabSize;
    vocabulary = prepareVocabulary(tokenizer, { endTokens, rows });
    vocabularies.set(tokenizer, vocabulary);
  }
  return compileConstraint(vocabulary, schemaOf(format));
}

function schemaOf(format: ResponseFormat): unknown {
  return format === "json" ? format : format.schema;
}
