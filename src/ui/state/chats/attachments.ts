/**
 * Attaches documents to chats, one after the other: a file is read into text at once, and the text waits in the queue
 * of turns, as a message does.
 */
import type { ChatEngine } from "../../../engine/api/chat-engine";
import type { RestoreProgress } from "../../../engine/api/kv-memory";
import { abortable } from "../../../util/abortable";
import { asError } from "../../base/as-error";
import type { Attachment } from "./attachment";
import type { Conversation } from "./conversation";
import { describeError } from "../../base/describe-error";
import { readDocument } from "./document-reader";
import type { Turn, TurnQueue } from "./turn-queue";
import type { Visit } from "./visit";

export interface AttachmentsHost {
  engine(): ChatEngine | undefined;
  /** Something to draw has changed. */
  changed(): void;
  /** @param message the message for the user */
  failed(error: Error, message: string): void;
  /** A document is attached. */
  attached(name: string): void;
  /** Another tab writes the chat. */
  taken(conversation: Conversation): void;
}

export class Attachments {
  readonly #host: AttachmentsHost;
  readonly #queue: TurnQueue;
  readonly #visit: Visit;

  constructor(queue: TurnQueue, visit: Visit, host: AttachmentsHost) {
    this.#queue = queue;
    this.#visit = visit;
    this.#host = host;
  }

  /** Attaches the files after those already queued. */
  add(conversation: Conversation, files: readonly File[]): void {
    if (conversation.access === "read" || files.length === 0) return;
    const isFirst = conversation.attachments.length === 0;
    const added = files.map((file) => {
      const stopping = new AbortController();
      const { signal } = stopping;
      const task = { name: file.name, stop: () => stopping.abort() };
      return { ...task, file, signal };
    });
    conversation.attachments = [...conversation.attachments, ...added];
    this.#host.changed();
    if (isFirst) void this.#run(conversation);
  }

  async #run(conversation: Conversation): Promise<void> {
    for (;;) {
      const [next] = conversation.attachments as readonly Waiting[];
      if (next === undefined) break;
      await this.#attach(conversation, next);
      conversation.attachments = conversation.attachments.slice(1);
      this.#host.changed();
    }
    this.#visit.leave(conversation);
  }

  async #attach(
    conversation: Conversation,
    attachment: Waiting,
  ): Promise<void> {
    const { file, name, signal } = attachment;
    try {
      const document = await abortable(readDocument(file, signal), signal);
      await this.#inTurn(signal, async () => {
        await conversation.visit;
        const engine = this.#host.engine();
        if (engine === undefined) throw new Error("There is no engine.");
        const chatId = await conversation.begin(engine);
        const onProgress = (progress: RestoreProgress) => {
          if (!signal.aborted)
            this.#progress(conversation, { ...attachment, progress });
        };
        await engine.attach(chatId, document, { onProgress, signal });
        conversation.takeHistory(await engine.openChat(chatId));
      });
      this.#host.attached(name);
    } catch (thrown) {
      if (signal.aborted) return;
      const error = asError(thrown);
      this.#host.failed(error, failureText(name, error));
      if (error.name === "ChatBusyError") this.#host.taken(conversation);
    }
  }

  /** Queues `turn`, and drops it if it is aborted before it starts. */
  #inTurn(signal: AbortSignal, turn: Turn): Promise<void> {
    return new Promise((resolve, reject) => {
      const due: Turn = () => turn().then(resolve, reject);
      const giveUp = () => {
        if (this.#queue.remove(due)) reject(asError(signal.reason));
      };
      signal.addEventListener("abort", giveUp, { once: true });
      this.#queue.add(due);
      if (signal.aborted) giveUp();
    });
  }

  #progress(conversation: Conversation, attachment: Waiting): void {
    conversation.attachments = [
      attachment,
      ...conversation.attachments.slice(1),
    ];
    this.#host.changed();
  }
}

interface Waiting extends Attachment {
  readonly file: File;
  readonly signal: AbortSignal;
}

/** Errors whose messages name the file and say what to do. */
const SAYS_ALL = ["DocumentError", "ContextFullError"];

function failureText(name: string, error: Error): string {
  if (SAYS_ALL.includes(error.name)) return error.message;
  const { title, advice, detail } = describeError(error);
  return `“${name}” was not attached. ${title}: ${detail} ${advice}`;
}
