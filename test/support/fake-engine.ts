/**
 * A ChatEngine without a model, for the page's tests and its preview. It keeps chats as the engine does,
 * and does what its script says: a test holds each load, reply and restore in its hands and moves them
 * on itself; the preview gives a script that moves by itself.
 */
import type {
  ChatEngine,
  ChatHistory,
  ChatSummary,
  EngineNotice,
  LoadOptions,
  MemorySnapshot,
  ModelInfo,
  ReplyEvent,
  ReplyOptions,
  RestoreOptions,
  RestoreReport,
} from "../../src/engine/chat-engine";
import type { StoreErrorReason } from "../../src/util/errors";
import {
  FakeLoad,
  fakeModel,
  FakeReply,
  FakeRestore,
  namedError,
} from "./fake-calls";

export function storeError(reason: StoreErrorReason, message: string): Error {
  return Object.assign(namedError("StoreError", message), { reason });
}

/** A kept chat of these messages and replies, last changed `daysAgo`. */
export function keptChat(
  id: string,
  said: readonly [message: string, reply: string][],
  { daysAgo = 0, title = said[0]?.[0] ?? "" } = {},
): ChatHistory {
  const changedMs = Date.now() - daysAgo * 24 * 60 * 60 * 1000;
  return {
    summary: {
      id,
      title,
      createdMs: changedMs,
      updatedMs: changedMs,
      modelName: fakeModel.name,
    },
    system: undefined,
    access: "write",
    rounds: said.map(([message, reply], i) => ({
      id: i + 1,
      message,
      reply,
      isFinished: true,
    })),
  };
}

/** Called with each load, reply and restore as it begins. */
export interface FakeScript {
  load?: (load: FakeLoad) => void | Promise<void>;
  reply?: (reply: FakeReply) => void | Promise<void>;
  restore?: (restore: FakeRestore) => void | Promise<void>;
  /** Chats that were kept before the page was opened. */
  chats?: ChatHistory[];
  /** Those of them that another tab writes. */
  busy?: string[];
  /** What the store answers, where there is none. */
  storeError?: Error;
}

export class FakeEngine implements ChatEngine {
  readonly loads: FakeLoad[] = [];
  readonly replies: FakeReply[] = [];
  readonly restores: FakeRestore[] = [];
  readonly deletedChats: string[] = [];
  /** Chats in the order in which they were opened and left: "open a", "leave a". */
  readonly visits: string[] = [];
  /** What was exported and imported. */
  readonly files: Blob[] = [];
  /** Chats that another tab writes. */
  readonly busy: Set<string>;
  kept: ChatHistory[];
  storeError: Error | undefined;
  readonly #script: FakeScript;
  readonly #listeners = new Set<(notice: EngineNotice) => void>();
  #chatCount = 0;

  constructor(script: FakeScript = {}) {
    this.#script = script;
    this.kept = script.chats ?? [];
    this.busy = new Set(script.busy);
    this.storeError = script.storeError;
  }

  load(url: string, options?: LoadOptions): Promise<ModelInfo> {
    const load = new FakeLoad(url, options);
    this.loads.push(load);
    void this.#script.load?.(load);
    return load.outcome;
  }

  async listChats(): Promise<ChatSummary[]> {
    this.#openStore();
    return this.kept
      .map(({ summary }) => ({ ...summary }))
      .sort((a, b) => b.updatedMs - a.updatedMs);
  }

  createChat(): Promise<string> {
    return Promise.resolve(`chat ${++this.#chatCount}`);
  }

