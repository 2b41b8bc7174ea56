/**
 * Ends a reply at a text, where no token of the model ends it: "\nUser:". What may be the beginning of such a text
 * is held back until it is clear.
 */

export class StopText {
  readonly #stops: readonly string[];
  /** What was held back. */
  #held = "";
  /** Characters that came before it. */
  #before = 0;
  /** Where the text of each token starts, in characters; kept while something may end the reply there. */
  readonly #starts: number[] = [];
  /** Once a stop has come: how many of the reply's tokens came before it. */
  keptTokens: number | undefined;

  /** @param stops texts that end a reply; none of them may be empty */
  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** The text that is surely part of the reply once the next token has added this to it. */
  push(delta: string): string {
    if (this.#stops.length === 0) return delta;
    if (this.keptTokens !== undefined) return "";
    this.#starts.push(this.#before + this.#held.length);
    const text = this.#held + delta;
    const stop = firstOf(text, this.#stops);
    if (stop === undefined)
      return this.#release(text, heldFrom(text, this.#stops));
    const end = this.#before + stop;
    this.keptTokens = this.#starts.filter((start) => start < end).length;
    return this.#release(text, stop);
  }

  /** How many tokens have text that was returned, or come before such; undefined where nothing is ever held back. */
  get releasedTokens(): number | undefined {
    if (this.#stops.length === 0) return undefined;
    return this.#starts.findLastIndex((start) => start < this.#before) + 1;
  }

  /** What was held back and is no stop, once the reply has ended. */
  end(): string {
    return this.keptTokens === undefined
      ? this.#release(this.#held, this.#held.length)
      : "";
  }

  #release(text: string, end: number): string {
    this.#before += end;
    this.#held = text.slice(end);
    return text.slice(0, end);
  }
}

/** Where the first stop in a text starts. */
function firstOf(text: string, stops: readonly string[]): number | undefined {
  const found = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  return found.length === 0 ? undefined : Math.min(...found);
}

/** Where the end of a text starts that may become a stop. */
function heldFrom(text: string, stops: readonly string[]): number {
  const longest = Math.max(...stops.map(({ length }) => length));
  const first = Math.max(0, text.length - longest + 1);
  for (let at = first; at < text.length; at++)
    if (stops.some((stop) => stop.startsWith(text.slice(at)))) return at;
  return text.length;
}
