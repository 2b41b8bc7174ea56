import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import type { LoadProgress } from "../engine/chat-engine";
import { base } from "./theme";

const PHASES: Record<LoadProgress["phase"], string> = {
  adapter: "Looking for the GPU",
  download: "Downloading the model",
  tokenizer: "Reading the vocabulary",
  weights: "Loading the model",
  kernels: "Preparing the GPU",
};

/**
 * `<rondo-load-progress>`: how far the model is, in words, bytes and a bar.
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

  /** Undefined until the engine has said something. */
  @property({ attribute: false }) progress: LoadProgress | undefined;

  override render() {
    const { loadedBytes = 0, totalBytes = 0, phase } = this.progress ?? {};
    const isCounting = phase === "weights" && totalBytes > 0;
    return html`
      <label for="bar">
        <span>${phase === undefined ? "Starting" : PHASES[phase]}…</span>
        ${
          isCounting
            ? html`<span>${byteRange(loadedBytes, totalBytes)}</span>`
            : nothing
        }
      </label>
      ${
        isCounting
          ? html`<progress
              id="bar"
              part="bar"
              max=${totalBytes}
              .value=${loadedBytes}
            ></progress>`
          : html`<progress id="bar" part="bar"></progress>`
      }
    `;
  }
}

/** For example "3.1 of 6.9 MB": both in the unit of the total. */
export function byteRange(loadedBytes: number, totalBytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  const step = Math.min(
    Math.floor(Math.log10(Math.max(totalBytes, 1)) / 3),
    units.length - 1,
  );
  const digits = step < 2 ? 0 : step === 2 && totalBytes >= 1e8 ? 0 : 1;
  const inUnit = (bytes: number) => (bytes / 1000 ** step).toFixed(digits);
  return `${inUnit(loadedBytes)} of ${inUnit(totalBytes)} ${units[step]}`;
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-load-progress": LoadProgressElement;
  }
}
