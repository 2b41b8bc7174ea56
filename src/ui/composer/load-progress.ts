import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import type { LoadProgress } from "../../engine/api/models";
import { DownloadRate } from "./download-rate";
import { RequestEvent, type ChatRequest } from "../state/request";
import { byteRange, byteText, durationText } from "../base/sizes";
import { base } from "../base/theme";

const PHASES: Record<LoadProgress["phase"], string> = {
  adapter: "Looking for the GPU",
  download: "Downloading the model",
  tokenizer: "Reading the vocabulary",
  weights: "Loading the model",
  kernels: "Preparing the GPU",
  server: "Asking the server",
};

/**
 * `<rondo-load-progress>`: progress of loading the model, in words, bytes and a bar; a download can be paused, a load
 * cancelled.
 *
 * @csspart bar - the progress bar
 */
export class LoadProgressElement extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
        color: var(--_muted);
        font-size: 0.875rem;
      }

      label {
        display: flex;
        flex-wrap: wrap;
        justify-content: space-between;
        gap: 0 1rem;
        padding-bottom: 0.5rem;
        font-variant-numeric: tabular-nums;
      }

      .buttons {
        display: flex;
        justify-content: end;
        gap: 0.25rem;
        margin: 0.25rem -0.5rem -0.25rem 0;
      }

      progress {
        appearance: none;
        display: block;
        width: 100%;
        height: 0.25rem;
        border: 0;
        border-radius: 1rem;
        background: var(--_line);
        overflow: hidden;
      }

      progress::-webkit-progress-bar {
        background: var(--_line);
      }

      progress::-webkit-progress-value {
        background: var(--_accent);
        transition: inline-size 200ms;
      }

      progress::-moz-progress-bar {
        background: var(--_accent);
      }

      progress:indeterminate {
        background: linear-gradient(
          90deg,
          var(--_line) 30%,
          var(--_accent) 50%,
          var(--_line) 70%
        );
        background-size: 300% 100%;
        animation: slide 1.6s linear infinite;
      }

      progress:indeterminate::-webkit-progress-bar {
        background: none;
      }

      progress:indeterminate::-moz-progress-bar {
        background: none;
      }

      @keyframes slide {
        from {
          background-position: 100% 0;
        }

        to {
          background-position: 0% 0;
        }
      }

      @media (forced-colors: active) {
        progress {
          --_line: GrayText;
          --_accent: Highlight;
          forced-color-adjust: none;
        }
      }

      @media (prefers-reduced-motion: reduce) {
        progress:indeterminate {
          background: var(--_line);
        }
      }
    `,
  ];

  /** Undefined until the engine's first report. */
  @property({ attribute: false }) progress: LoadProgress | undefined;
  @property({ attribute: false }) isPaused = false;
  /** Whether cancelling returns to another model. */
  @property({ attribute: false }) mayGiveUp = false;
  readonly #rate = new DownloadRate();
  #timer: ReturnType<typeof setInterval> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    // A stalled download reports nothing, so the rate is redrawn by a timer.
    this.#timer = setInterval(() => {
      if (this.#isDownloading) this.requestUpdate();
    }, 1000);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  protected override willUpdate(): void {
    const { loadedBytes = 0 } = this.progress ?? {};
    if (this.#isDownloading) this.#rate.add(performance.now(), loadedBytes);
    else this.#rate.clear();
  }

  /** With bytes that can be counted, now. */
  get #isDownloading(): boolean {
    const { phase, totalBytes = 0 } = this.progress ?? {};
    return !this.isPaused && phase === "download" && totalBytes > 0;
  }

  override render() {
    const { loadedBytes = 0, totalBytes = 0, phase } = this.progress ?? {};
    const isCounting =
      (phase === "weights" || phase === "download") && totalBytes > 0;
    return html`
      <label for="bar">${this.#words(isCounting)}</label>
      ${
        isCounting || this.isPaused
          ? html`<progress
              id="bar"
              part="bar"
              max=${Math.max(totalBytes, 1)}
              .value=${loadedBytes}
            ></progress>`
          : html`<progress id="bar" part="bar"></progress>`
      }
      ${this.#buttons(phase)}
    `;
  }

  #words(isCounting: boolean) {
    const { loadedBytes = 0, totalBytes = 0, phase } = this.progress ?? {};
    const range = byteRange(loadedBytes, totalBytes);
    if (this.isPaused)
      return html`<span>Paused${isCounting ? ` at ${range}` : ""}</span>`;
    return html`
      <span>${phase === undefined ? "Starting" : PHASES[phase]}…</span>
      ${
        isCounting
          ? html`<span
              >${range}${phase === "download" ? this.#pace(totalBytes) : ""}</span
            >`
          : nothing
      }
    `;
  }

  /** For example " · 12 MB/s · 40 seconds left". */
  #pace(totalBytes: number): string {
    const now = performance.now();
    const rate = this.#rate.bytesPerSecond(now);
    if (rate === undefined) return "";
    if (rate === 0) return " · waiting for the network";
    const left = this.#rate.secondsLeft(now, totalBytes) ?? 0;
    return ` · ${byteText(rate)}/s · ${durationText(left)} left`;
  }

  #buttons(phase: LoadProgress["phase"] | undefined) {
    const mayPause = phase === "download" || this.isPaused;
    if (!mayPause && !this.mayGiveUp) return nothing;
    // One button for both, so that the focus stays on it.
    const toggle = this.isPaused
      ? this.#button("Resume", { type: "resume-load" })
      : this.#button("Pause", { type: "pause-load" });
    return html`<div class="buttons">
      ${mayPause ? toggle : nothing}
      ${this.#button("Cancel", { type: "give-up-load" })}
    </div>`;
  }

  #button(label: string, request: ChatRequest) {
    return html`<button
      class="plain small"
      type="button"
      aria-label="${label} loading the model"
      @click=${() => this.dispatchEvent(new RequestEvent(request))}
    >
      ${label}
    </button>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-load-progress": LoadProgressElement;
  }
}
