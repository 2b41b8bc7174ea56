/**
 * A chat bound to the model that reads it. The text is the truth; tokens are how one model reads it. A chat is
 * bound to the loaded model when it is first needed, and again when another model is loaded.
 */
import { forgetStored } from "../../memory/half-kv";
import { clearRound, SYSTEM_ROUND } from "../../memory/round";
import { chatLayout } from "../../model/text/chat-layout";
import { type ChatTokens, chatTokens } from "../../model/text/chat-tokens";
import { UNTHINKING } from "../../model/text/thinking";
import { withoutThinking } from "../../model/text/thinking-range";
import { HALVES } from "../../util/kv-half";
import type { Model } from "../load/load-model";
import { type ChatRound, isUnanswered, setTokens } from "./chat-round";
import type { Conversation } from "./conversation";
import { documentMessage } from "./document";

/** The parts of a model that turn text into tokens. */
export type ReadingModel = Pick<
  Model,
  "tokenizer" | "template" | "textFingerprint" | "segmentFingerprint"
>;

type SpokenRound = Pick<
  ChatRound,
  "user" | "reply" | "document" | "calls" | "results"
>;

export class BoundChat {
  readonly conversation: Conversation;
  tokens: ChatTokens;
  readonly textFingerprint: string;
  readonly segmentFingerprint: string;
  readonly #model: ReadingModel;

