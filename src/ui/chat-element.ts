import { html, LitElement, nothing, type PropertyValues } from "lit";
import { property, query, state } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import type { ChatEngine } from "../engine/chat-engine";
import { chatStyles } from "./chat-styles";
import { isComposing, type Composer } from "./composer";
import { Drawer } from "./drawer";
import { EXAMPLES } from "./examples";
import { RoundEvent, StateEvent, type ChatState } from "./events";
import { mark, panelIcon, plusIcon } from "./icons";
import { plainText } from "./markdown";
import { oncePerFrame } from "./once-per-frame";
import type { ChatRequest, RequestEvent } from "./request";
import { isSound } from "./round";
import { Session } from "./session";
import type { SidePanel } from "./side-panel";
import { base, theme } from "./theme";

/** Examples stay at hand until the chat has this many rounds. */
const EXAMPLE_ROUNDS = 3;

/**
 * `<rondo-chat>`: a chat with a model that runs in the page. Give it an `engine` and a `model`; it loads
 * the model, shows how far that is, and holds the chats of this session. What the user does shows at
 * once; what the model does, at most once per painted frame.
 *
 * @attr model - the address of the model's folder, relative to the page
 * @prop engine - the ChatEngine that loads and answers
 * @prop examples - things to say, offered in a new chat
 * @prop state - "idle", "loading", "ready", "failed" or "unavailable"; also an attribute
 * @fires rondo-round - RoundEvent: a reply has ended
 * @fires rondo-error - ChatErrorEvent: loading failed, or a reply broke off
 * @fires rondo-state - StateEvent: `state` has changed
 * @slot brand - instead of the mark and the name
 * @slot welcome - instead of the words in an empty chat
 * @slot footer - at the foot of the side panel
 * @csspart panel, main, header, log, message, reply, text, receipt, example, chat, box, input
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
  @property({ attribute: false }) examples: readonly string[] = EXAMPLES;

  /** What a screen reader should say next. */
  @state() private announcement = "";
  @query("rondo-composer") private composer!: Composer | null;
  @query("rondo-side-panel") private panel!: SidePanel;
  @query(".toggle") private toggle!: HTMLElement;
  #drawer = new Drawer(this, () => {
    const { panel, toggle } = this;
    return { panel, toggle };
  });

  #session = new Session({
    requestUpdate: oncePerFrame(() => this.requestUpdate()),
    dispatchEvent: (event) => this.#publish(event),
  });

  get state(): ChatState {
    return this.#session.state;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.addEventListener("keydown", this.#onKeydown);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.removeEventListener("keydown", this.#onKeydown);
  }

  override focus(options?: FocusOptions): void {
    this.composer?.focus(options);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("engine") || changed.has("model")) this.#load();
  }

  protected override updated(): void {
    this.setAttribute("state", this.state);
  }

  override render() {
    const { isNarrow, isCovering } = this.#drawer;
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
          ${this.#header()} ${this.#body()} ${this.#dock()}
        </div>
        <div class="visually-hidden" role="status">${this.announcement}</div>
      </div>
    `;
  }

  #panel() {
    const { conversations, current, model } = this.#session;
    const begun = conversations.filter(({ isEmpty }) => !isEmpty);
    const chats = begun.map((conversation) => ({
      id: conversation.id,
      title: conversation.title,
      isCurrent: conversation === current,
      isReplying: conversation.running !== undefined,
    }));
    return html`
      <rondo-side-panel
        part="panel"
        exportparts="chat"
        id="panel"
        ?inert=${!this.#drawer.isOpen}
        ?drawer=${this.#drawer.isNarrow}
        .chats=${chats}
        .model=${model}
      >
        <slot name="brand" slot="brand">
          <span class="brand">${mark}Rondo</span>
        </slot>
        <slot name="footer" slot="footer"></slot>
      </rondo-side-panel>
    `;
  }

  #header() {
    const { isEmpty, title } = this.#session.current;
    const { isNarrow, isOpen } = this.#drawer;
    return html`
      <div class="bar" part="header">
        <button
          class="toggle plain square"
          type="button"
          aria-label="Chats"
          aria-expanded=${isOpen}
          aria-controls="panel"
          @click=${this.#toggleDrawer}
        >
          ${panelIcon}
        </button>
        <div class="title">${isEmpty ? nothing : html`<h2>${title}</h2>`}</div>
        <button
          class="plain square"
          type="button"
          aria-label="New chat"
          title="New chat"
          ?hidden=${!isNarrow && isOpen}
          @click=${() => this.#take({ type: "new-chat" })}
        >
          ${plusIcon}
        </button>
      </div>
    `;
  }

  #body() {
    const { current, state } = this.#session;
    const isUnavailable = state === "unavailable" && current.isEmpty;
    return html`
      <rondo-transcript
        exportparts="log, message, reply, text, receipt"
        .rounds=${current.rounds}
        .conversationId=${current.id}
        .waitingFor=${state === "ready" ? "the reply in another chat" : "the model"}
      >
        ${isUnavailable ? this.#unavailable() : this.#welcome()}
      </rondo-transcript>
    `;
  }

  #welcome() {
    return html`
      <div class="welcome">
        <slot name="welcome"><rondo-welcome></rondo-welcome></slot>
        <rondo-examples
          exportparts="example"
          .examples=${this.examples}
        ></rondo-examples>
      </div>
    `;
  }

  #unavailable() {
    const { error } = this.#session;
    return html`<rondo-unavailable .error=${error}></rondo-unavailable>`;
  }

  #dock() {
    const { current, state } = this.#session;
    const isOfUse =
      state !== "unavailable" || !current.isEmpty || current.draft !== "";
    if (!isOfUse) return nothing;
    return html`
      <div class="dock">
        ${this.#modelStatus()} ${this.#moreExamples()}
        <rondo-composer
          exportparts="box, input"
          .draft=${live(current.draft)}
          .replying=${current.running !== undefined}
        ></rondo-composer>
      </div>
    `;
  }

  #modelStatus() {
    const { current, error, progress, state } = this.#session;
    if (state === "loading")
      return html`<rondo-load-progress
        .progress=${progress}
      ></rondo-load-progress>`;
    const isShown = state === "unavailable" && current.isEmpty;
    if (error === undefined || isShown) return nothing;
    return html`<rondo-load-failure .error=${error}></rondo-load-failure>`;
  }

  #moreExamples() {
    const { current, state } = this.#session;
    const said = current.rounds.map(({ message }) => message);
    const unsaid = this.examples.filter((example) => !said.includes(example));
    const isEarly = said.length > 0 && said.length <= EXAMPLE_ROUNDS;
    const isWell = state === "ready" && current.rounds.every(isSound);
    if (!isEarly || !isWell || unsaid.length === 0) return nothing;
    return html`
      <rondo-examples
        compact
        exportparts="example"
        .examples=${unsaid}
      ></rondo-examples>
    `;
  }

  #load(): void {
    if (this.engine === undefined || this.model === "") return;
    const url = new URL(this.model, document.baseURI).href;
    void this.#session.load(this.engine, url);
  }

  #onRequest(event: RequestEvent): void {
    event.stopPropagation();
    this.#take(event.request);
  }

  #take(request: ChatRequest): void {
    const session = this.#session;
    // The same words said again would not be a change, and only changes are announced.
    if (request.type !== "draft") this.announcement = "";
    switch (request.type) {
      case "draft":
        session.current.draft = request.text;
        break;
      case "send":
        session.send(request.text);
        break;
      case "suggest":
        session.suggest(request.text);
        this.focus();
        break;
      case "stop":
        session.stop();
        break;
      case "retry":
      case "edit":
      case "move":
        session[request.type](request.roundId);
        this.focus();
        break;
      case "new-chat":
        session.newChat();
        this.#leavePanel();
        break;
      case "select-chat":
        session.select(request.conversationId);
        this.#leavePanel();
        break;
      case "delete-chat":
        session.deleteChat(request.conversationId);
        if (!this.#drawer.isNarrow) this.focus();
        break;
      case "load":
        this.#load();
        this.focus();
        break;
      case "close-panel":
        this.#toggleDrawer();
        break;
      default:
        request satisfies never;
    }
    this.requestUpdate();
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

  #publish(event: Event): boolean {
    if (event instanceof RoundEvent) this.#announce(event);
    if (event instanceof StateEvent && event.state === "ready")
      this.announcement = "The model is loaded.";
    return this.dispatchEvent(event);
  }

  #announce({ conversationId, round }: RoundEvent): void {
    if (conversationId !== this.#session.current.id) return;
    const isStopped = round.receipt?.finishReason !== "stop";
    const words = plainText(round.reply);
    this.announcement = isStopped ? `Stopped. ${words}` : words;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-chat": ChatElement;
  }
}
