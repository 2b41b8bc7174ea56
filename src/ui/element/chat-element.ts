import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { property, query } from "lit/decorators.js";
import type { ChatEngine } from "../../engine/api/chat-engine";
import type { MemorySource } from "../../engine/api/kv-memory";
import { Announcement } from "./announcement";
import { carryOut } from "./carry-out";
import { isTiny } from "../state/models/offered-model";
import { examplesFor } from "../transcript/examples";
import { ChatAttributes, SETTING_PROPERTIES } from "./chat-attributes";
import type { ChatDock } from "../composer/chat-dock";
import type { ChatHeader } from "../sidebar/chat-header";
import {
  checkedMessages,
  messagesOf,
  roundsOf,
  type ChatMessage,
} from "../state/chats/chat-messages";
import { chatStyles } from "./chat-styles";
import {
  chatBody,
  chatDock,
  chatHeader,
  chatPanel,
  modelPicker,
  settingsDialog,
  type ChatView,
} from "./chat-view";
import { isComposing } from "../composer/composer";
import { offerToDevtools } from "../devtools/devtools-hook";
import { Drawer } from "../sidebar/drawer";
import type { ChatState } from "../state/models/model-loading";
import { FileDrop } from "../base/file-drop";
import { attachIcon } from "../base/icons";
import type { Instructions } from "../dialogs/instructions";
import type { ModelPicker } from "../models/model-picker";
import { areModelFiles } from "../state/models/model-request";
import { loadNamed } from "./named-model";
import { oncePerFrame } from "../base/once-per-frame";
import { pageEngines } from "../engines/page-engines";
import type { ChatRequest, RequestEvent } from "../state/request";
import type { Round } from "../state/chats/round";
import { sendTo } from "./send";
import { keepTypedKeys } from "./typed-keys";
import { Session } from "../state/page-state";
import type { SettingsDialog } from "../dialogs/settings-dialog";
import { SharedEngine } from "../engines/shared-engine";
import type { SidePanel } from "../sidebar/side-panel";
import { base, theme } from "../base/theme";
import type { Transcript } from "../transcript/transcript";

/**
 * `<rondo-chat>`: a chat with a model that runs in the page. Give it a `model`; it shows the saved chats, loads the
 * model, and shows the progress. User actions show at once, the model's output at most once a frame.
 *
 * Chats are saved per origin, and each element lists them all; a `compact` one has no list and begins with a new
 * chat. The user's model and settings are remembered for elements that name the same model.
 *
 * @element rondo-chat
 * @attr {"idle" | "loading" | "paused" | "ready" | "failed" | "unavailable"} state - state of the model; read-only
 * @fires {SentEvent} rondo-message - a message is sent, by the user or by `send()`
 * @fires {RoundEvent} rondo-round - a reply has ended
 * @fires {ShowEvent} rondo-show - another chat is shown, or the shown chat has got its id
 * @fires {ChatErrorEvent} rondo-error - loading, a reply, or reading or writing a chat failed
 * @fires {StateEvent} rondo-state - `state` has changed
 * @fires {SettingsEvent} rondo-settings - the user has changed settings
 * @slot brand - instead of the logo and the name
 * @slot welcome - instead of the text in an empty chat
 * @slot footer - at the foot of the side panel
 * @slot tools - at the right of the chat's header
 * @csspart panel - the side panel with the list of chats
 * @csspart chat - each chat's button in the list
 * @csspart main - everything beside the panel
 * @csspart header - the bar above the chat
 * @csspart log - the scrolling box with the messages
 * @csspart message - the user's message
 * @csspart document - a document that was attached
 * @csspart reply - the reply, with the line below it
 * @csspart text - the reply's text
 * @csspart receipt - the line below a reply that says how it ended and what it took
 * @csspart example - each example's button
 * @csspart box - the frame around the text and its buttons
 * @csspart input - the text area
 * @cssprop [--rondo-accent=#0b6a5c] - the accent colour; in dark mode #7accb9
 * @cssprop [--rondo-on-accent=#ffffff] - text on it
 * @cssprop [--rondo-ground=#fcfbf9] - behind the chat
 * @cssprop [--rondo-panel=#f3f1ec] - behind the list of chats
 * @cssprop [--rondo-raised=#ffffff] - boxes and buttons
 * @cssprop [--rondo-text=#1e1d1a] - text
 * @cssprop [--rondo-muted=#635f57] - secondary text
 * @cssprop [--rondo-line=#e0dcd3] - dividing lines
 * @cssprop [--rondo-control-line=#8a857a] - borders of controls
 * @cssprop [--rondo-alert=#a5371f] - errors
 * @cssprop [--rondo-code-keyword=#8a2a6e] - keywords in code
 * @cssprop [--rondo-code-string=#39691a] - strings in code
 * @cssprop [--rondo-code-value=#924a0d] - numbers and other values in code
 * @cssprop [--rondo-code-name=#1f5a9e] - names in code
 * @cssprop [--rondo-code-type=#0b665d] - types in code
 * @cssprop [--rondo-font=system-ui] - type
 * @cssprop [--rondo-display-font=ui-serif] - type of headings
 * @cssprop [--rondo-mono-font=ui-monospace] - type of code
 * @cssprop [--rondo-measure=43rem] - how wide the column of text may be
 */
