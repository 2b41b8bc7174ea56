/**
 * A chat between its text, which is the truth, and a model, which reads it in tokens of its own. It is
 * bound to the loaded model when it is first needed, and anew when another model takes its place.
 */
import { chatLayout } from "../../model/text/chat-layout";
import { type ChatTokens, chatTokens } from "../../model/text/chat-tokens";
import { UNTHINKING, withoutThinking } from "../../model/text/thinking";
import { forgetPages } from "../../memory/round";
import type { KvPlace } from "../../store/rounds";
import { forgetContext } from "./context-hash";
import { type ChatRound, Conversation } from "./conversation";
import { documentMessage } from "./document";
import type { Model } from "../load/load-model";

/** What a chat is made of, without a model. */
export interface ChatText {
  id: string;
  system: string | undefined;
  createdMs: number;
  /** Of all branches, parents before children: the system prompt's first, where the chat has been held. */
  rounds: readonly RoundText[];
  /** The round whose branch is shown; undefined: the newest. */
  shownId?: number | undefined;
  /** Rounds that every turn attends to. */
  pinnedIds?: readonly number[] | undefined;
  /** Rounds up to this id are what the chat began with: they are kept with the first one that is said here. */
  lastGivenId?: number | undefined;
}

export interface RoundText {
  id: number;
  parentId: number | null;
  user: string;
  reply: string;
  /** Whether the reply came to its end. */
  isFinished: boolean;
  /** As the model of `textFingerprint` reads it. */
  tokens: ArrayLike<number>;
  openTokens: number;
  textFingerprint: string;
  attended: readonly number[] | null;
  /** Of the keys in its lower half; see key-digest.ts. */
  pageDigest?: Float32Array | undefined;
  kvContext?: string | undefined;
  isApproximate?: boolean | undefined;
  kvFrom?: KvPlace | undefined;
  document?: string | undefined;
}

/** The id of the round that holds the system prompt. */
const SYSTEM_ROUND = 0;

type BindingModel = Pick<
  Model,
  "tokenizer" | "template" | "textFingerprint" | "segmentFingerprint"
>;

function tokensOf(
  { tokenizer, template }: BindingModel,
  system: string | undefined,
  variables?: Readonly<Record<string, unknown>>,
): ChatTokens {
  const { markers } = tokenizer;
  return chatTokens(
    tokenizer,
    chatLayout(template, { system, markers, ...(variables && { variables }) }),
  );
}

/** What the model reads as a round's message. */
function messageOf({ user, document }: Pick<RoundText, "user" | "document">) {
  return document === undefined ? user : documentMessage(user);
}

/** A chat in the tokens of one model. */
export class BoundChat {
  readonly conversation: Conversation;
  tokens: ChatTokens;
  readonly textFingerprint: string;
  readonly segmentFingerprint: string;
  readonly #model: BindingModel;

  constructor(text: ChatText, model: BindingModel) {
    const { system, id, createdMs, pinnedIds, lastGivenId } = text;
    this.#model = model;
    this.tokens = tokensOf(model, system);
    this.textFingerprint = model.textFingerprint;
    this.segmentFingerprint = model.segmentFingerprint;
    this.conversation = new Conversation(id, system, createdMs, pinnedIds);
    this.conversation.lastGivenId = lastGivenId ?? SYSTEM_ROUND;
    const { prefix } = this.tokens;
    // A template may name today's date: the chat goes on with the day on which it began.
    const kept = text.rounds.find(({ id }) => id === SYSTEM_ROUND);
    const isKept = kept?.textFingerprint === model.textFingerprint;
    this.conversation.add({
      id: SYSTEM_ROUND,
      user: "",
      tokens: isKept ? Array.from(kept.tokens) : prefix,
      kvContext: isKept ? kept.kvContext : undefined,
      isFinished: true,
    });
    const said = text.rounds.filter((round) => round.id !== SYSTEM_ROUND);
    const ids = new Set(said.map((round) => round.id));
    for (const round of said) {
      const isFirst = round.parentId === null || !ids.has(round.parentId);
      const isOurs =
        round.isFinished && round.textFingerprint === model.textFingerprint;
      if (isOurs) {
        this.conversation.add({ ...round, tokens: Array.from(round.tokens) });
        continue;
      }
      // Another model's tokens, or a reply that was cut off: read from the text again.
      this.conversation.add({
        ...round,
        ...this.read(round, isFirst),
        attended: null,
        pageDigest: undefined,
        kvContext: undefined,
        isApproximate: false,
        kvFrom: undefined,
      });
    }
    this.conversation.show(text.shownId);
  }

  /** The same for a reply that is given without thinking first. */
  get unthinking(): ChatTokens {
    const { system } = this.conversation;
    return tokensOf(this.#model, system, UNTHINKING);
  }

  /** A round's text in tokens, as if the model had said the reply. */
  read(
    said: Pick<RoundText, "user" | "reply" | "document">,
    isFirst: boolean,
  ): { tokens: number[]; openTokens: number } {
    const { open, close } = this.tokens;
    const opening = open(messageOf(said), { isFirst });
    const { tokenizer } = this.#model;
    const reply = tokenizer.encodeText(withoutThinking(said.reply));
    return {
      tokens: [...opening, ...reply, ...close],
      openTokens: opening.length,
    };
  }

  /** What was said, for another model: nothing that is known of this one's KV. */
  text(): ChatText {
    const { id, system, createdMs, rounds, all, pinned, lastGivenId } =
      this.conversation;
    const { textFingerprint } = this;
    return {
      id,
      system,
      createdMs,
      lastGivenId,
      rounds: all.map((round) => ({
        ...round,
        textFingerprint,
        pageDigest: undefined,
        kvContext: undefined,
        isApproximate: false,
        kvFrom: undefined,
      })),
      shownId: rounds.at(-1)?.id,
      pinnedIds: [...pinned],
    };
  }

  /**
   * Reads the chat with another system prompt from now on.
   *
   * @returns the rounds whose tokens are others now; what is known of their KV is of no use
   */
  setSystem(system: string | undefined): ChatRound[] {
    const { conversation } = this;
    this.tokens = tokensOf(this.#model, system);
    conversation.system = system;
    const { prefix, open } = this.tokens;
    return conversation.all.filter((round) => {
      const isSystem = round.id === SYSTEM_ROUND;
      if (!isSystem && round.parentId !== SYSTEM_ROUND) return false;
      // Some templates put the system prompt into the first message.
      const opening = isSystem
        ? prefix
        : open(messageOf(round), { isFirst: true });
      const before = round.tokens.slice(0, round.openTokens);
      if (String(before) === String(opening)) return false;
      round.tokens.splice(0, round.openTokens, ...opening);
      round.openTokens = opening.length;
      forgetContext(round);
      return true;
    });
  }

  /** Forgets what is on the GPU, without giving it back: for when the pools are gone. */
  forgetPages(): void {
    this.conversation.all.forEach(forgetPages);
  }
}
