import { css, html, LitElement, nothing } from "lit";
import { property, query, state } from "lit/decorators.js";
import { classMap } from "lit/directives/class-map.js";
import { live } from "lit/directives/live.js";
import { field } from "../base/field";
import { RequestEvent } from "../state/request";
import {
  allowedInField,
  defaultText,
  fieldText,
  type SettingText,
  typedText,
} from "./setting-texts";
import {
  allowedText,
  numberOf,
  type Settings,
} from "../state/settings/settings";
import { base } from "../base/theme";

/**
 * `<rondo-setting>`: one number that the user may set: name, description, field, slider, and default. Invalid input
 * is reported beside the field and changes nothing.
 */
export class SettingField extends LitElement {
  static override styles = [
    base,
    field,
    css`
      :host {
        display: block;
      }

      /* The name stands beside what is chosen, or above it where it is narrow. */
      .row {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0 0.75rem;
      }

      .top {
        display: flex;
        flex: 1 1 auto;
        align-items: center;
        gap: 0.75rem;
        min-height: 2rem;
      }

      label {
        margin: 0;
        font-weight: 600;
      }

      .reset {
        margin-inline-start: auto;
      }

      .controls {
        display: flex;
        align-items: center;
        gap: 0.75rem;
      }

      .has-slider {
        flex: 0 1 19rem;
      }

      @media (max-width: 34rem) {
        .top,
        .has-slider {
          flex: 1 0 100%;
        }
      }

      input[type="range"] {
        flex: 1;
        min-width: 0;
        min-height: 2.5rem;
        padding: 0;
        border: 0;
        background: none;
        accent-color: var(--_accent);
      }

      .is-unset input[type="range"] {
        accent-color: var(--_muted);
      }

      input[type="text"] {
        flex: none;
        width: 7rem;
        text-align: end;
        font-variant-numeric: tabular-nums;
      }

      input[aria-invalid="true"] {
        border-color: var(--_alert);
      }

      .unit {
        color: var(--_muted);
        font-size: 0.9375rem;
      }
    `,
  ];

  @property({ attribute: false }) text!: SettingText;
  /** The user's settings. */
  @property({ attribute: false }) chosen: Settings = {};
  /** The page's settings. */
  @property({ attribute: false }) defaults: Settings = {};
  /** Why the field's value is invalid. */
  @state() private complaint = "";
  @query('input[type="text"]') private input!: HTMLInputElement;

  override render() {
    const { label, about, name, slider, unit } = this.text;
    const value = this.chosen[name];
    const classes = {
      "is-unset": value === undefined,
      "has-slider": slider !== undefined,
    };
    return html`
      <div class="row">
        <div class="top">
          <label for="value" id="label">${label}</label>
          ${
            value === undefined
              ? nothing
              : html`<button
                  class="reset plain small"
                  type="button"
                  aria-label="Reset ${label}"
                  @click=${this.#reset}
                >
                  Reset
                </button>`
          }
        </div>
        <div class="controls ${classMap(classes)}">
          ${this.#slider()}
          <input
            id="value"
            type="text"
            inputmode="decimal"
            autocomplete="off"
            placeholder="default"
            aria-describedby="about default complaint"
            aria-invalid=${this.complaint === "" ? nothing : "true"}
            .value=${
              this.complaint === ""
                ? live(fieldText(name, value))
                : live(this.input.value)
            }
            @change=${this.#onChange}
          />
          ${unit === undefined ? nothing : html`<span class="unit">${unit}</span>`}
        </div>
      </div>
      ${
        this.complaint === ""
          ? nothing
          : html`<p id="complaint" class="complaint" role="alert">
              ${this.complaint}
            </p>`
      }
      <p>
        <span id="about">${about}</span>
        <span id="default"
          >Default: ${defaultText(this.text, this.defaults)}</span
        >.
      </p>
      <slot></slot>
    `;
  }

  #slider() {
    const { name, slider } = this.text;
    if (slider === undefined) return nothing;
    const { low, high, step, start } = slider;
    const value = this.chosen[name];
    const shown = value ?? this.defaults[name] ?? start;
    return html`<input
      type="range"
      min=${low}
      max=${high}
      step=${step}
      aria-labelledby="label"
      aria-valuetext=${
        value === undefined ? defaultText(this.text, this.defaults) : nothing
      }
      .value=${live(String(shown))}
      @input=${this.#onSlide}
      @change=${this.#onSlide}
    />`;
  }

  #onSlide(event: Event) {
    if (!(event.target instanceof HTMLInputElement)) return;
    this.complaint = "";
    this.#choose(Number(event.target.value));
  }

  #onChange() {
    const { name } = this.text;
    const typed = this.input.value.trim();
    if (typed === "") {
      this.#reset();
      return;
    }
    const value = numberOf(name, typedText(name, typed));
    this.complaint =
      value === undefined ? allowedInField(name, allowedText(name)) : "";
    if (value !== undefined) this.#choose(value);
  }

  #reset() {
    this.complaint = "";
    this.#choose(undefined);
    this.input.focus();
  }

  #choose(value: number | undefined) {
    const changes: Settings = { [this.text.name]: value };
    this.dispatchEvent(new RequestEvent({ type: "choose-settings", changes }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-setting": SettingField;
  }
}
