import { css, html, LitElement, nothing } from "lit";
import { property, query } from "lit/decorators.js";
import {
  downIcon,
  earlierIcon,
  laterIcon,
  retryIcon,
  trashIcon,
  upIcon,
} from "../base/icons";
import { ChooseEvent, type Menu, type MenuItem } from "../base/menu";
import { RequestEvent, type ChatRequest } from "../state/request";
import { answerOf } from "../../model/text/thinking-range";
import type { Round } from "../state/chats/round";
import { versionAt } from "../state/chats/round-place";
import { base } from "../base/theme";

export const UP: MenuItem = { name: "up", label: "Move up", icon: upIcon };
export const DOWN: MenuItem = {
  name: "down",
  label: "Move down",
  icon: downIcon,
};
const REMOVE: MenuItem = { name: "delete", label: "Delete…", icon: trashIcon };

/**
 * `<rondo-round-actions>`: actions on a round: show another version, copy or regenerate the reply, and in a menu move
 * and delete it. Hidden until the round is hovered or focused. A round without a reply has the versions alone.
 *
 * @fires rondo-choose - ChooseEvent "delete": it should be deleted
 */
export class RoundActions extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: flex;
        flex: none;
        align-items: center;
        margin-inline-start: auto;
      }

      .versions,
      .quiet {
        display: flex;
        align-items: center;
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
      }

      rondo-copy-button {
        display: flex;
      }

      .versions .square {
        width: 1.75rem;
      }

      @media (pointer: coarse) {
        .versions .square {
          width: 2.75rem;
        }
      }
    `,
  ];

  @property({ attribute: false }) round!: Round;
  /** Whether this tab may change the chat. */
  @property({ attribute: false }) mayWrite = false;
  /** Whether it can't be changed now. */
  @property({ attribute: false }) isBusy = false;
  @property({ attribute: false }) mayMoveUp = false;
  @property({ attribute: false }) mayMoveDown = false;
  @query("rondo-menu") private menu!: Menu | null;

  /** Focuses the menu's button. */
  override focus(options?: FocusOptions): void {
    this.menu?.focus(options);
  }

  override render() {
    const isAnswered = this.round.phase === "done";
    return html`${isAnswered ? this.#quiet() : nothing} ${this.#versions()}`;
  }

  #quiet() {
    const reply = answerOf(this.round.reply);
    return html`
      <span class="quiet">
        ${
          reply === ""
            ? nothing
            : html`<rondo-copy-button
                what="reply"
                .text=${reply}
              ></rondo-copy-button>`
        }
        ${this.mayWrite ? this.#changes() : nothing}
      </span>
    `;
  }

  #versions() {
    const { keptId, versions } = this.round;
    if (versions.length < 2 || keptId === undefined || !this.mayWrite)
      return nothing;
    const at = versions.indexOf(keptId) + 1;
    return html`
      <span class="versions" role="group" aria-label="Versions">
        ${this.#step("Earlier version", earlierIcon, -1)}
        <span aria-hidden="true">${at} / ${versions.length}</span>
        <span class="visually-hidden">${at} of ${versions.length}</span>
        ${this.#step("Later version", laterIcon, 1)}
      </span>
    `;
  }

  #step(label: string, icon: MenuItem["icon"], step: number) {
    const isDisabled = this.isBusy || versionAt(this.round, step) === undefined;
    const roundId = this.round.id;
    return this.#button(label, icon, isDisabled, {
      type: "show-version",
      roundId,
      step,
    });
  }

  #changes() {
    const { id: roundId } = this.round;
    const items = [
      ...(this.mayMoveUp ? [UP] : []),
      ...(this.mayMoveDown ? [DOWN] : []),
      REMOVE,
    ];
    return html`
      ${this.#button("Regenerate", retryIcon, this.isBusy, {
        type: "regenerate",
        roundId,
      })}
      <rondo-menu
        label="Options for this round"
        .items=${items}
        ?disabled=${this.isBusy}
        @rondo-choose=${this.#choose}
      ></rondo-menu>
    `;
  }

  #button(
    label: string,
    icon: MenuItem["icon"],
    isDisabled: boolean,
    request: ChatRequest,
  ) {
    const ask = () => {
      if (!isDisabled) this.dispatchEvent(new RequestEvent(request));
    };
    return html`
      <button
        class="plain square small"
        type="button"
        aria-label=${label}
        title=${label}
        aria-disabled=${isDisabled ? "true" : nothing}
        @click=${ask}
      >
        ${icon}
      </button>
    `;
  }

  #choose({ name }: ChooseEvent) {
    if (name !== "up" && name !== "down")
      return this.dispatchEvent(new ChooseEvent(name));
    const { id: roundId } = this.round;
    const request = { type: "move-round", roundId, direction: name } as const;
    return this.dispatchEvent(new RequestEvent(request));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-round-actions": RoundActions;
  }
}
