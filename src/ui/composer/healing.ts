import { html, LitElement } from "lit";
import { property } from "lit/decorators.js";
import type { CalibrationProgress } from "../../engine/api/notice";
import { RequestEvent } from "../state/request";
import { taskLine } from "./task-line";
import { base } from "../base/theme";

/**
 * `<rondo-healing>`: what the engine does while it is idle, unless that is paused: it heals rounds that are not exact
 * since the chat was changed, or calibrates a model.
 */
export class Healing extends LitElement {
  static override styles = [base, taskLine];

  @property({ attribute: false }) roundsLeft = 0;
  @property({ attribute: false }) calibration: CalibrationProgress | undefined;
  @property({ attribute: false }) isOn = true;

  override render() {
    const { isOn } = this;
    const toggle = () =>
      this.dispatchEvent(new RequestEvent({ type: "heal", isOn: !isOn }));
    return html`
      <div class="line">
        <span> ${this.#doing}${isOn ? "" : " is paused"}: ${this.#left} </span>
        <button class="plain small" type="button" @click=${toggle}>
          ${isOn ? "Pause" : "Resume"}
        </button>
      </div>
    `;
  }

  get #isHealing(): boolean {
    return this.roundsLeft > 0 || this.calibration === undefined;
  }

  get #doing(): string {
    return this.#isHealing
      ? "Refreshing memory"
      : "Learning how this model looks things up";
  }

  get #left(): string {
    const { calibration, roundsLeft } = this;
    if (!this.#isHealing)
      return `${calibration!.done} of ${calibration!.total}`;
    const noun = roundsLeft === 1 ? "round" : "rounds";
    return `${roundsLeft.toLocaleString("en")} ${noun} left`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-healing": Healing;
  }
}