  async openChat(chatId: string): Promise<ChatHistory> {
    this.visits.push(`open ${chatId}`);
    this.#openStore();
    const access = this.busy.has(chatId) ? "read" : "write";
    return { ...structuredClone(this.#kept(chatId)), access };
  }

  async leaveChat(chatId: string): Promise<void> {
    this.visits.push(`leave ${chatId}`);
  }

  restoreChat(
    chatId: string,
    options?: RestoreOptions,
  ): Promise<RestoreReport> {
    const restore = new FakeRestore(chatId, options);
    this.restores.push(restore);
    void this.#script.restore?.(restore);
    return restore.outcome;
  }

  async renameChat(chatId: string, title: string): Promise<void> {
    this.#openStore();
    const { summary } = this.#kept(chatId);
    Object.assign(summary, { title, updatedMs: Date.now() });
    this.emit({ type: "chats-changed" });
  }

  async deleteChat(chatId: string): Promise<void> {
    this.deletedChats.push(chatId);
    this.#openStore();
    this.kept = this.kept.filter(({ summary }) => summary.id !== chatId);
    this.emit({ type: "chats-changed" });
  }

  async exportChat(chatId: string): Promise<Blob> {
    this.#openStore();
    const file = new Blob([JSON.stringify(this.#kept(chatId))]);
    this.files.push(file);
    return file;
  }

  async importChat(file: Blob): Promise<ChatSummary> {
    this.files.push(file);
    this.#openStore();
    const title = await file.text();
    if (title === "") throw namedError("ChatFileError", "The file is empty.");
    const id = `imported ${this.files.length}`;
    const chat = keptChat(id, [["From a file.", "Yes."]], { title });
    this.kept = [chat, ...this.kept];
    this.emit({ type: "chats-changed" });
    return { ...chat.summary };
  }

  chat(
    chatId: string,
    message: string,
    options?: ReplyOptions,
  ): AsyncIterable<ReplyEvent> {
    const reply = new FakeReply(chatId, message, options);
    if (this.busy.has(chatId))
      reply.fail(namedError("ChatBusyError", "Another tab writes this chat."));
    else if (this.storeError === undefined) this.#keep(reply);
    this.replies.push(reply);
    void this.#script.reply?.(reply);
    return reply;
  }

  memory(): Promise<MemorySnapshot> {
    return Promise.reject(new Error("The fake engine has no memory."));
  }

  onNotice(listener: (notice: EngineNotice) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Sends a notice; it arrives later, as one from a worker does. */
  emit(notice: EngineNotice): void {
    queueMicrotask(() => {
      for (const listener of this.#listeners) listener(notice);
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #openStore(): void {
    if (this.storeError !== undefined) throw this.storeError;
  }

  #kept(chatId: string): ChatHistory {
    const chat = this.kept.find(({ summary }) => summary.id === chatId);
    if (chat === undefined)
      throw namedError("RangeError", `There is no chat ${chatId}.`);
    return chat;
  }

  /** A chat is kept from its first message on, and its reply as it comes. */
  #keep(reply: FakeReply): void {
    const { chatId, message } = reply;
    let chat = this.kept.find(({ summary }) => summary.id === chatId);
    if (chat === undefined) {
      chat = keptChat(chatId, [], { title: message });
      this.kept = [chat, ...this.kept];
    }
    const id = (chat.rounds.at(-1)?.id ?? 0) + 1;
    reply.kept = { id, message, reply: "", isFinished: false };
    const { rounds } = chat;
    rounds.push(reply.kept);
    reply.withdraw = () => void rounds.pop();
    chat.summary.updatedMs = Date.now();
    this.emit({ type: "chats-changed" });
  }
}

/** A script that loads in steps and answers `text` word by word. */
export function selfMoving(text: string, delayMs: number): FakeScript {
  const pause = () => new Promise((resolve) => setTimeout(resolve, delayMs));
  return {
    load: async (load) => {
      for (let part = 0; part <= 10; part++) {
        load.weights((part / 10) * 6_896_400, 6_896_400);
        await pause();
      }
      load.finish();
    },
    reply: async (reply) => {
      for (let done = 0; done < 64; done += 16) {
        reply.prefill(done, 64);
        await pause();
      }
      for (const word of text.split(/(?<=\s)/)) {
        if (reply.signal?.aborted) return;
        reply.text(word);
        await pause();
      }
      reply.end();
    },
    restore: async (restore) => {
      for (let part = 0; part <= 10; part++) {
        restore.progress(Math.round((part / 10) * 1840), 1840);
        await pause();
      }
      restore.finish();
    },
  };
}
