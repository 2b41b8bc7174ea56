/** How many pages a turn has for the rounds that it reads, beside those it needs in any case. */
import { pagesFor } from "../../memory/page-pool";
import type { Residency } from "../../memory/residency";
import type { Round } from "../../memory/round";
import { type Half, HALVES } from "../../util/kv-half";

/** Share of the room that the coming reply may claim. */
const REPLY_SHARE = 0.25;

export interface PageBudgetRequest {
  /** The system prompt's round first, then the chat's. */
  history: readonly Round[];
  /** The turn's own round, its question's tokens in it. */
  own: Round;
  /** Tokens that the own round may grow to. */
  ownTokens: number;
}

export class PageBudget {
  readonly #residency: Residency;
  readonly #request: PageBudgetRequest;

  constructor(residency: Residency, request: PageBudgetRequest) {
    this.#residency = residency;
    this.#request = request;
  }

  /** Pages of a half available for the chat's rounds. */
  pages(half: Half): number {
    const { history, own, ownTokens } = this.#request;
    const available =
      this.#residency.availablePages(half, history) -
      pagesFor(history[0]!.tokens.length);
    const reply = pagesFor(ownTokens) - pagesFor(own.tokens.length);
    return available - Math.min(reply, Math.floor(REPLY_SHARE * available));
  }

  /** Whether a half of all these rounds fits at once. */
  holds(rounds: readonly Round[], half: Half): boolean {
    const pages = rounds.map(({ tokens }) => pagesFor(tokens.length));
    return pages.reduce((a, b) => a + b, 0) <= this.pages(half);
  }

  /** Whether both halves of all these rounds fit at once. */
  holdsWhole(rounds: readonly Round[]): boolean {
    return HALVES.every((half) => this.holds(rounds, half));
  }

  /** Bytes available for rounds with both halves. */
  get wholeBytes(): number {
    const pages = HALVES.map((half) => this.pages(half));
    return Math.min(...pages) * this.#bytesOf(1);
  }

  /** Bytes that both halves of a round take. */
  bytesOf({ tokens }: Round): number {
    return this.#bytesOf(tokens.length);
  }

  #bytesOf(tokens: number): number {
    const halves = HALVES.map((half) => this.#residency.bytesFor(tokens, half));
    return halves.reduce((a, b) => a + b, 0);
  }
}
