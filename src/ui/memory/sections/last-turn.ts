import { html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import type { TurnRecord } from "../../../engine/api/memory-snapshot";
import { base } from "../../base/theme";
import { msText } from "../base/figures";
import { MemoryRequestEvent } from "../base/memory-request";
import { bars, section } from "../base/memory-styles";
import { legend, stackedBar, type BarPart } from "../plots/stacked-bar";
import { PHASES, receiptRows } from "../plots/turn-figures";
import type { VerificationState } from "./verification";
import { verifySection } from "./verify-section";

/** `<rondo-last-turn>`: the receipt, phases and verification of the chat's last turn. */
export class LastTurn extends LitElement {
  static override styles = [base, section, bars];

  /** Undefined where there was none since the page was opened. */
  @property({ attribute: false }) turn: TurnRecord | undefined;
  @property({ attribute: false }) verification: VerificationState = {};

  override render() {
    const { turn, verification } = this;
    if (turn === undefined)
      return html`
        <h3>Last turn</h3>
        <p class="note">
          No message has been sent in this chat since the page was opened.
        </p>
      `;
    const { chatId, roundId } = turn;
    return html`
      <h3>Last turn <span class="note">round ${roundId}</span></h3>
      ${this.#phases(turn)}
      <dl>
        ${receiptRows(turn).map(
          ([term, description]) =>
            html`<dt>${term}</dt>
              <dd>${description}</dd>`,
        )}
      </dl>
      ${verifySection(verification, chatId, roundId)}
      ${verification.progress ? nothing : this.#button(turn)}
    `;
  }

  #phases({ receipt }: TurnRecord) {
    const parts = PHASES.map(({ key, name }, i): BarPart => {
      const amount = receipt.kv.phases[key];
      return { name, amount, text: msText(amount), tone: i + 1 };
    });
    const total = parts.reduce((sum, { amount }) => sum + amount, 0);
    const label = `Where ${msText(total)} went`;
    return html`
      <p class="figure"><strong>${msText(total)}</strong> in all</p>
      ${stackedBar(parts, { label })}${legend(parts)}
      <h4>What it did</h4>
    `;
  }

  #button({ roundId }: TurnRecord) {
    const verify = () =>
      this.dispatchEvent(new MemoryRequestEvent({ type: "verify", roundId }));
    return html`
      <div class="actions">
        <button class="small" type="button" @click=${verify}>
          Verify this turn
        </button>
        <span class="note"
          >Computes it again with full attention and compares.</span
        >
      </div>
    `;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-last-turn": LastTurn;
  }
}
