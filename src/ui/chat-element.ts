import { html, LitElement, nothing, type PropertyValues } from "lit";
import { property, query } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import type { ChatEngine } from "../engine/chat-engine";
import { Announcement } from "./announcement";
import { carryOut } from "./carry-out";
import type { ChatDock } from "./chat-dock";
import { entryOf } from "./chat-entry";
import type { ChatHeader } from "./chat-header";
import { chatStyles } from "./chat-styles";
import { isComposing } from "./composer";
import { Drawer } from "./drawer";
import type { ChatState } from "./events";
import { EXAMPLES, unsaidExamples } from "./examples";
import { FileDrop } from "./file-drop";
import { attachIcon, mark } from "./icons";
import type { Instructions } from "./instructions";
import type { ModelPicker } from "./model-picker";
import { areModelFiles, sourceOf } from "./model-wish";
import { noRounds } from "./no-rounds";
import { oncePerFrame } from "./once-per-frame";
import { endsPages, rememberedModel } from "./remembered-model";
import type { ChatRequest, RequestEvent } from "./request";
import { Session } from "./session";
import type { SidePanel } from "./side-panel";
import { base, theme } from "./theme";
import type { Transcript } from "./transcript";

/**
 * `<rondo-chat>`: a chat with a model that runs in the page. Give it an `engine` and a `model`; it shows
 * the chats that the engine keeps, loads the model, and says how far that is. What the user does shows at
 * once; what the model does, at most once per painted frame.
 *
 * @attr model - the model that is loaded unless the user has chosen another: its name on the hub, or its
 *   address, relative to the page
 * @attr hub - another hub than huggingface.co, or a mirror: its address
 * @prop engine - the ChatEngine that loads and answers
 * @prop chatId - the engine's name for the chat that is shown; set it to show another
 * @prop examples - things to say, offered in a new chat
 * @prop state - "idle", "loading", "paused", "ready", "failed" or "unavailable"; also an attribute
 * @fires rondo-round - RoundEvent: a reply has ended
 * @fires rondo-show - ShowEvent: another chat is shown, or the one that is has got its name
 * @fires rondo-error - ChatErrorEvent: loading failed, a reply broke off, or something with a kept chat failed
 * @fires rondo-state - StateEvent: `state` has changed
 * @slot brand - instead of the mark and the name
 * @slot welcome - instead of the words in an empty chat
 * @slot footer - at the foot of the side panel
 * @csspart panel, main, header, log, message, document, reply, text, receipt, example, chat, box, input
 * @cssprop --rondo-accent, --rondo-on-accent - the one colour, and text on it
 * @cssprop --rondo-ground, --rondo-panel, --rondo-raised - grounds
 * @cssprop --rondo-text, --rondo-muted, --rondo-line, --rondo-control-line, --rondo-alert - inks
 * @cssprop --rondo-font, --rondo-display-font, --rondo-mono-font - type
 * @cssprop --rondo-measure - how wide the column of text may be
 */
export class ChatElement extends LitElement {
  static override styles = [theme, base, chatStyles];

  @property({ attribute: false }) engine: ChatEngine | undefined;
  @property() model = "";
  @property() hub = "";
  @property({ attribute: false }) examples: readonly string[] = EXAMPLES;

