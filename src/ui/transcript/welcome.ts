import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import { modelIcon } from "../base/icons";
import { byteText } from "../base/sizes";
import { RequestEvent } from "../state/request";
import type { OfferedModel } from "../state/models/offered-model";
import { base } from "../base/theme";

const TINY = `The model that answers now, rondo-tiny, is tiny. It likes plain English, remembers the simple things you tell it, and
  drifts into cheerful nonsense about most others.`;

/**
 * `<rondo-welcome>`: shown in an empty chat: what Rondo is, which model answers, and one that can talk better here.
 *
 * @slot - instead of the welcome text
 */
export class Welcome extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
      }

      h2 {
        margin: 0 0 0.75rem;
        font: 400 clamp(1.75rem, 1.4rem + 1.6vw, 2.375rem) / 1.15
          var(--_display);
        letter-spacing: -0.015em;
        text-wrap: balance;
      }

      p {
        max-width: 36rem;
        margin: 0 0 0.625rem;
        text-wrap: pretty;
      }

      button {
        margin-top: 0.375rem;
      }

      .offer {
        display: flow-root;
        max-width: 36rem;
        margin: 1rem 0;
        padding: 0.875rem 1rem 1rem;
        border: 1px solid var(--_line);
        border-radius: 1rem;
        background: var(--_raised);
      }

      .offer h3 {
        margin: 0 0 0.25rem;
        font-size: 1rem;
      }

      .offer p {
        margin: 0 0 0.375rem;
      }

      .small {
        color: var(--_muted);
        font-size: 0.9375rem;
      }
    `,
  ];

  /** The model's name, unless it is the bundled one. */
  @property({ attribute: false }) modelName = "";
  /** Whether to show the button for other models; not where the dock has it. */
  @property({ attribute: false }) offersModels = true;

  /** A better model for this device. */
  @property({ attribute: false }) offer: OfferedModel | undefined;
  /** Whether to say that there is no GPU. */
  @property({ attribute: false }) isOnCpu = false;

  override render() {
    return html`
      <slot>
        <h2>A chat that stays on this device</h2>
        <p>
          Rondo runs a language model on your own GPU, inside this page: nothing
          you write leaves it.
        </p>
        <p class="small">${this.modelName === "" ? TINY : this.#other()}</p>
        ${this.isOnCpu ? this.#onCpu() : nothing}
        ${this.offer === undefined ? nothing : this.#offer(this.offer)}
        ${this.offersModels ? this.#button() : nothing}
      </slot>
    `;
  }

  #onCpu() {
    return html`<p class="small">
      The browser offers no GPU here, so replies are computed on the CPU: small
      models only, and slowly. Turning on hardware acceleration in its settings
      may help.
    </p>`;
  }

  #offer({ id, name, goodFor, ...numbers }: OfferedModel) {
    const { downloadBytes, memoryBytes, wordsPerSecond } = numbers;
    const pace =
      wordsPerSecond === undefined
        ? ""
        : ` · about ${Number(wordsPerSecond.toPrecision(1))} words a second`;
    const memory = Number(memoryBytes.toPrecision(2));
    return html`<section class="offer" aria-labelledby="offered">
      <h3 id="offered">A model that can talk: <bdi>${name}</bdi></h3>
      <p>${goodFor}</p>
      <p class="small">
        ${byteText(downloadBytes)} to download, once · ${byteText(memory)} of
        memory${pace}. Chat on meanwhile.
      </p>
      <button
        class="primary"
        type="button"
        @click=${() =>
          this.dispatchEvent(
            new RequestEvent({
              type: "use-model",
              model: { source: id, options: {} },
            }),
          )}
      >
        Get ${name}
      </button>
    </section>`;
  }

  /** Plain where another one stands out. */
  #button() {
    return html`<button
      class=${this.offer === undefined ? "" : "plain small"}
      type="button"
      aria-haspopup="dialog"
      @click=${() =>
        this.dispatchEvent(new RequestEvent({ type: "show-models" }))}
    >
      ${modelIcon}Choose ${this.modelName === "" ? "a larger" : "another"} model
    </button>`;
  }

  #other() {
    return html`The model is <bdi>${this.modelName}</bdi>. What it says may be
      wrong: check what matters.`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-welcome": Welcome;
  }
}
