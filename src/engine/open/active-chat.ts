/** Everything that an operation on one chat needs: the chat, the loaded model, and the archive's writers. */
import type { ReadbackRing } from "../../gpu/readback";
import type { KeyIndex } from "../../memory/key-index";
import type { Residency } from "../../memory/residency";
import type { Tokenizer } from "../../model/text/tokenizer";
import type { BoundChat } from "../chat/bound-chat";
import type { ChatRound } from "../chat/chat-round";
import type { Conversation } from "../chat/conversation";
import type { LoadedModel } from "../load/loaded-model";
import type { KvRestorer, SegmentSource } from "../restore/kv-restore";
import type { Runner } from "../run/runner";
import type { ChatStores } from "./open-archive";

/** What a turn works with. */
export interface TurnContext {
  runner: Runner;
  residency: Residency;
  /** Keys of the model's retrieval heads. Undefined in a model without: every turn then reads all lower halves. */
  index?: KeyIndex | undefined;
  restorer: KvRestorer;
  /** Stored halves of the conversation's rounds. */
  source: SegmentSource;
  /** Slots for the drawn tokens. */
  ring: ReadbackRing;
  tokenizer: Pick<Tokenizer, "decode" | "idOf" | "isText">;
  conversation: Conversation;
  contextTokens: number;
}

export class ActiveChat {
  readonly chat: BoundChat;
  readonly loaded: LoadedModel;
  readonly stores: Pick<ChatStores, "archive" | "text" | "kv">;

  constructor(
    chat: BoundChat,
    loaded: LoadedModel,
    stores: Pick<ChatStores, "archive" | "text" | "kv">,
  ) {
    this.chat = chat;
    this.loaded = loaded;
    this.stores = stores;
  }

  get conversation(): Conversation {
    return this.chat.conversation;
  }

  get context(): TurnContext {
    const { model, runner, residency, index, restorer, ring } = this.loaded;
    return {
      runner,
      residency,
      index,
      restorer,
      ring,
      source: this.stores.kv.sourceOf(this.loaded, this.chat),
      tokenizer: model.tokenizer,
      conversation: this.conversation,
      contextTokens: model.contextTokens,
    };
  }

  /** Writes the text of rounds so far. @returns whether it is stored. Never rejects */
  saveText(...rounds: readonly ChatRound[]): Promise<boolean> {
    return this.stores.text.save(this.conversation, rounds);
  }

  /** Queues all KV that is not stored, of the shown branch or of these rounds. */
  storeKv(rounds: readonly ChatRound[] = this.conversation.rounds): void {
    this.stores.kv.store(this.loaded, this.chat, rounds);
  }

  /** Resolves when packing needs no pages any more. */
  packed(): Promise<void> {
    return this.stores.kv.packed();
  }

  /** Resolves when all queued KV is stored. */
  stored(): Promise<void> {
    return this.stores.kv.idle(this.conversation.id);
  }
}