  @query("rondo-dock") private dock!: ChatDock | null;
  @query("rondo-side-panel") private panel!: SidePanel;
  @query("rondo-header") private header!: ChatHeader;
  @query("rondo-transcript") private transcript!: Transcript;
  @query("rondo-instructions") private instructions!: Instructions;
  @query("rondo-model-picker") private picker!: ModelPicker | null;
  readonly #announcement = new Announcement();
  #drawer = new Drawer(this, () => {
    const { header: toggle, panel } = this;
    return { panel, toggle };
  });
  readonly #drop = new FileDrop(this, {
    isOpen: () =>
      this.picker?.isOpen === true ||
      (this.state !== "unavailable" &&
        this.#session.current.access === "write"),
    take: (files) => this.#takeFiles(files),
  });

  #session = new Session({
    requestUpdate: oncePerFrame(() => this.requestUpdate()),
    dispatchEvent: (event) => this.#publish(event),
    announce: (text) => this.#announce(text),
  });

  get state(): ChatState {
    return this.#session.state;
  }

  get chatId(): string | undefined {
    return this.#session.current.address;
  }

  set chatId(chatId: string | undefined) {
    if (chatId !== this.chatId) this.#session.library.show(chatId);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#session.wake();
    this.addEventListener("keydown", this.#onKeydown);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#session.rest();
    this.removeEventListener("keydown", this.#onKeydown);
  }

  override focus(options?: FocusOptions): void {
    this.dock?.focus(options);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("hub"))
      this.#session.loading.hubUrl = this.hub === "" ? undefined : this.hub;
    if (changed.has("engine") || changed.has("model"))
      this.#load(changed.has("model"));
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

  override render() {
    const { isNarrow, isCovering } = this.#drawer;
    const { text } = this.#announcement;
    return html`
      <div
        class="frame ${isNarrow ? "is-narrow" : ""}"
        @rondo-request=${this.#onRequest}
      >
        ${this.#panel()}
        ${
          isCovering
            ? html`<div class="scrim" @click=${this.#toggleDrawer}></div>`
            : nothing
        }
        <div class="main" part="main" ?inert=${isCovering}>
          ${this.#header()}
          <rondo-banner
            .troubles=${this.#session.troubles.shown}
          ></rondo-banner>
          ${this.#body()} ${this.#dock()}
        </div>
        <rondo-instructions
          .isBusy=${this.#session.current.isBusy}
        ></rondo-instructions>
        ${this.#models()}
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

  #panel() {
    const { library, loading, troubles } = this.#session;
    return html`
      <rondo-side-panel
        part="panel"
        exportparts="chat"
        id="panel"
        ?inert=${!this.#drawer.isOpen}
        ?drawer=${this.#drawer.isNarrow}
        .chats=${library.begun.map((chat) => entryOf(chat, library.current))}
        .model=${loading.model}
        .keeping=${troubles.isKeeping}
      >
        <slot name="brand" slot="brand">
          <span class="brand">${mark}Rondo</span>
        </slot>
        <slot name="footer" slot="footer"></slot>
      </rondo-side-panel>
    `;
  }

  #models() {
    const { loading, models, own } = this.#session;
    return html`
      <rondo-model-picker
        .own=${own}
        .kept=${models.kept}
        .inUse=${loading.wish}
        .isLoading=${loading.state !== "ready"}
        .lookup=${models.lookup}
        .error=${models.error}
        .hubUrl=${loading.hubUrl}
        .isDropping=${this.#drop.isOver}
      ></rondo-model-picker>
    `;
  }

  #header() {
    const { access, isNew, system, title } = this.#session.current;
    const { isNarrow, isOpen } = this.#drawer;
    return html`
      <rondo-header
        part="header"
        .chatTitle=${isNew ? "" : title}
        ?narrow=${isNarrow}
        .isPanelOpen=${isOpen}
        .mayWrite=${access === "write"}
        .hasInstructions=${system !== undefined}
      ></rondo-header>
    `;
  }

  #body() {
    const { current } = this.#session;
    return html`
      <rondo-transcript
        exportparts="log, message, document, reply, text, receipt"
        .rounds=${current.rounds}
        .conversationId=${current.id}
        .waitingFor=${this.#waitingFor}
        .mayWrite=${current.access === "write"}
        .isBusy=${current.isBusy}
      >
        ${noRounds(this.#session, this.examples)}
      </rondo-transcript>
    `;
  }

  get #waitingFor(): string {
    const { state, visit } = this.#session;
    if (state !== "ready") return "the model";
    const isRestoring = visit.progress !== undefined;
    return isRestoring ? "what was said before" : "the reply in another chat";
  }

  #dock() {
    const { current, isHealing, loading, state, turns, visit } = this.#session;
    const isReady = state === "ready";
    const isShownAbove = state === "unavailable" && current.isNew;
    if (isShownAbove && current.draft === "") return nothing;
    return html`
      <rondo-dock
        exportparts="example, box, input"
        .state=${state}
        .progress=${loading.progress}
        .mayGiveUp=${loading.hasBefore}
        .error=${isShownAbove ? undefined : loading.error}
        .restoring=${visit.progress}
        .attachment=${current.attachments[0]}
        .waitingDocuments=${current.attachments.length - 1}
        .healingRounds=${current.healingRounds}
        .isHealing=${isHealing}
        .access=${current.access}
        .draft=${live(current.draft)}
        .replying=${current.running !== undefined}
        .waiting=${!current.maySend}
        .thinks=${loading.model?.canThink ? turns.thinks : undefined}
        .examples=${isReady ? unsaidExamples(this.examples, current.rounds) : []}
      ></rondo-dock>
    `;
  }

  /** What the user chose goes before what the page names, until the page names another. */
  #load(isRenamed: boolean): void {
    const { engine, model } = this;
    const session = this.#session;
    session.own = model === "" ? undefined : sourceOf(model);
    if (engine === undefined) return;
    const own = session.own && { source: session.own, options: {} };
    const isFirst = session.loading.wish === undefined;
    const chosen = isFirst ? rememberedModel() : session.loading.wish;
    const wish = isRenamed && !isFirst ? own : (chosen ?? own);
    if (wish && isFirst && wish === chosen && endsPages()) {
      session.connect(engine);
      session.loading.hold(wish);
    } else if (wish) void session.load(engine, wish);
    else session.connect(engine);
  }

  #takeFiles(files: readonly File[]): void {
    const isModel = this.picker?.isOpen === true || areModelFiles(files);
    if (isModel)
      this.#take({ type: "use-model", wish: { source: files, options: {} } });
    else this.#take({ type: "attach", files });
  }

  #onRequest(event: RequestEvent): void {
    event.stopPropagation();
    this.#take(event.request);
  }

  #take(request: ChatRequest): void {
    if (request.type !== "draft") this.#announcement.clear();
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
        void this.instructions.show(text, failure),
      showModels: () => void this.picker?.show(),
      closeModels: () => this.picker?.close(),
      announce: (text) => this.#announce(text),
      leavePanel: () => this.#leavePanel(),
      togglePanel: this.#toggleDrawer,
      isPanelOver: this.#drawer.isNarrow,
    });
    this.requestUpdate();
  }

  /** In the box; on a phone, its keyboard would cover what there is to read. */
  #goOn(): void {
    if (matchMedia("(pointer: fine)").matches) this.focus();
    else this.transcript.focus();
  }

  /** Closes the drawer, if it is one, and goes on in the box. */
  #leavePanel(): void {
    this.#drawer.leave();
    void this.updateComplete.then(() => this.focus());
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
