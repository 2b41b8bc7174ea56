import { css, html, LitElement, nothing } from "lit";
import { property, query } from "lit/decorators.js";
import { describeError } from "../base/describe-error";
import { alertIcon, retryIcon } from "../base/icons";
import { RequestEvent, type ChatRequest } from "../state/request";
import { base } from "../base/theme";

/** `<rondo-load-failure>`: why the model or a saved chat could not be loaded, what helps, and a button to try again. */
export class LoadFailure extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
      }

      div {
        display: grid;
        grid-template-columns: auto 1fr auto;
        align-items: start;
        gap: 0.25rem 0.75rem;
        padding: 0.875rem 0.875rem 0.875rem 1rem;
        border: 1px solid var(--_alert);
        border-radius: 1rem;
        background: var(--_raised);
        line-height: 1.45;
      }

      .icon {
        margin-top: 0.1rem;
      }

      div > .icon {
        color: var(--_alert);
      }

      p {
        margin: 0;
      }

      .detail {
        margin-top: 0.25rem;
        color: var(--_muted);
        font-size: 0.875rem;
        overflow-wrap: anywhere;
      }

      .buttons {
        display: flex;
        flex-wrap: wrap;
        align-self: center;
        justify-content: end;
        gap: 0.5rem;
        max-width: 14rem;
      }

      form {
        display: flex;
        flex-wrap: wrap;
        align-items: end;
        gap: 0.5rem;
        margin-top: 0.625rem;
      }

      label {
        display: grid;
        flex: 1 1 12rem;
        gap: 0.25rem;
        font-size: 0.875rem;
      }

      @media (max-width: 30rem) {
        div {
          grid-template-columns: auto 1fr;
        }

        .buttons {
          grid-column: 2;
          justify-content: start;
          max-width: none;
          margin-top: 0.5rem;
        }
      }
    `,
  ];

  @property({ attribute: false }) error!: Error;
  /** What the button says, and what it asks for. */
  @property() label = "Load again";
  @property({ attribute: false }) request: ChatRequest = { type: "load" };
  /** Whether another model would help. */
  @property({ type: Boolean, attribute: "offers-models" }) offersModels = false;

  @query("input") private input!: HTMLInputElement | null;

  override render() {
    const { title, advice, detail } = describeError(this.error);
    return html`
      <div role="alert">
        ${alertIcon}
        <section>
          <p><strong>${title}.</strong> ${advice}</p>
          <p class="detail">${detail}</p>
          ${asksForKey(this.error) ? this.#key() : nothing}
        </section>
        <span class="buttons">
          <button type="button" @click=${() => this.#ask(this.request)}>
            ${retryIcon}${this.label}
          </button>
          ${
            this.offersModels
              ? html`<button
                  type="button"
                  aria-haspopup="dialog"
                  @click=${() => this.#ask({ type: "show-models" })}
                >
                  Choose another model
                </button>`
              : nothing
          }
        </span>
      </div>
    `;
  }

  /** A key is asked for where it is needed, and kept by the element alone. */
  #key() {
    return html`<form @submit=${this.#useKey}>
      <label>
        <span>Key, until this page is closed</span>
        <input
          type="password"
          name="key"
          required
          autocomplete="off"
          spellcheck="false"
        />
      </label>
      <button type="submit">Use key</button>
    </form>`;
  }

  #useKey = (event: SubmitEvent) => {
    event.preventDefault();
    const key = this.input?.value.trim() ?? "";
    if (key !== "") this.#ask({ type: "use-key", key });
  };

  #ask(request: ChatRequest) {
    this.dispatchEvent(new RequestEvent(request));
  }
}

/** Errors may have lost their class on the way. */
function asksForKey(error: Error): boolean {
  return (
    error.name === "ServerError" &&
    (error as { reason?: unknown }).reason === "key"
  );
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-load-failure": LoadFailure;
  }
}
