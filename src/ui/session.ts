/**
 * What the page knows between two paintings: where the model stands, the chats, and what goes on in the
 * one that is shown. `<rondo-chat>` draws it and passes on what the user asks for.
 */
import type {
  ChatEngine,
  EngineNotice,
  LoadProgress,
  ModelInfo,
} from "../engine/chat-engine";
import { Attachments } from "./attachments";
import { Changes } from "./changes";
import { ChatLibrary } from "./chat-library";
import { asError, type Conversation } from "./conversation";
import {
  ChatErrorEvent,
  RoundEvent,
  ShowEvent,
  StateEvent,
  type ChatState,
  type Undertaking,
} from "./events";
import { Troubles } from "./troubles";
import type { Round } from "./round";
import { TurnQueue } from "./turn-queue";
import { Turns } from "./turns";
import { Visit } from "./visit";

export interface SessionHost {
  /** Something to draw has changed. */
  requestUpdate(): void;
  dispatchEvent(event: Event): boolean;
  /** Has a screen reader say it. */
  announce(text: string): void;
}

export class Session {
  readonly #host: SessionHost;
  readonly #queue = new TurnQueue();
  #engine: ChatEngine | undefined;
  #stopHearing: (() => void) | undefined;
  #loading = new AbortController();
  #state: ChatState = "idle";
  #shownId: string | undefined;

  readonly library: ChatLibrary;
  readonly visit: Visit;
  readonly turns: Turns;
  readonly changes: Changes;
  readonly attachments: Attachments;
  readonly troubles = new Troubles();
  /** While loading. */
  progress: LoadProgress | undefined;
  /** Once ready. */
  model: ModelInfo | undefined;
  /** Why the model is not there. */
  error: Error | undefined;
  isHealing = true;

