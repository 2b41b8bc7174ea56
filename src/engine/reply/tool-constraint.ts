/**
 * Holds a reply to the tools of its chat: it is free until the model opens a call, and from there on to the call's end
 * it is a call of one of them. Loaded when a chat has tools.
 */
import {
  callGrammar,
  type CallGrammarOptions,
} from "../../model/grammar/call-grammar";
import {
  constrain,
  type Constraint,
  type Vocabulary,
} from "../../model/grammar/constraint";
import { callMarks, openCall } from "../../model/text/parse-calls";
import { CLOSING, OPENING } from "../../model/text/thinking-range";
import type { Tokenizer } from "../../model/text/tokenizer";
import type { ToolDefinition } from "../../store/tools";
import type { Model } from "../load/load-model";
import { vocabularyOf } from "./constrain-reply";
import type { TokenConstraint } from "./reply";
import { isForced, markedDecoder, type ToolReply } from "./reply-calls";

/** @param endTokens those that end a reply */
export function holdToTools(
  ...parts: ConstructorParameters<typeof ToolConstraint>
): TokenConstraint | undefined {
  const [{ tokenizer }, { format }] = parts;
  // Its calls are no JSON as a whole.
  const isUnheld = format === "mistral" && tokenizer.markers.includes("[ARGS]");
  return isUnheld ? undefined : new ToolConstraint(...parts);
}

/** Tokens in which a mark stands that has just been completed. */
const MARK_TOKENS = 24;

class ToolConstraint implements TokenConstraint {
  readonly #reply: ToolReply;
  readonly #vocabulary: Vocabulary;
  readonly #decoder: Pick<Tokenizer, "decode">;
  readonly #all: Uint32Array;
  /** Of the call that is open. */
  #call: Constraint | undefined;
  /** Whether the model may go on behind that, rather than only end its reply. */
  #goesOn = false;
  /** The last tokens outside of calls. */
  #said: number[] = [];
  #thinks = false;
  /** Whether the reply may still turn out to be a call as a whole. */
  #isFirst = true;

  constructor(
    model: Pick<Model, "tokenizer" | "network">,
    reply: ToolReply,
    endTokens: Iterable<number>,
  ) {
    const { format, choice } = reply;
    this.#reply = reply;
    this.#vocabulary = vocabularyOf(model, endTokens, callMarks(format));
    this.#decoder = markedDecoder(model.tokenizer, format);
    this.#all = new Uint32Array(this.#vocabulary.trie.words).fill(0xffffffff);
    this.#goesOn = format === "hermes";
    if (isForced(choice))
      this.#call = this.#held({
        format,
        withMark: true,
        layout: "single-line",
      });
  }

  /** Whether any token may follow. */
  get isFree(): boolean {
    return this.#call === undefined;
  }

  allowed(): Uint32Array {
    return this.#call?.allowed() ?? this.#all;
  }

  forced(): readonly number[] {
    return this.#call?.forced() ?? [];
  }

  accept(token: number): void {
    if (this.#call === undefined) return this.#acceptFree(token);
    this.#call.accept(token);
    if (this.#goesOn && this.#call.isComplete) this.#call = undefined;
  }

  #acceptFree(token: number): void {
    const said = [...this.#said, token];
    this.#said = said.slice(-MARK_TOKENS);
    if (said.length > MARK_TOKENS) this.#isFirst = false;
    const text = this.#decoder.decode(this.#said);
    if (this.#isThinking(text)) return;
    const { tools } = this.#reply;
    const names = tools.map(({ name }) => name);
    const opening = openCall(text, this.#reply.format, this.#isFirst, names);
    if (opening === undefined) return;
    this.#said = [];
    this.#isFirst = false;
    const { written, isText, ...how } = opening;
    const layout = isText ? "flexible" : "single-line";
    const call = this.#held({ ...how, withMark: false, layout });
    // What the model wrote may begin none of the calls: it is then free to go on.
    if (!call.begin(written)) return;
    this.#call = call;
    this.#goesOn = how.format === "hermes";
  }

  /** Whether the model thinks, or has just stopped: the reply begins behind that. */
  #isThinking(text: string): boolean {
    if (text.includes(CLOSING)) {
      this.#thinks = false;
      this.#said = [];
      this.#isFirst = true;
      return true;
    }
    if (this.#isFirst && text.trimStart().startsWith(OPENING))
      this.#thinks = true;
    return this.#thinks;
  }

  #held(options: CallGrammarOptions): Constraint {
    const { tools, choice } = this.#reply;
    const isNamed = ({ name }: ToolDefinition) =>
      typeof choice !== "object" || choice.name === name;
    const known = tools.filter(isNamed);
    const key = JSON.stringify([options, choice]);
    return kept(tools, this.#vocabulary, key, () =>
      constrain(this.#vocabulary, callGrammar(known, options)),
    ).fork();
  }
}

type Held = WeakMap<Vocabulary, Map<string, Constraint>>;
const heldByTools = new WeakMap<readonly ToolDefinition[], Held>();

/** Masks take time: the next reply goes on with those of the one before. */
function kept(
  tools: readonly ToolDefinition[],
  vocabulary: Vocabulary,
  key: string,
  make: () => Constraint,
): Constraint {
  const ofTools: Held =
    heldByTools.get(tools) ??
    new WeakMap<Vocabulary, Map<string, Constraint>>();
  heldByTools.set(tools, ofTools);
  const ofModel = ofTools.get(vocabulary) ?? new Map<string, Constraint>();
  ofTools.set(vocabulary, ofModel);
  const constraint = ofModel.get(key) ?? make();
  ofModel.set(key, constraint);
  return constraint;
}