  /** Gives all rounds the tokens of this model, and forgets their KV, which may be another model's. */
  constructor(conversation: Conversation, model: ReadingModel) {
    this.#model = model;
    this.conversation = conversation;
    this.tokens = tokensOf(model, conversation);
    this.textFingerprint = model.textFingerprint;
    this.segmentFingerprint = model.segmentFingerprint;
    const headOfFirst = this.#headOfFirst();
    for (const round of conversation.all) {
      clearRound(round);
      for (const half of HALVES) {
        forgetStored(round[half]);
        round[half].place = round.kvFrom;
      }
      round.pageDigest = undefined;
      if (round.indexKeys?.model !== model.segmentFingerprint)
        round.indexKeys = undefined;
      if (!this.#isRead(round, headOfFirst)) this.#read(round);
      else if (round.isFromFile) noteRead(round);
    }
  }

  /** The opening of a reply that skips thinking. */
  get unthinking(): ChatTokens {
    return tokensOf(this.#model, this.conversation, UNTHINKING);
  }

  /** A round's text in tokens, as if the model had said the reply. */
  read(
    said: SpokenRound,
    isFirst: boolean,
  ): { tokens: number[]; openTokens: number } {
    const opening = this.#opening(said, isFirst);
    const reply = this.tokens.reply(withoutThinking(said.reply), said.calls);
    return {
      tokens: [...opening, ...reply, ...this.tokens.close],
      openTokens: opening.length,
    };
  }

  /** Reads rounds that were added with their replies. */
  readAdded(rounds: readonly ChatRound[]): void {
    for (const round of rounds) this.#read(round);
  }

  /**
   * Reads copies again that are the first round now, or were it before: some templates put the system prompt into
   * the first message.
   */
  readCopies(
    copies: readonly ChatRound[],
    originals: readonly ChatRound[],
  ): void {
    for (const [i, copy] of copies.entries()) {
      const isFirst = this.#isFirst(copy);
      if (isFirst === this.#isFirst(originals[i]!)) continue;
      if (!this.#hasExpectedOpening(copy)) this.#read(copy);
    }
  }

  /** Reads rounds again that became the first round, or were it: the one before them is gone, or has a reply now. */
  readOpenings(rounds: readonly ChatRound[]): void {
    for (const round of rounds)
      if (!isUnanswered(round) && !this.#hasExpectedOpening(round))
        this.#read(round);
  }

  /** Reads the chat again after its system prompt or tools changed. Rounds whose tokens change by that lose their KV. */
  readSystem(): void {
    const { conversation } = this;
    this.tokens = tokensOf(this.#model, conversation);
    for (const round of conversation.all) {
      if (round.id === SYSTEM_ROUND) {
        this.#take(round, this.tokens.prefix, this.tokens.prefix.length);
        continue;
      }
      // Some templates put the system prompt into the first message.
      if (isUnanswered(round) || !this.#isFirst(round)) continue;
      const opening = this.#opening(round, true);
      const rest = round.tokens.slice(round.openTokens);
      this.#take(round, [...opening, ...rest], opening.length);
    }
  }

  /**
   * Whether a round's tokens are those that this model would read. Most texts need not be read for that: a chat may
   * have thousands of rounds.
   */
  #isRead(
    round: ChatRound,
    headOfFirst: readonly number[] | undefined,
  ): boolean {
    if (round.id === SYSTEM_ROUND) {
      // A template may contain today's date: the chat keeps the date on which it began.
      const isOurs = round.textFingerprint === this.textFingerprint;
      return isOurs && !round.isFromFile;
    }
    // A reply that was cut off lacks its last tokens.
    const isOurs =
      round.isFinished && round.textFingerprint === this.textFingerprint;
    if (!isOurs) return false;
    if (round.isFromFile) return this.#tokensMatchText(round);
    // It may be the first message now, or may have been, or the system prompt in it may have changed.
    const wasFirst =
      headOfFirst !== undefined &&
      isEqual(round.tokens.slice(0, headOfFirst.length), headOfFirst);
    return (
      (!wasFirst && !this.#isFirst(round)) || this.#hasExpectedOpening(round)
    );
  }

  /** What the template puts in front of the first message, where it is not what it puts in front of others. */
  #headOfFirst(): readonly number[] | undefined {
    const headOf = (isFirst: boolean) => {
      const place = { isFirst };
      const { open, headTokens } = this.tokens;
      return open("a", place).slice(0, headTokens(place));
    };
    const head = headOf(true);
    return isEqual(head, headOf(false)) ? undefined : head;
  }

  #hasExpectedOpening(round: ChatRound): boolean {
    const isFirst = this.#isFirst(round);
    const own = round.tokens.slice(0, round.openTokens);
    const isOpenedBy = (tokens: ChatTokens) =>
      isEqual(own, this.#opening(round, isFirst, tokens));
    return isOpenedBy(this.tokens) || isOpenedBy(this.unthinking);
  }

  /**
   * Whether the tokens match the text beside them. Files come from strangers: one must not show one text and have
   * the model read another.
   */
  #tokensMatchText(round: ChatRound): boolean {
    const { tokenizer } = this.#model;
    const { close } = this.tokens;
    const end = round.tokens.length - close.length;
    const reply = round.tokens.slice(round.openTokens, end);
    if (round.calls) return this.#callsMatch(round, reply);
    // The model may have split its text into other tokens than the tokenizer would.
    return (
      this.#hasExpectedOpening(round) &&
      isEqual(round.tokens.slice(end), close) &&
      reply.every((token) => tokenizer.isText(token)) &&
      tokenizer.decode(reply).trim() === withoutThinking(round.reply).trim()
    );
  }

  #callsMatch(round: ChatRound, reply: readonly number[]): boolean {
    const text = withoutThinking(round.reply);
    return (
      this.#hasExpectedOpening(round) &&
      isEqual(reply, this.tokens.reply(text, round.calls))
    );
  }

  #read(round: ChatRound): void {
    round.attended = null;
    if (round.id === SYSTEM_ROUND) {
      const { prefix } = this.tokens;
      this.#set(round, prefix, prefix.length);
    } else if (isUnanswered(round)) {
      this.#set(round, [], 0);
    } else {
      const { tokens, openTokens } = this.read(round, this.#isFirst(round));
      this.#set(round, tokens, openTokens);
    }
  }

  /** Sets a round's tokens if they differ. */
  #take(round: ChatRound, tokens: readonly number[], openTokens: number): void {
    const isSame = round.openTokens === openTokens;
    if (!isSame || !isEqual(round.tokens, tokens))
      this.#set(round, tokens, openTokens);
  }

  #set(round: ChatRound, tokens: readonly number[], openTokens: number): void {
    setTokens(round, tokens, openTokens, this.textFingerprint);
  }

  #opening(
    { user, document, results }: Omit<SpokenRound, "reply" | "calls">,
    isFirst: boolean,
    tokens = this.tokens,
  ) {
    const message = document === undefined ? user : documentMessage(user);
    return tokens.open(message, { isFirst, results });
  }

  /** Whether the model reads nothing between the system prompt and this round. */
  #isFirst({ parentId }: ChatRound): boolean {
    let id = parentId;
    while (id !== null && id !== SYSTEM_ROUND) {
      // If a parent is missing, the newest round before it takes its place.
      const parent = this.conversation.get(id);
      if (parent !== undefined && !isUnanswered(parent)) return false;
      id = parent === undefined ? id - 1 : parent.parentId;
    }
    return true;
  }
}

/** Notes that a round from a file was checked: its tokens match its text. */
function noteRead(round: ChatRound): void {
  round.isFromFile = false;
  if (round.saved === "all") round.saved = "text";
}

function tokensOf(
  { tokenizer, template }: ReadingModel,
  { system, tools }: Pick<Conversation, "system" | "tools">,
  variables?: Readonly<Record<string, unknown>>,
): ChatTokens {
  const { markers } = tokenizer;
  return chatTokens(
    tokenizer,
    chatLayout(template, {
      system,
      tools,
      markers,
      ...(variables && { variables }),
    }),
  );
}

function isEqual(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((token, i) => token === b[i]);
}
