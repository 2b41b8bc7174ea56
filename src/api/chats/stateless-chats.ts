/**
 * Chats for clients that send all that was said with each message: what they have in common with what was said
 * before keeps its KV. Replies wait for each other, as the engine's do.
 */
import type { ChatEngine } from "../../engine/api/chat-engine";
import type { ToolCall } from "../../engine/api/chats";
import type { ReplyEvent, ReplyOptions } from "../../engine/api/replies";
import { TaskQueue } from "../../util/task-queue";
import type { AskedReply } from "./asked-reply";
import { KnownChats, type KnownChatsOptions } from "./known-chats";

export class StatelessChats {
  readonly #engine: ChatEngine;
  readonly #known: KnownChats;
  readonly #queue = new TaskQueue();

  constructor(engine: ChatEngine, options: KnownChatsOptions) {
    this.#engine = engine;
    this.#known = new KnownChats(engine, options);
  }

  /** Answers a message as `ChatEngine.chat` does. @throws as that does; the signal's reason before its turn */
  async *reply(
    { message, results, ...asked }: AskedReply,
    options: ReplyOptions,
  ): AsyncGenerator<ReplyEvent, void> {
    const leave = await this.#queue.enter();
    try {
      options.signal?.throwIfAborted();
      const at = await this.#known.placeFor(asked);
      const given = results && { results };
      const place = { behind: at.branch.at(-1)?.id ?? 0 };
      const events = this.#engine.chat(at.chatId, message, {
        ...options,
        place,
        results,
      });
      let reply = "";
      const calls: ToolCall[] = [];
      for await (const event of events) {
        if (event.type === "text") reply += event.text;
        if (event.type === "call") calls.push(event.call);
        if (event.type === "end") {
          const { roundId: id } = event.receipt;
          const said = calls.length > 0 ? { reply, calls } : { reply };
          this.#known.noteReply(at, { id, message, ...given, ...said });
        }
        yield event;
      }
    } finally {
      leave();
    }
  }

  /** Deletes the chats that it made, or forgets them if they are the user's. */
  clear(): Promise<void> {
    return this.#queue.run(() => this.#known.clear());
  }
}