export class ChatElement extends ChatAttributes {
  static override styles = [theme, base, chatStyles];

  @query("rondo-dock") private dock!: ChatDock | null;
  @query("rondo-side-panel") private panel!: SidePanel;
  @query("rondo-header") private header!: ChatHeader;
  @query("rondo-transcript") private transcript!: Transcript;
  @query("rondo-instructions") private instructions!: Instructions;
  @query("rondo-settings") private settings!: SettingsDialog;
  @query("rondo-model-picker") private picker!: ModelPicker | null;
  readonly #announcement = new Announcement();
  #drawer = new Drawer(this, () => {
    const { header: toggle, panel } = this;
    return { panel, toggle };
  });
  readonly #drop = new FileDrop(this, {
    isOpen: () =>
      this.picker?.isOpen === true ||
      (this.state !== "unavailable" && this.#mayWrite),
    take: (files) => this.#takeFiles(files),
  });

  #session = new Session({
    requestUpdate: oncePerFrame(() => this.requestUpdate()),
    dispatchEvent: (event) => this.#publish(event),
    announce: (text) => this.#announce(text),
  });

  /** Used where the page sets no engine. */
  #shared: SharedEngine | undefined;

  /** The page's own engine, or else the shared one. */
  get #engine(): ChatEngine {
    return this.engine ?? (this.#shared ??= new SharedEngine(pageEngines));
  }

  /** The `source` for a `<rondo-memory>` that shows this chat's engine. */
  get memorySource(): MemorySource {
    return this.#engine;
  }

  /** State of the model. */
  get state(): ChatState {
    return this.#session.state;
  }

  /** The id of the shown chat, once it has a message; set it to show another. */
  @property({ attribute: "chat-id", noAccessor: true })
  get chatId(): string | undefined {
    return this.#session.current.address;
  }

  set chatId(chatId: string | null | undefined) {
    const named = chatId || undefined;
    if (named !== this.chatId) this.#session.library.show(named);
  }

  /**
   * Sends a message in the shown chat, as the user would.
   *
   * @returns the round when its reply is complete or stopped
   * @throws TypeError where the text is empty; InvalidStateError while a reply is coming, where another tab has the
   *   chat open, or in a read-only chat; AbortError where it was stopped before its turn; the error of the reply, or
   *   of loading the model: then the message waits in the chat
   */
  send(text: string): Promise<Round> {
    return sendTo(this.#session, this, text);
  }

  /** Stops the running reply. Its text so far stays. */
  stop(): void {
    this.#take({ type: "stop" });
  }

  /** Shows a new chat, which begins with `history`. The previous one stays in the list. */
  newChat(): void {
    this.#session.library.newChat();
  }

  /** Shows an empty chat, without `history`. The previous one stays in the list. */
  clear(): void {
    this.setMessages([]);
  }

  /** The messages of the shown chat, oldest first, including the text so far of a running reply. */
  getMessages(): ChatMessage[] {
    return messagesOf(this.#session.current.rounds);
  }

  /**
   * Shows a new chat that begins with these messages. The model reads them with the next one. A last message without
   * a reply goes into the box.
   *
   * @throws TypeError
   */
  setMessages(messages: readonly ChatMessage[]): void {
    const { rounds, unanswered } = roundsOf(checkedMessages(messages));
    const { library } = this.#session;
    library.start({ system: this.system || undefined, rounds });
    library.current.putBack(unanswered);
  }

  /** Attaches documents to the shown chat, or loads the files of a model. */
  attach(...files: File[]): void {
    this.#takeFiles(files);
  }

  /** Reads the shown chat again, after something other than this element changed it. */
  refresh(): void {
    if (!this.#session.current.isBusy) this.#session.reopen();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#session.wake();
    this.addEventListener("keydown", this.#onKeydown);
    if (this.#shared?.isResting === true) {
      this.#shared.wake();
      this.#load(false, true);
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#session.rest();
    this.removeEventListener("keydown", this.#onKeydown);
    // Unless it is only being moved.
    queueMicrotask(() => {
      if (!this.isConnected) this.#shared?.rest();
    });
  }

  /** On the box for the next message. */
  override focus(options?: FocusOptions): void {
    this.dock?.focus(options);
  }

  protected override createRenderRoot(): HTMLElement | DocumentFragment {
    const root = super.createRenderRoot();
    keepTypedKeys(root as ShadowRoot);
    return root;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const session = this.#session;
    if (SETTING_PROPERTIES.some((name) => changed.has(name))) {
      session.settings.defaults = this.defaults;
      session.applySettings();
    }
    if (changed.has("hub")) session.loading.hubUrl = this.hubUrl;
    if (changed.has("system") || changed.has("history")) this.#begin();
    if (changed.has("engine") && this.engine) {
      this.#shared?.rest();
      this.#shared = undefined;
      offerToDevtools(this.engine);
    }
    const isRenamed =
      changed.has("model") || changed.has("endpoint") || changed.has("apiKey");
    const isOther = changed.has("engine") || isRenamed;
    if (isOther || changed.has("readonly")) this.#load(isRenamed);
    else if (this.readonly && this.chatId !== undefined) this.#load(false);
  }

  protected override updated(): void {
    this.setAttribute("state", this.state);
  }

  /** What is in the dock can have the focus then. */
  protected override async getUpdateComplete(): Promise<boolean> {
    const isDone = await super.getUpdateComplete();
    await this.dock?.updateComplete;
    return isDone;
  }

  override render(): TemplateResult {
    const { isNarrow } = this.#drawer;
    const isCovering = this.#drawer.isCovering && !this.#isBare;
    const { text } = this.#announcement;
    const view = this.#view;
    return html`
      <div
        class="frame ${isNarrow ? "is-narrow" : ""}"
        @rondo-request=${this.#onRequest}
      >
        ${this.#isBare ? nothing : chatPanel(view)}
        ${
          isCovering
            ? html`<div class="scrim" @click=${this.#toggleDrawer}></div>`
            : nothing
        }
        <div class="main" part="main" ?inert=${isCovering}>
          ${this.#isBare ? nothing : chatHeader(view)}
          <rondo-banner
            .warnings=${this.#session.warnings.shown}
          ></rondo-banner>
          ${chatBody(view)} ${chatDock(view)}
        </div>
        <rondo-instructions
          .isBusy=${this.#session.current.isBusy}
        ></rondo-instructions>
        ${settingsDialog(view)} ${this.fixedModel ? nothing : modelPicker(view)}
        ${
          this.#drop.isOver && this.picker?.isOpen !== true
            ? html`<div class="drop">
                ${attachIcon}Drop it here to attach it
              </div>`
            : nothing
        }
        <div class="visually-hidden" role="status">${text}</div>
      </div>
    `;
  }

  get #view(): ChatView {
    const { loading } = this.#session;
    return {
      session: this.#session,
      drawer: this.#drawer,
      examples: examplesFor(
        this.examples,
        isTiny(loading.answering ?? loading.request),
      ),
      placeholder: this.placeholder,
      isFixed: this.fixedModel,
      isReadonly: this.readonly,
      mayWrite: this.#mayWrite,
      isDropping: this.#drop.isOver,
    };
  }

  /** Only the chat itself is shown. */
  get #isBare(): boolean {
    return this.compact || this.readonly;
  }

  /** Whether the chat can be changed here. */
  get #mayWrite(): boolean {
    return this.#session.current.access === "write" && !this.readonly;
  }

  /** Applies `system` and `history` to new chats. */
  #begin(): void {
    const { rounds, unanswered } = roundsOf(this.messages);
    const { library } = this.#session;
    library.beginWith({ system: this.system || undefined, rounds });
    if (library.current.isNew && library.current.draft === "")
      library.current.putBack(unanswered);
  }

  /** A read-only element needs no model, and without a saved chat no engine. */
  #load(isRenamed: boolean, isBack = false): void {
    const { fixedModel: isFixed, modelSource: source } = this;
    if (this.readonly && this.chatId === undefined) return;
    if (this.readonly) return this.#session.connect(this.#engine);
    const naming = { source, isRenamed, isFixed, isBack };
    loadNamed(this.#session, this.#engine, naming);
  }

  #takeFiles(files: readonly File[]): void {
    const isModel = this.picker?.isOpen === true || areModelFiles(files);
    if (isModel && this.fixedModel) return;
    if (isModel)
      this.#take({ type: "use-model", model: { source: files, options: {} } });
    else this.#take({ type: "attach", files });
  }

  #onRequest(event: RequestEvent): void {
    event.stopPropagation();
    this.#take(event.request);
  }

  #take(request: ChatRequest): void {
    if (request.type !== "draft") this.#announcement.clear();
    if (request.type === "use-key") {
      this.typedKey = { endpoint: this.endpoint, key: request.key };
      return this.#load(true);
    }
    carryOut(request, {
      session: this.#session,
      load: () => {
        if (!this.#session.loadAgain()) this.#load(false);
      },
      focusBox: () => this.focus(),
      focusRound: (roundId, part) =>
        void this.updateComplete.then(() =>
          this.transcript.focusRound(roundId, part),
        ),
      goOn: () => this.#goOn(),
      showInstructions: (text, failure) =>
        void this.#showDialog(() => this.instructions.show(text, failure)),
      showSettings: () => void this.#showDialog(() => this.settings.show()),
      showModels: () => void this.picker?.show(),
      closeModels: () => this.picker?.close(),
      announce: (text) => this.#announce(text),
      leavePanel: () => this.#leavePanel(),
      togglePanel: this.#toggleDrawer,
      isPanelOver: this.#drawer.isNarrow,
    });
    this.requestUpdate();
  }

  async #showDialog(show: () => void | Promise<void>): Promise<void> {
    try {
      await import("../dialogs/define-settings");
      await show();
    } catch {
      this.#session.warnings.report(
        "The dialog did not load. Check the connection and reload the page.",
      );
      this.requestUpdate();
    }
  }

  /** Focuses the box, except on phones, where the keyboard would cover the chat. */
  #goOn(): void {
    if (matchMedia("(pointer: fine)").matches) this.focus();
    else this.transcript.focus();
  }

  /** Closes the drawer, if it is one, and focuses the chat. */
  #leavePanel(): void {
    this.#drawer.leave();
    void this.updateComplete.then(() => this.#goOn());
  }

  #toggleDrawer = () => void this.#drawer.toggle();

  #onKeydown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || isComposing(event)) return;
    if (this.#drawer.isCovering) this.#toggleDrawer();
    else if (this.#session.current.running !== undefined)
      this.#take({ type: "stop" });
    else return;
    event.preventDefault();
  };

  #announce(text: string): void {
    this.#announcement.say(text);
    this.requestUpdate();
  }

  #publish(event: Event): boolean {
    void this.#announcement
      .take(event, this.#session.current.chatId)
      .then(() => this.requestUpdate());
    this.requestUpdate();
    return this.dispatchEvent(event);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-chat": ChatElement;
  }
}
