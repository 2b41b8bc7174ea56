import { css, html, LitElement } from "lit";
import { property } from "lit/decorators.js";
import { retryIcon } from "../base/icons";
import { RequestEvent } from "../state/request";
import { base } from "../base/theme";

/**
 * `<rondo-unavailable>`: shown where WebGPU or an adapter is missing, with what to do.
 * Versions are those of https://github.com/gpuweb/gpuweb/wiki/Implementation-Status, April 2026.
 */
export class UnavailableNotice extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
        margin: auto 0;
      }

      h2 {
        margin: 0 0 0.75rem;
        font: 400 1.75rem/1.2 var(--_display);
        letter-spacing: -0.01em;
        text-wrap: balance;
      }

      p {
        margin: 0 0 0.75rem;
      }

      .detail {
        color: var(--_muted);
        font-size: 0.875rem;
        overflow-wrap: anywhere;
      }

      dl {
        display: grid;
        grid-template-columns: minmax(7.5rem, auto) 1fr;
        margin: 1.5rem 0;
        border-top: 1px solid var(--_line);
        line-height: 1.5;
      }

      dt,
      dd {
        margin: 0;
        padding: 0.75rem 0;
        border-bottom: 1px solid var(--_line);
      }

      dt {
        padding-inline-end: 1.5rem;
        font-weight: 600;
      }

      code {
        padding: 0.1em 0.35em;
        border-radius: 0.35em;
        background: var(--_panel);
        font: 0.875em var(--_mono);
        overflow-wrap: anywhere;
      }

      @media (max-width: 34rem) {
        dl {
          display: block;
        }

        dt {
          padding-bottom: 0;
          border: 0;
        }

        dd {
          padding-top: 0.125rem;
        }
      }
    `,
  ];

  /** The engine's reason. */
  @property({ attribute: false }) error: Error | undefined;
  /** Whether the page is a secure context; WebGPU needs one. */
  @property({ attribute: false }) isSecure = globalThis.isSecureContext;

  override render() {
    return html`
      <section role="alert" aria-labelledby="title">
        <h2 id="title">Rondo can’t use the GPU in this browser</h2>
        <p>
          Rondo runs a language model on your own GPU, inside this page, and
          reaches it through WebGPU. ${this.isSecure ? "" : this.#insecure()}
        </p>
        <p class="detail">${this.error?.message}</p>
      </section>
      <dl>
        <dt>Chrome, Edge</dt>
        <dd>
          Version 114 or newer; on Android 121, on Linux 144. Check that
          “graphics acceleration” is on under Settings, System. If it still
          fails, turn on
          <code>chrome://flags/#enable-unsafe-webgpu</code> and restart the
          browser.
        </dd>
        <dt>Safari</dt>
        <dd>Version 26 or newer, on macOS, iPadOS and iOS 26.</dd>
        <dt>Firefox</dt>
        <dd>
          Version 141 or newer on Windows, 147 on Macs with Apple silicon.
          Elsewhere set <code>dom.webgpu.enabled</code> to true in
          <code>about:config</code> and restart the browser.
        </dd>
        <dt>Everywhere</dt>
        <dd>Update the graphics driver, then restart the browser.</dd>
      </dl>
      <button type="button" @click=${this.#load}>${retryIcon}Try again</button>
    `;
  }

  #insecure() {
    return html`<strong
      >Browsers offer it only to pages served over https or from localhost; this
      page is not.</strong
    >`;
  }

  #load() {
    this.dispatchEvent(new RequestEvent({ type: "load" }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-unavailable": UnavailableNotice;
  }
}
