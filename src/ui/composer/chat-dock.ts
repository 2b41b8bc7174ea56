import { css, html, LitElement, nothing } from "lit";
import { property, query } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import type { ChatHistory } from "../../engine/api/chats";
import type { RestoreProgress } from "../../engine/api/kv-memory";
import type { LoadProgress } from "../../engine/api/models";
import type { CalibrationProgress } from "../../engine/api/notice";
import type { Attachment } from "../state/chats/attachment";
import type { Composer } from "./composer";
import type { ShownFile } from "../state/models/file-keeping";
import type { ChatState } from "../state/models/model-loading";
import { tabsIcon } from "../base/icons";
import { RequestEvent } from "../state/request";
import { base } from "../base/theme";

/**
 * `<rondo-dock>`: the area below the transcript: progress of loading, restoring, attaching and healing, examples, and
 * the box for the next message.
 *
 * @csspart example, box, input - of the elements inside
 */
export class ChatDock extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 0.75rem;
        width: 100%;
        max-width: var(--_measure);
        margin: 0 auto;
        padding: 0.25rem 1rem calc(1rem + env(safe-area-inset-bottom));
        overflow-y: auto;
      }

      /* Where a notice leaves no room, it scrolls behind the box. */
      rondo-composer {
        position: sticky;
        inset-block-end: 0;
        background: var(--_ground);
      }

      .elsewhere {
        display: flex;
        align-items: flex-start;
        gap: 0.75rem;
        margin: 0;
        padding: 0.75rem 1rem;
        border: 1px solid var(--_line);
        border-radius: 1rem;
        background: var(--_raised);
        line-height: 1.45;
      }

      .elsewhere button {
        flex: none;
        margin-inline-start: auto;
      }

      .elsewhere .icon {
        margin-top: 0.15rem;
        color: var(--_muted);
      }
    `,
  ];

  @property({ attribute: false }) state: ChatState = "idle";
  /** While the model loads, or is paused. */
  @property({ attribute: false }) progress: LoadProgress | undefined;
  /** Whether cancelling the load returns to another model. */
  @property({ attribute: false }) mayGiveUp = false;
  /** Why the model could not be loaded. */
  @property({ attribute: false }) error: Error | undefined;
  /** The file that the model needs, if it is not on this device. */
  @property({ attribute: false }) wantedFile: string | undefined;
  /** Whether the shown chat was with that model. */
  @property({ attribute: false }) isOfChat = false;
  /** The model that the page names. */
  @property({ attribute: false }) own: string | undefined;
  /** The model's files, while it is not settled whether they are kept. */
  @property({ attribute: false }) file: ShownFile | undefined;
  /** Progress of restoring the chat, while that runs. */
  @property({ attribute: false }) restoring: RestoreProgress | undefined;
  /** The document that is being attached. */
  @property({ attribute: false }) attachment: Attachment | undefined;
  /** Documents queued behind it. */
  @property({ attribute: false }) waitingDocuments = 0;
  /** Rounds whose KV is not exact yet, and whether healing is on. */
  @property({ attribute: false }) healingRounds = 0;
  /** How far the model in use is calibrated, while it is. */
  @property({ attribute: false }) calibration: CalibrationProgress | undefined;
  @property({ attribute: false }) isHealing = true;
  @property({ attribute: false }) access: ChatHistory["access"] = "write";
  /** The text in the box. */
  @property({ attribute: false }) draft = "";
  /** Whether a reply is coming. */
  @property({ type: Boolean }) replying = false;
  /** Whether that reply is being stopped. */
  @property({ attribute: false }) stopping = false;
  /** Whether the chat is busy, so that nothing can be sent now. */
  @property({ type: Boolean }) waiting = false;
  /** Whether the model thinks before it answers; undefined where it cannot. */
  @property({ attribute: false }) thinks: boolean | undefined;
  /** Shown in the empty box. */
  @property({ attribute: false }) placeholder = "";
  /** Whether the user may choose another model. */
  @property({ attribute: false }) mayChooseModel = true;
  /** Example messages. */
  @property({ attribute: false }) examples: readonly string[] = [];
  @query("rondo-composer") private composer!: Composer | null;

  override focus(options?: FocusOptions): void {
    this.composer?.focus(options);
  }

  protected override async getUpdateComplete(): Promise<boolean> {
    const isDone = await super.getUpdateComplete();
    await this.composer?.updateComplete;
    return isDone;
  }

  protected override willUpdate(): void {
    if (this.wantedFile ?? this.file ?? this.attachment)
      void import("./define-files").catch(() => undefined);
  }

  override render() {
    return html`
      ${this.#modelStatus()} ${this.#fileStatus()} ${this.#restoreStatus()}
      ${this.#attachStatus()} ${this.#healStatus()} ${this.#examples()}
      ${this.access === "read" ? this.#elsewhere() : nothing}
      ${this.#hasBox ? this.#composer() : nothing}
    `;
  }

  #modelStatus() {
    if (this.state === "loading" || this.state === "paused")
      return html`<rondo-load-progress
        .progress=${this.progress}
        .isPaused=${this.state === "paused"}
        .mayGiveUp=${this.mayGiveUp}
      ></rondo-load-progress>`;
    if (this.state === "idle") return this.#noModel();
    if (this.wantedFile !== undefined)
      return html`<rondo-wanted-file
        .name=${this.wantedFile}
        .isOfChat=${this.isOfChat}
        .own=${this.own}
      ></rondo-wanted-file>`;
    if (this.error === undefined) return nothing;
    return html`<rondo-load-failure
      ?offers-models=${this.mayChooseModel}
      .error=${this.error}
    ></rondo-load-failure>`;
  }

  #noModel() {
    return html`<p class="elsewhere">
      <span>No model is loaded. Messages wait until one is.</span>
      <button
        ?hidden=${!this.mayChooseModel}
        class="small"
        type="button"
        aria-haspopup="dialog"
        @click=${() =>
          this.dispatchEvent(new RequestEvent({ type: "show-models" }))}
      >
        Choose a model
      </button>
    </p>`;
  }

  #fileStatus() {
    if (this.file === undefined) return nothing;
    return html`<rondo-kept-file .file=${this.file}></rondo-kept-file>`;
  }

  #restoreStatus() {
    if (this.restoring === undefined || this.state !== "ready") return nothing;
    return html`<rondo-restore-progress
      .progress=${this.restoring}
    ></rondo-restore-progress>`;
  }

  #attachStatus() {
    if (this.attachment === undefined) return nothing;
    return html`<rondo-attach-progress
      .attachment=${this.attachment}
      .waitingDocuments=${this.waitingDocuments}
    ></rondo-attach-progress>`;
  }

  /** Not while something else says what the model is doing. */
  #healStatus() {
    const isBusy = this.replying || this.restoring || this.attachment;
    const isIdle = this.healingRounds === 0 && this.calibration === undefined;
    if (isIdle || isBusy || this.access === "read") return nothing;
    return html`<rondo-healing
      .roundsLeft=${this.healingRounds}
      .calibration=${this.calibration}
      .isOn=${this.isHealing}
    ></rondo-healing>`;
  }

  #examples() {
    if (this.examples.length === 0 || this.access === "read") return nothing;
    return html`<rondo-examples
      compact
      exportparts="example"
      .examples=${this.examples}
    ></rondo-examples>`;
  }

  /** Where nothing can be sent, what was typed before stays in sight. */
  get #hasBox(): boolean {
    return this.access === "write" || this.draft !== "";
  }

  #elsewhere() {
    return html`
      <p class="elsewhere" role="status">
        ${tabsIcon}
        <span>
          This chat is open in another tab. Close it there to continue here.
        </span>
      </p>
    `;
  }

  #composer() {
    return html`<rondo-composer
      exportparts="box, input"
      .draft=${live(this.draft)}
      .placeholder=${this.placeholder}
      .replying=${this.replying}
      .stopping=${this.stopping}
      .waiting=${this.waiting}
      .locked=${this.access === "read"}
      .thinks=${this.thinks}
    ></rondo-composer>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-dock": ChatDock;
  }
}
