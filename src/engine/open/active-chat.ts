/** What is at hand while a chat is worked on: the chat itself, the model that reads it, and who keeps it. */
import type { ReadbackRing } from "../../gpu/readback";
import type { Residency } from "../../memory/residency";
import type { Tokenizer } from "../../model/text/tokenizer";
import type { Archive } from "../archive/archive";
import type { BoundChat } from "../chat/bound-chat";
import type { ChatRound, Conversation } from "../chat/conversation";
import type { Keeper } from "../archive/kv-writer";
import type { Recall, SegmentSource } from "../restore/kv-restore";
import type { Runner } from "../run/runner";
import type { Session } from "../load/loaded-model";

/** What a turn works with. */
export interface TurnContext {
  runner: Runner;
  residency: Residency;
  recall: Recall;
  /** Stored halves of the conversation's rounds. */
  source: SegmentSource;
  /** Slots for the drawn tokens. */
  ring: ReadbackRing;
  tokenizer: Pick<Tokenizer, "decode" | "isText">;
  conversation: Conversation;
  contextTokens: number;
}

export class Desk {
  readonly chat: BoundChat;
  readonly session: Session;
  readonly archive: Archive;
  readonly keeper: Keeper;
  /** Where the model came from. */
  readonly #url: string;

  constructor(
    chat: BoundChat,
    session: Session,
    { archive, keeper }: { archive: Archive; keeper: Keeper },
    url: string,
  ) {
    this.chat = chat;
    this.session = session;
    this.archive = archive;
    this.keeper = keeper;
    this.#url = url;
  }

  get context(): TurnContext {
    const { model, runner, residency, recall, ring } = this.session;
    return {
      runner,
      residency,
      recall,
      ring,
      source: this.keeper.sourceOf(this.session, this.chat),
      tokenizer: model.tokenizer,
      conversation: this.chat.conversation,
      contextTokens: model.contextTokens,
    };
  }

  /** Writes down what was said in a round so far. Never rejects. */
  keepText(round: ChatRound): Promise<boolean> {
    return this.keeper.keepText(this.session, this.chat, round, this.#url);
  }

  /** Has all KV stored that is not, of the branch that is shown or of these rounds, when there is time. */
  keepKv(rounds: readonly ChatRound[] = this.chat.conversation.rounds): void {
    this.keeper.keepKv(this.session, this.chat, rounds, this.#url);
  }

  /** Writes down which rounds are pinned. @throws StoreError */
  async keepPins(): Promise<void> {
    const { id, pinned } = this.chat.conversation;
    await this.archive.change(id, { pinnedIds: [...pinned] });
  }

  /** Resolves when all KV that was to be stored is. */
  kept(): Promise<void> {
    return this.keeper.idle(this.chat.conversation.id);
  }
}
