import { html, LitElement } from "lit";
import { property } from "lit/decorators.js";
import { RequestEvent } from "../state/request";
import { taskLine } from "./task-line";
import { base } from "../base/theme";

/**
 * `<rondo-healing>`: how many rounds are not exact since the chat was changed. They heal while the engine is idle,
 * unless that is paused.
 */
export class Healing extends LitElement {
  static override styles = [base, taskLine];

  @property({ attribute: false }) roundsLeft = 0;
  @property({ attribute: false }) isOn = true;

  override render() {
    const { isOn, roundsLeft } = this;
    const left = `${roundsLeft.toLocaleString("en")} ${roundsLeft === 1 ? "round" : "rounds"} left`;
    const toggle = () =>
      this.dispatchEvent(new RequestEvent({ type: "heal", isOn: !isOn }));
    return html`
      <div class="line">
        <span>
          ${isOn ? "Refreshing memory" : "Refreshing memory is paused"}: ${left}
        </span>
        <button class="plain small" type="button" @click=${toggle}>
          ${isOn ? "Pause" : "Resume"}
        </button>
      </div>
    `;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-healing": Healing;
  }
}
