import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import type { Attachment } from "../state/chats/attachment";
import { RequestEvent } from "../state/request";
import { taskLine } from "./task-line";
import { base } from "../base/theme";

/**
 * `<rondo-attach-progress>`: how much of a document is read, and a button to stop.
 *
 * @csspart bar - the progress bar
 */
export class AttachProgress extends LitElement {
  static override styles = [
    base,
    taskLine,
    css`
      label {
        display: flex;
      }

      .name {
        margin-inline-start: 0.3em;
        overflow: hidden;
        unicode-bidi: isolate;
      }

      .fixed {
        flex: none;
        white-space: pre;
      }
    `,
  ];

  @property({ attribute: false }) attachment!: Attachment;
  /** Documents queued behind it. */
  @property({ attribute: false }) waitingDocuments = 0;

  override render() {
    const { waitingDocuments } = this;
    const { name, progress } = this.attachment;
    const { doneTokens = 0, totalTokens = 0 } = progress ?? {};
    const percent =
      totalTokens > 0
        ? ` ${Math.floor((doneTokens / totalTokens) * 100)} %`
        : "";
    const stop = () =>
      this.dispatchEvent(new RequestEvent({ type: "stop-attaching" }));
    return html`
      <div class="line">
        <label for="bar">
          <span>Reading</span> <span class="name">${name}</span
          ><span class="fixed">…${percent}</span>
        </label>
        ${
          waitingDocuments > 0
            ? html`<span class="fixed">${waitingDocuments} more</span>`
            : nothing
        }
        <button
          class="plain small"
          type="button"
          aria-label="Stop reading"
          @click=${stop}
        >
          Stop
        </button>
      </div>
      <progress
        id="bar"
        part="bar"
        max=${Math.max(totalTokens, 1)}
        .value=${doneTokens}
      ></progress>
    `;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-attach-progress": AttachProgress;
  }
}