  constructor(host: SessionHost) {
    this.#host = host;
    const changed = () => this.#changed();
    this.visit = new Visit(this.#queue, {
      changed,
      gone: (conversation) => this.library.lose(conversation),
      failed: (error) => this.#fail(error, "open"),
    });
    this.library = new ChatLibrary({
      changed,
      entered: (conversation) => this.visit.enter(this.#engine, conversation),
      failed: (error, during) => this.#fail(error, during),
      listed: (error) => this.#listed(error),
      removed: () => this.troubles.end("quota"),
    });
    const engine = () => this.#engine;
    const openAgain = (conversation: Conversation) =>
      this.#openAgain(conversation);
    this.turns = new Turns(this.#queue, this.visit, {
      engine,
      changed,
      redraw: () => this.#redraw(),
      ended: (conversation, round) => this.#ended(conversation, round),
      failed: (error) => this.#fail(error, "reply"),
      taken: openAgain,
    });
    this.changes = new Changes(this.visit, {
      engine,
      changed,
      failed: (error) => this.#fail(error, "change"),
      outdated: openAgain,
    });
    this.attachments = new Attachments(this.#queue, this.visit, {
      engine,
      changed,
      failed: (error, message) => this.#fail(error, "attach", message),
      attached: (name) => this.#host.announce(`“${name}” is attached.`),
      taken: openAgain,
    });
  }

  get state(): ChatState {
    return this.#state;
  }

  get current(): Conversation {
    return this.library.current;
  }

  /** Takes the chats from this engine; needs no model. */
  connect(engine: ChatEngine): void {
    if (engine === this.#engine) return;
    this.rest();
    this.#engine = engine;
    this.#listen();
    this.library.connect(engine);
    this.visit.enter(engine, this.current);
  }

  /** Hears of the engine again, after a rest. */
  wake(): void {
    if (this.#stopHearing !== undefined || this.#engine === undefined) return;
    this.#listen();
    void this.library.refresh();
  }

  /** Hears no more of the engine: the page has put the element away. */
  rest(): void {
    this.#stopHearing?.();
    this.#stopHearing = undefined;
  }

  /** Loads the model of the folder `url`; rounds that were sent before wait for it. */
  async load(engine: ChatEngine, url: string): Promise<void> {
    this.#queue.pause();
    // Another model has read none of the chat, and a new worker does not know that it is open here.
    if (engine === this.#engine) this.visit.enter(engine, this.current);
    else this.connect(engine);
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
      // It may be a new worker, that knows nothing of a pause.
      if (!this.isHealing) void this.setHealing(false);
      this.#setState("ready");
      this.#queue.resume();
    } catch (thrown) {
      if (signal.aborted) return;
      this.#fail(asError(thrown), "load");
    }
  }

  /** Takes note of what stands in the box. */
  write(text: string): void {
    this.current.draft = text;
    this.#changed();
  }

  /** Takes note of what stands in the editor of a round; undefined closes it. */
  edit(roundId: number, text: string | undefined): void {
    this.current.edit(roundId, text === undefined ? undefined : { text });
    this.#changed();
  }

  /** Takes the message of a failed round into a new chat's box. */
  move(roundId: number): void {
    const round = this.current.take(roundId);
    this.library.newChat();
    if (round !== undefined) this.current.putBack(round.message);
    this.#changed();
  }

  /** Whether memory that is not exact is refreshed while nothing else is to be done. */
  async setHealing(isOn: boolean): Promise<void> {
    this.isHealing = isOn;
    this.#changed();
    await this.#engine?.setHealing(isOn).catch(() => {});
  }

  /** Opens the chat that is shown once more. */
  reopen(): void {
    this.current.openError = undefined;
    this.visit.enter(this.#engine, this.current);
    this.#changed();
  }

  dismiss(key: string): void {
    this.troubles.dismiss(key);
    this.#changed();
  }

  #listen(): void {
    this.#stopHearing = this.#engine?.onNotice((notice) => this.#hear(notice));
  }

  #hear(notice: EngineNotice): void {
    switch (notice.type) {
      case "chats-changed":
        void this.library.refresh();
        // Perhaps it has grown in the tab that writes it.
        if (this.current.access === "read") this.reopen();
        break;
      case "chat-writable":
        if (notice.chatId === this.current.chatId) this.reopen();
        break;
      case "store-trouble":
        this.troubles.tell(notice.reason, notice.message);
        this.#changed();
        break;
      case "healing":
        this.#heal(notice.chatId, notice.roundsLeft);
        break;
      default:
        notice satisfies never;
    }
  }

  #listed(error?: Error): void {
    const isNew = this.troubles.listed(error);
    if (isNew && error !== undefined)
      this.#host.dispatchEvent(new ChatErrorEvent(error, "list"));
  }

  #heal(chatId: string, roundsLeft: number): void {
    for (const conversation of this.library.conversations)
      if (conversation.chatId === chatId)
        conversation.healingRounds = roundsLeft;
    this.#changed();
  }

  #ended({ chatId }: Conversation, round: Round): void {
    if (chatId !== undefined)
      this.#host.dispatchEvent(new RoundEvent(chatId, round));
  }

  /** The engine knows better what is there, and who may write. */
  #openAgain(conversation: Conversation): void {
    if (conversation === this.current) this.reopen();
  }

  #fail(
    error: Error,
    during: Undertaking,
    message: string = error.message,
  ): void {
    // A reply fails so when a GPU that was taken away does not come back.
    const isUnavailable = error.name === "WebGpuUnavailableError";
    if (during === "load" || isUnavailable) {
      this.#queue.pause();
      this.error = error;
      this.#setState(isUnavailable ? "unavailable" : "failed");
    } else if (during !== "reply" && during !== "open")
      this.troubles.report(message);
    this.#changed();
    this.#host.dispatchEvent(new ChatErrorEvent(error, during));
  }

  #setState(state: ChatState): void {
    this.#state = state;
    this.#changed();
    this.#host.dispatchEvent(new StateEvent(state));
  }

  /** After what the user or the engine did; not for each step of a reply. */
  #changed(): void {
    this.library.saveDrafts();
    this.#redraw();
  }

  #redraw(): void {
    this.#host.requestUpdate();
    const { address } = this.current;
    if (address === this.#shownId) return;
    this.#shownId = address;
    this.#host.dispatchEvent(new ShowEvent(address));
  }
}
