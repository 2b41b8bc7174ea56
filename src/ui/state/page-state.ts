/**
 * The state of one `<rondo-chat>`: model, chats, settings, warnings. The element draws it and passes on the user's
 * requests.
 */
import type { ChatEngine } from "../../engine/api/chat-engine";
import type {
  CalibrationProgress,
  EngineNotice,
} from "../../engine/api/notice";
import { isServerSource } from "../../engine/api/server-source";
import { Attachments } from "./chats/attachments";
import { Changes } from "./chats/changes";
import { ChatLibrary } from "./chats/chat-library";
import { ChatSearch } from "./chats/chat-search";
import { ChosenSettings } from "./settings/chosen-settings";
import type { Conversation } from "./chats/conversation";
import {
  ChatErrorEvent,
  RoundEvent,
  SentEvent,
  SettingsEvent,
  ShowEvent,
  StateEvent,
} from "./events";
import { type ChatState, ModelLoading } from "./models/model-loading";
import { isFirstTold } from "./models/cpu-note";
import type { FileKeeping } from "./models/file-keeping";
import type { ModelRequest } from "./models/model-request";
import { Models } from "./models/models";
import type { Operation } from "./chats/operation";
import { rememberedModel, rememberModel } from "./models/remembered-model";
import type { Round } from "./chats/round";
import type { Settings } from "./settings/settings";
import { Warnings } from "./warnings";
import { TurnQueue } from "./chats/turn-queue";
import { Turns } from "./chats/turns";
import { Visit } from "./chats/visit";

export interface SessionHost {
  /** Something to draw has changed. */
  requestUpdate(): void;
  dispatchEvent(event: Event): boolean;
  /** Announces `text` to screen readers. */
  announce(text: string): void;
}

export class Session {
  readonly #host: SessionHost;
  readonly #queue = new TurnQueue();
  #engine: ChatEngine | undefined;
  #stopHearing: (() => void) | undefined;
  #shownId: string | undefined;

  readonly library: ChatLibrary;
  readonly search: ChatSearch;
  readonly visit: Visit;
  readonly turns: Turns;
  readonly changes: Changes;
  readonly attachments: Attachments;
  readonly loading: ModelLoading;
  readonly models: Models;
  /** Of the files that the model in use is from. */
  keeping: FileKeeping | undefined;
  readonly warnings = new Warnings();
  readonly settings = new ChosenSettings();
  /** The model that the page names, where it names one. */
  own: string | undefined;
  isHealing = true;
  /** Whether to say that there is no GPU: once in a browser. */
  tellsOfCpu = false;
  /** How far the model in use is calibrated, while it is. */
  calibration: CalibrationProgress | undefined;

