/**
 * What the page knows between two paintings: the chats of this session, which one is shown, and where
 * the model stands. `<rondo-chat>` draws it and passes on what the user asks for.
 */
import type {
  ChatEngine,
  LoadProgress,
  ModelInfo,
} from "../engine/chat-engine";
import { asError, Conversation } from "./conversation";
import {
  ChatErrorEvent,
  RoundEvent,
  StateEvent,
  type ChatState,
} from "./events";
import { newRound } from "./round";
import { TurnQueue, type Turn } from "./turn-queue";

export interface SessionHost {
  /** Something to draw has changed. */
  requestUpdate(): void;
  dispatchEvent(event: Event): boolean;
}

export class Session {
  readonly #host: SessionHost;
  readonly #queue = new TurnQueue();
  /** Where chats live: they go with the engine and with the model's address. */
  #source: { engine: ChatEngine; url: string } | undefined;
  #loading = new AbortController();
  #lastId = 0;
  #state: ChatState = "idle";

  conversations: readonly Conversation[];
  current: Conversation;
  /** While loading. */
  progress: LoadProgress | undefined;
  /** Once ready. */
  model: ModelInfo | undefined;
  /** Why the model is not there. */
  error: Error | undefined;

  constructor(host: SessionHost) {
    this.#host = host;
    this.current = new Conversation(++this.#lastId);
    this.conversations = [this.current];
  }

  get state(): ChatState {
    return this.#state;
  }

  /** Loads the model of the folder `url`; rounds that were sent before wait for it. */
  async load(engine: ChatEngine, url: string): Promise<void> {
    this.#queue.pause();
    this.#setSource(engine, url);
    this.#loading.abort();
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    this.progress = this.model = this.error = undefined;
    this.#setState("loading");
    const onProgress = (progress: LoadProgress) => {
      if (signal.aborted) return;
      this.progress = progress;
      this.#host.requestUpdate();
    };
    try {
      const model = await engine.load(url, { onProgress, signal });
      if (signal.aborted) return;
      this.model = model;
      this.#setState("ready");
      this.#queue.resume();
    } catch (thrown) {
      if (signal.aborted) return;
      this.#fail(asError(thrown), "load");
    }
  }

  /** Sends `text` in the chat that is shown. Does nothing while a reply is coming there. */
  send(text: string): void {
    const conversation = this.current;
    const message = text.trim();
    if (message === "" || conversation.running !== undefined) return;
    const round = newRound(++this.#lastId, message);
    conversation.append(round);
    if (conversation.draft.trim() === message) conversation.draft = "";
    const stopping = new AbortController();
    const turn: Turn = () =>
      this.#runTurn(conversation, round.id, stopping.signal);
    conversation.stop = () => {
      if (this.#queue.remove(turn))
        conversation.replace({ ...round, phase: "unsent" });
      else this.#stopReply(conversation, stopping);
      this.#host.requestUpdate();
    };
    this.#queue.add(turn);
    this.#host.requestUpdate();
  }

  /** Sends an example, or leaves it in the empty box while a reply is coming. */
  suggest(text: string): void {
    if (this.current.running === undefined) return this.send(text);
    this.current.draft ||= text;
    this.#host.requestUpdate();
  }

  stop(): void {
    if (this.current.running !== undefined) this.current.stop();
  }

  /** Sends a round that failed or was not sent once more; puts it into the box while another runs. */
  retry(roundId: number): void {
    if (this.current.running !== undefined) return this.edit(roundId);
    const round = this.current.take(roundId);
    if (round !== undefined) this.send(round.message);
  }

  /** Puts the message of a round that failed or was not sent back into the box. */
  edit(roundId: number): void {
    const round = this.current.take(roundId);
    if (round !== undefined) this.current.putBack(round.message);
    this.#host.requestUpdate();
  }

  /** Takes the message of a failed round into a new chat's box. */
  move(roundId: number): void {
    const round = this.current.take(roundId);
    this.newChat();
    if (round !== undefined) this.current.putBack(round.message);
  }

  /** Shows an empty chat. */
  newChat(): void {
    const empty = this.conversations.find(({ isEmpty }) => isEmpty);
    this.current = empty ?? new Conversation(++this.#lastId);
    if (empty === undefined)
      this.conversations = [this.current, ...this.conversations];
    this.#host.requestUpdate();
  }

  select(conversationId: number): void {
    const chosen = this.conversations.find(({ id }) => id === conversationId);
    this.current = chosen ?? this.current;
    this.#host.requestUpdate();
  }

  /** Forgets a chat, here and in the engine. */
  deleteChat(conversationId: number): void {
    const gone = this.conversations.find(({ id }) => id === conversationId);
    if (gone === undefined) return;
    if (gone.running !== undefined) gone.stop();
    this.conversations = this.conversations.filter((other) => other !== gone);
    if (this.current === gone) this.newChat();
    this.#host.requestUpdate();
    const source = this.#source;
    this.#queue.add(async () => {
      if (gone.chatId === undefined || source !== this.#source) return;
      try {
        await source?.engine.deleteChat(gone.chatId);
      } catch (thrown) {
        this.#fail(asError(thrown), "delete");
      }
    });
  }

  #setSource(engine: ChatEngine, url: string): void {
    if (engine === this.#source?.engine && url === this.#source.url) return;
    this.#source = { engine, url };
    for (const conversation of this.conversations) conversation.forget();
  }

  #stopReply(conversation: Conversation, stopping: AbortController): void {
    const { running } = conversation;
    if (running !== undefined)
      conversation.replace({ ...running, isStopping: true });
    stopping.abort();
  }

  async #runTurn(
    conversation: Conversation,
    roundId: number,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#source === undefined) return;
    const { engine } = this.#source;
    const changed = () => this.#host.requestUpdate();
    const round = await conversation.reply(engine, roundId, signal, changed);
    if (round?.error !== undefined) this.#fail(round.error, "reply");
    else if (round?.phase === "done")
      this.#host.dispatchEvent(new RoundEvent(conversation.id, round));
  }

  #fail(error: Error, during: ChatErrorEvent["during"]): void {
    // A reply fails so when a GPU that was taken away does not come back.
    if (during === "load" || error.name === "WebGpuUnavailableError") {
      this.#queue.pause();
      this.error = error;
      this.#setState(
        error.name === "WebGpuUnavailableError" ? "unavailable" : "failed",
      );
    }
    this.#host.dispatchEvent(new ChatErrorEvent(error, during));
  }

  #setState(state: ChatState): void {
    this.#state = state;
    this.#host.requestUpdate();
    this.#host.dispatchEvent(new StateEvent(state));
  }
}
