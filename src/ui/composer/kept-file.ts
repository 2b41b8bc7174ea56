import { css, html, LitElement } from "lit";
import { property } from "lit/decorators.js";
import { closeIcon } from "../base/icons";
import { byteText } from "../base/sizes";
import type { FileAction, ShownFile } from "../state/models/file-keeping";
import { RequestEvent } from "../state/request";
import { taskLine } from "./task-line";
import { base } from "../base/theme";

/** `<rondo-kept-file>`: asks whether a model's files are kept on this device, and shows how that goes. */
export class KeptFile extends LitElement {
  static override styles = [
    base,
    taskLine,
    css`
      .line {
        flex-wrap: wrap;
      }

      .line > :first-child {
        flex: 1 1 14rem;
        white-space: normal;
        overflow-wrap: anywhere;
      }

      .line button {
        margin-inline-start: 0;
      }

      .is-question {
        color: var(--_text);
        font-size: 0.9375rem;
      }

      .is-failed {
        color: var(--_alert);
      }
    `,
  ];

  @property({ attribute: false }) file!: ShownFile;

  override render() {
    const { error, state } = this.file;
    switch (state) {
      case "asking":
        return this.#asking();
      case "keeping":
        return this.#progress();
      case "not kept":
        return this.#notKept();
      case "failed":
        return html`<div class="line" role="alert">
          <span class="is-failed">${error?.message}</span>
          ${this.#button("keep", "Try again")} ${this.#dismiss()}
        </div>`;
      default:
        return state satisfies never;
    }
  }

  #asking() {
    const { name, totalBytes } = this.file;
    return html`<div
      class="line is-question"
      role="group"
      aria-labelledby="question"
    >
      <span id="question">
        Keep <bdi>${name}</bdi> on this device? It takes
        ${byteText(totalBytes)}.
      </span>
      ${this.#button("keep", "Keep")} ${this.#button("refuse", "Don’t keep")}
    </div>`;
  }

  #progress() {
    const { loadedBytes, name, totalBytes } = this.file;
    const percent = Math.floor((loadedBytes / Math.max(totalBytes, 1)) * 100);
    return html`<div class="line">
        <label for="bar">
          Keeping <bdi>${name}</bdi> on this device… ${percent} %
        </label>
        ${this.#button("stop", "Stop", "Stop keeping the file")}
      </div>
      <progress
        id="bar"
        max=${Math.max(totalBytes, 1)}
        .value=${loadedBytes}
      ></progress>`;
  }

  #notKept() {
    return html`<div class="line">
      <span>
        <bdi>${this.file.name}</bdi> is used until this page is closed.
      </span>
      ${this.#button("keep", "Keep it")} ${this.#dismiss()}
    </div>`;
  }

  #button(action: FileAction, label: string, name = label) {
    return html`<button
      class=${action === "keep" ? "small" : "plain small"}
      type="button"
      aria-label=${name}
      @click=${() => this.#ask(action)}
    >
      ${label}
    </button>`;
  }

  #dismiss() {
    return html`<button
      class="plain square small"
      type="button"
      aria-label="Dismiss"
      title="Dismiss"
      @click=${() => this.#ask("dismiss")}
    >
      ${closeIcon}
    </button>`;
  }

  #ask(action: FileAction) {
    this.dispatchEvent(new RequestEvent({ type: "keep-file", action }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-kept-file": KeptFile;
  }
}