  constructor(host: SessionHost) {
    this.#host = host;
    const changed = () => this.#changed();
    this.visit = new Visit(this.#queue, {
      changed,
      gone: (conversation) => this.library.lose(conversation),
      damaged: (rounds) => this.warnings.report(damagedWords(rounds)),
      failed: (error) => this.#fail(error, "open"),
    });
    this.library = new ChatLibrary({
      changed,
      entered: (conversation) => this.visit.enter(this.#engine, conversation),
      failed: (error, during) => this.#fail(error, during),
      listed: (error) => this.#listed(error),
      removed: () => this.warnings.end("quota"),
    });
    const engine = () => this.#engine;
    this.search = new ChatSearch({ engine, changed: () => this.#redraw() });
    this.loading = new ModelLoading({
      left: (isAtOnce) => this.#left(isAtOnce),
      redraw: () => this.#host.requestUpdate(),
      entered: (state) => this.#entered(state),
      failed: (error) => {
        // What can't be used is not kept.
        this.keeping?.stop();
        this.keeping = undefined;
        this.#host.dispatchEvent(new ChatErrorEvent(error, "load"));
      },
    });
    this.models = new Models({
      engine,
      preferences: () => this.loading,
      changed: () => this.#redraw(),
    });
    const openAgain = (conversation: Conversation) =>
      this.#openAgain(conversation);
    this.turns = new Turns(this.#queue, this.visit, {
      engine,
      changed,
      options: () => this.settings.options,
      modelName: () => this.loading.modelName,
      sent: ({ chatId }, { message }) => {
        this.tellsOfCpu = false;
        this.#host.dispatchEvent(new SentEvent(chatId, message));
      },
      redraw: () => this.#redraw(),
      ended: (conversation, round) => this.#ended(conversation, round),
      over: (conversation) => this.library.replied(conversation),
      failed: (error, during) => this.#fail(error, during),
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
    return this.loading.state;
  }

  get current(): Conversation {
    return this.library.current;
  }

  /** Sets the model that the page names, and recalls the user's choices for it. */
  name(own: string | undefined): void {
    this.own = own;
    this.settings.remember(own);
    this.applySettings();
  }

  /** The model that the user has chosen instead of the page's. */
  get remembered(): ModelRequest | undefined {
    return rememberedModel(this.own);
  }

  /** Applies changed settings. */
  applySettings(): void {
    this.loading.memoryBudgetBytes = this.settings.inForce.memoryBudgetBytes;
    this.#redraw();
  }

  /** Sets settings of the user; undefined returns to the page's, or the model's. */
  choose(changes: Settings): void {
    this.settings.choose(changes);
    this.#chosen();
  }

  resetSettings(): void {
    this.settings.reset();
    this.#chosen();
  }

  #chosen(): void {
    this.applySettings();
    this.#host.dispatchEvent(new SettingsEvent(this.settings.inForce));
  }

  /** Shows the chats of this engine; needs no model. */
  connect(engine: ChatEngine): void {
    if (engine === this.#engine) return;
    this.#stopHearing?.();
    this.#engine = engine;
    this.#listen();
    this.library.connect(engine);
    this.visit.enter(engine, this.current);
  }

  /** Listens to the engine again, after `rest`. */
  wake(): void {
    this.library.wake();
    if (this.#stopHearing !== undefined || this.#engine === undefined) return;
    this.#listen();
    void this.library.refresh();
  }

  /** Stops listening to the engine: the element has left the page. */
  rest(): void {
    this.library.rest();
    this.#stopHearing?.();
    this.#stopHearing = undefined;
  }

  /**
   * Loads a model. The previous one answers while it is downloaded; then waiting rounds wait for it. Where nothing is
   * downloaded, a reply of the previous model is stopped.
   *
   * @param isBack the element was removed for a while and had this model: a reply continues
   */
  async load(
    engine: ChatEngine,
    request: ModelRequest,
    isBack = false,
  ): Promise<void> {
    const isSame = engine === this.#engine;
    if (!isSame || isBack || this.loading.model === undefined) {
      this.loading.leave();
      this.#queue.pause();
      if (!isBack) this.#endReplies();
      // A new model has no KV of the chat, and a new worker doesn't have it open.
      if (isSame) this.visit.enter(engine, this.current);
      else this.connect(engine);
    }
    const { source } = request;
    const loading = this.loading.load(engine, request);
    if (typeof source === "string" || isServerSource(source))
      this.keeping = undefined;
    else if (source !== this.keeping?.files)
      void this.#offerToKeep(engine, source);
    await loading;
  }

  /** Asks whether a model's files are kept on this device, or keeps them as was answered before. */
  async #offerToKeep(
    engine: ChatEngine,
    files: readonly File[],
  ): Promise<void> {
    const part = await import("./models/file-keeping").catch(() => undefined);
    if (part === undefined || files !== this.loading.request?.source) return;
    this.keeping = new part.FileKeeping(engine, files, {
      changed: () => this.#redraw(),
      kept: (name) => {
        this.#host.announce(`“${name}” is kept on this device.`);
        void this.models.refresh();
      },
    });
    this.#redraw();
  }

  /** Uses a model from now on, also after a reload; its files are asked for then, unless they were kept. */
  use(request: ModelRequest): void {
    this.#remember(request);
    if (this.#engine !== undefined) void this.load(this.#engine, request);
  }

  /** Resumes a paused load, or retries a failed one. Returns whether there was one. */
  loadAgain(): boolean {
    const { request } = this.loading;
    if (this.#engine === undefined || request === undefined) return false;
    void this.load(this.#engine, request);
    return true;
  }

  /** Goes back to the previous model. Returns whether there was one. */
  giveUpLoading(): boolean {
    const before = this.loading.giveUp();
    this.#remember(before);
    if (this.#engine && before && this.state !== "ready")
      void this.load(this.#engine, before);
    return before !== undefined;
  }

  #remember(request: ModelRequest | undefined): void {
    const isOther = request !== undefined && !this.isOwn(request);
    rememberModel(this.own, isOther ? request : undefined);
  }

  /** Whether it is the model that the page names. */
  isOwn({ source }: ModelRequest): boolean {
    return source === this.own;
  }

  /** Sets the draft. */
  write(text: string): void {
    this.current.draft = text;
    this.#changed();
  }

  /** Sets the text in a round's editor; undefined closes it. */
  edit(roundId: number, text: string | undefined): void {
    this.current.edit(roundId, text === undefined ? undefined : { text });
    this.#changed();
  }

  /** Moves the message of a failed round to a new chat's box. */
  move(roundId: number): void {
    const { current } = this;
    const round = current.take(roundId);
    if (round !== undefined) this.turns.forget(current, round);
    this.library.newChat();
    if (round !== undefined) this.current.putBack(round.message);
    this.#changed();
  }

  /** Turns healing while idle on or off. */
  async setHealing(isOn: boolean): Promise<void> {
    this.isHealing = isOn;
    this.#changed();
    await this.#engine?.setHealing(isOn).catch(() => {});
  }

  /** Opens the shown chat again. */
  reopen(): void {
    this.current.openError = undefined;
    this.visit.enter(this.#engine, this.current);
    this.#changed();
  }

  dismiss(key: string): void {
    this.warnings.dismiss(key);
    this.#changed();
  }

  /** The engine releases the model. */
  #left(isAtOnce: boolean): void {
    this.#queue.pause();
    this.calibration = undefined;
    if (isAtOnce) this.#endReplies();
    // The next model has no KV of the chat.
    this.visit.enter(this.#engine, this.current);
  }

  #endReplies(): void {
    for (const conversation of this.library.conversations)
      if (conversation.running && conversation.running.phase !== "waiting")
        conversation.stop();
  }

  #listen(): void {
    this.#stopHearing = this.#engine?.onNotice((notice) => this.#hear(notice));
  }

  #hear(notice: EngineNotice): void {
    switch (notice.type) {
      case "chats-changed":
        void this.library.refresh();
        // The tab that writes it may have added to it.
        if (this.current.access === "read") this.reopen();
        break;
      case "chat-writable":
        if (notice.chatId === this.current.chatId) this.reopen();
        break;
      case "store-trouble":
        this.warnings.tell(notice.reason, notice.message);
        this.#changed();
        break;
      case "healing":
        this.#heal(notice.chatId, notice.roundsLeft);
        break;
      case "calibrating": {
        const { done, total } = notice;
        this.calibration = done < total ? { done, total } : undefined;
        this.#changed();
        break;
      }
      case "memory-fault":
        this.warnings.report(notice.message);
        this.#changed();
        break;
      case "memory-changed":
        // Handled by the memory panel.
        break;
      default:
        notice satisfies never;
    }
  }

  #listed(error?: Error): void {
    const isNew = this.warnings.listed(error);
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

  /** Reads the chat and its access from the engine again. */
  #openAgain(conversation: Conversation): void {
    if (conversation === this.current) this.reopen();
  }

  #fail(
    error: Error,
    during: Operation,
    message: string = error.message,
  ): void {
    // A reply fails like this when a lost GPU does not come back.
    if (error.name === "WebGpuUnavailableError") this.loading.fail(error);
    else if (during !== "reply" && during !== "open")
      this.warnings.report(message);
    this.#changed();
    this.#host.dispatchEvent(new ChatErrorEvent(error, during));
  }

  #entered(state: ChatState): void {
    if (this.loading.model === undefined) {
      this.#queue.pause();
      this.calibration = undefined;
    } else if (state === "ready") {
      this.tellsOfCpu ||=
        (this.loading.model.device?.isSoftware ?? false) && isFirstTold();
      this.warnings.noteModel(this.loading.model.templateNote);
    }
    this.#changed();
    this.#host.dispatchEvent(new StateEvent(state));
    if (state !== "ready") return;
    // A new worker doesn't know that healing is paused.
    if (!this.isHealing) void this.setHealing(false);
    this.#queue.resume();
  }

  /** After an action of the user or the engine; not for each step of a reply. */
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

function damagedWords(rounds: number): string {
  const many = rounds === 1 ? "A message" : `${rounds} messages`;
  return `${many} of this chat could not be read from the disk, or only in part. Nothing is deleted: export the chat to keep what can be read.`;
}
