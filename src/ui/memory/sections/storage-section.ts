import { css, html, LitElement, nothing } from "lit";
import { property, query, state } from "lit/decorators.js";
import type { StorageMemory } from "../../../engine/api/memory-snapshot";
import type {
  AnswerEvent,
  DeleteQuestion,
} from "../../dialogs/delete-question";
import { byteText } from "../../base/sizes";
import { base } from "../../base/theme";
import { countedText, tokensText } from "../base/figures";
import { MemoryRequestEvent } from "../base/memory-request";
import { bars, section } from "../base/memory-styles";
import { legend, stackedBar, type BarPart } from "../plots/stacked-bar";

type Scope = "chat" | "all";

/** `<rondo-memory-storage>`: what is stored, the browser's quota, and a button to forget KV. */
export class StorageSection extends LitElement {
  static override styles = [
    base,
    section,
    bars,
    css`
      dl {
        margin-top: 0.75rem;
      }
    `,
  ];

  @property({ attribute: false }) storage!: StorageMemory;
  /** Whether there is a chat whose KV could be forgotten alone. */
  @property({ attribute: false }) hasChat = false;
  @property({ attribute: false }) isBusy = false;
  @state() private asking: Scope | undefined;
  @query("rondo-delete-question") private question!: DeleteQuestion | null;

  override render() {
    const { storage } = this;
    return html`
      <h3>Storage</h3>
      ${quota(storage)}
      <dl>
        <dt>Stored KV</dt>
        <dd>
          ${byteText(storage.segmentBytes)} in
          ${countedText(storage.segmentCount, "segment")},
          ${tokensText(storage.storedTokens)}
        </dd>
        <dt>Chats</dt>
        <dd>${countedText(storage.chatCount, "chat")}</dd>
        <dt>To be written</dt>
        <dd>${queueText(storage)}</dd>
        ${
          storage.droppedSegments === 0
            ? nothing
            : html`<dt>Dropped</dt>
                <dd>
                  ${countedText(storage.droppedSegments, "segment")} unusable
                </dd>`
        }
        <dt>Lasts</dt>
        <dd>${persistenceText(storage.isPersistent)}</dd>
      </dl>
      ${this.asking === undefined ? this.#buttons() : this.#question(this.asking)}
    `;
  }

  #buttons() {
    return html`
      <div class="actions">
        ${this.hasChat ? this.#button("chat", "Forget KV of this chat…") : nothing}
        ${this.#button("all", "Forget all KV…")}
      </div>
    `;
  }

  #button(scope: Scope, label: string) {
    return html`<button
      class="small ${scope}"
      type="button"
      aria-disabled=${this.isBusy ? "true" : nothing}
      @click=${() => void this.#ask(scope)}
    >
      ${label}
    </button>`;
  }

  #question(scope: Scope) {
    const { segmentBytes, segmentCount } = this.storage;
    const size = `${byteText(segmentBytes)} in ${countedText(segmentCount, "segment")}`;
    const what = scope === "all" ? "the KV of all chats" : "this chat’s KV";
    const meaning =
      (scope === "all" ? `${size}, and what is on the GPU. ` : "") +
      "All text stays. The next message of a chat takes longer.";
    return html`
      <rondo-delete-question
        class="actions"
        verb="Forget"
        what=${what}
        meaning=${meaning}
        .isBusy=${this.isBusy}
        @rondo-answer=${this.#answer}
      ></rondo-delete-question>
    `;
  }

  async #ask(scope: Scope): Promise<void> {
    if (this.isBusy) return;
    this.asking = scope;
    await this.updateComplete;
    await this.question?.updateComplete;
    this.question?.focus();
  }

  #answer = async ({ answer }: AnswerEvent) => {
    const { asking: scope } = this;
    if (scope === undefined) return;
    this.asking = undefined;
    if (answer !== "keep")
      this.dispatchEvent(new MemoryRequestEvent({ type: "wipe", scope }));
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(`.${scope}`)?.focus();
  };
}

function quota({
  modelBytes,
  quotaBytes,
  segmentBytes,
  usageBytes,
}: StorageMemory) {
  if (usageBytes === undefined || quotaBytes === undefined)
    return html`<p class="note">
      The browser does not report how much space there is.
    </p>`;
  const otherBytes = Math.max(usageBytes - modelBytes - segmentBytes, 0);
  const parts = [
    part("models", 1, modelBytes),
    part("stored KV", 4, segmentBytes),
    part("other", 6, otherBytes),
  ];
  const range = `${byteText(usageBytes)} of ${byteText(quotaBytes)}`;
  return html`
    <p class="figure"><strong>${range}</strong> of what the browser allows</p>
    ${stackedBar(parts, { label: `${range} in use`, total: quotaBytes })}
    ${legend(parts)}
  `;
}

const part = (name: string, tone: number, bytes: number): BarPart => ({
  name,
  tone,
  amount: bytes,
  text: byteText(bytes),
});

function queueText({ queuedBytes, queuedSegments }: StorageMemory): string {
  return queuedSegments === 0
    ? "nothing"
    : `${countedText(queuedSegments, "segment")}, ${byteText(queuedBytes)}`;
}

function persistenceText(isPersistent: boolean | undefined): string {
  if (isPersistent === undefined) return "not reported by the browser";
  return isPersistent
    ? "until you delete it"
    : "until the browser needs the space";
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-memory-storage": StorageSection;
  }
}
