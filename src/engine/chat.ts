/**
 * A chat between its text, which is the truth, and a model, which reads it in tokens of its own. It is
 * bound to the loaded model when it is first needed, and anew when another model takes its place.
 */
import { chatLayout } from "../model/chat-layout";
import { type ChatTokens, chatTokens } from "../model/chat-tokens";
import { forgetPages } from "../memory/round";
import { Conversation } from "./conversation";
import type { Model } from "./model";

/** What a chat is made of, without a model. */
export interface ChatText {
  id: string;
  system: string | undefined;
  createdMs: number;
  /** The system prompt's first, where the chat has been held. */
  rounds: readonly RoundText[];
}

export interface RoundText {
  id: number;
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
}

/** The id of the round that holds the system prompt. */
const SYSTEM_ROUND = 0;

type BindingModel = Pick<
  Model,
  "tokenizer" | "template" | "textFingerprint" | "segmentFingerprint"
>;

/** A chat in the tokens of one model. */
export class BoundChat {
  readonly conversation: Conversation;
  readonly tokens: ChatTokens;
  readonly textFingerprint: string;
  readonly segmentFingerprint: string;

  constructor(text: ChatText, model: BindingModel) {
    const { tokenizer, template } = model;
    const { markers } = tokenizer;
    const { system, id, createdMs } = text;
    this.tokens = chatTokens(
      tokenizer,
      chatLayout(template, { system, markers }),
    );
    this.textFingerprint = model.textFingerprint;
    this.segmentFingerprint = model.segmentFingerprint;
    this.conversation = new Conversation(id, system, createdMs);
    const { prefix, open, close } = this.tokens;
    // A template may name today's date: the chat goes on with the day on which it began.
    const kept = text.rounds.find(({ id }) => id === SYSTEM_ROUND);
    const isKept = kept?.textFingerprint === model.textFingerprint;
    this.conversation.add({
      id: SYSTEM_ROUND,
      user: "",
      tokens: isKept ? Array.from(kept.tokens) : prefix,
      isFinished: true,
    });
    const said = text.rounds.filter((round) => round.id !== SYSTEM_ROUND);
    for (const [i, round] of said.entries()) {
      const isOurs =
        round.isFinished && round.textFingerprint === model.textFingerprint;
      if (isOurs) {
        this.conversation.add({ ...round, tokens: Array.from(round.tokens) });
        continue;
      }
      // Another model's tokens, or a reply that was cut off: read from the text again.
      const opening = open(round.user, { isFirst: i === 0 });
      const reply = tokenizer.encodeText(round.reply);
      this.conversation.add({
        ...round,
        tokens: [...opening, ...reply, ...close],
        openTokens: opening.length,
        attended: null,
        pageDigest: undefined,
      });
    }
  }

  /** What was said, for another model: nothing that is known of this one's KV. */
  text(): ChatText {
    const { id, system, createdMs, rounds } = this.conversation;
    const { textFingerprint } = this;
    return {
      id,
      system,
      createdMs,
      rounds: rounds.map((round) => ({
        ...round,
        textFingerprint,
        pageDigest: undefined,
      })),
    };
  }

  /** Forgets what is on the GPU, without giving it back: for when the pools are gone. */
  forgetPages(): void {
    this.conversation.rounds.forEach(forgetPages);
  }
}
