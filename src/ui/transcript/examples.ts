import { css, html, LitElement } from "lit";
import { property } from "lit/decorators.js";
import { RequestEvent } from "../state/request";
import { isSound, type Round } from "../state/chats/round";
import { base } from "../base/theme";

/** Examples for the bundled model. */
export const EXAMPLES: readonly string[] = [
  "My cat is called Miso.",
  "My locker code is 4821.",
  "What is my cat called?",
  "Tell me about the moon.",
];

/** Examples for any other model. */
const GENERAL_EXAMPLES: readonly string[] = [
  "Explain in three sentences why the sky is blue.",
  "Write a short, friendly email that moves a meeting to Friday.",
  "Give me five ideas for a quick dinner.",
  "What can you help me with?",
];

/** A page's own examples, or those that suit the model. */
export function examplesFor(
  given: readonly string[],
  isTiny: boolean,
): readonly string[] {
  return given === EXAMPLES && !isTiny ? GENERAL_EXAMPLES : given;
}

/** Examples are shown until a chat has this many rounds. */
const EXAMPLE_ROUNDS = 3;

/** The unused examples, in a young chat without failures. */
export function unsaidExamples(
  examples: readonly string[],
  rounds: readonly Round[],
): readonly string[] {
  const said = rounds.map(({ message }) => message);
  const isYoung = said.length > 0 && said.length <= EXAMPLE_ROUNDS;
  if (!isYoung || !rounds.every(isSound)) return [];
  return examples.filter((example) => !said.includes(example));
}

/**
 * `<rondo-examples>`: example messages; pressing one sends it. With the attribute `compact` they are one scrolling
 * line.
 *
 * @csspart example - each example's button
 */
export class Examples extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
      }

      ul {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem;
        margin: 0;
        padding: 0;
        list-style: none;
      }

      :host([compact]) ul {
        flex-wrap: nowrap;
        overflow-x: auto;
        scrollbar-width: none;
        mask-image: linear-gradient(90deg, #000 calc(100% - 3rem), transparent);
        padding-inline-end: 3rem;
      }

      li {
        flex: none;
        max-width: 100%;
      }

      button {
        padding-inline: 0.875rem;
        border-radius: 1.375rem;
        background: none;
        font-size: 0.9375rem;
        text-align: start;
      }

      button:hover {
        background: var(--_raised);
      }
    `,
  ];

  @property({ attribute: false }) examples: readonly string[] = [];

  override render() {
    return html`
      <ul aria-label="Examples">
        ${this.examples.map((text) => html`<li>${this.#button(text)}</li>`)}
      </ul>
    `;
  }

  #button(text: string) {
    const say = () =>
      this.dispatchEvent(new RequestEvent({ type: "suggest", text }));
    return html`<button type="button" part="example" @click=${say}>
      ${text}
    </button>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-examples": Examples;
  }
}
