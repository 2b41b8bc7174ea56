/** Builds text as a page shows it: runs of white space become one space, blocks are separated. */
export class BlockWriter {
  #parts: string[] = [];
  /** Line ends that are due before the next text. */
  #breaks = 0;
  #isSpaceDue = false;
  #mark = "";

  /** Text that flows: its white space only separates words. */
  flow(text: string): void {
    for (const part of text.split(/([ \t\n\f\r]+)/)) {
      if (part === "") continue;
      if (/^[ \t\n\f\r]/.test(part)) this.#isSpaceDue = true;
      else this.#put(part);
    }
  }

  /** Text whose white space is kept. */
  literal(text: string): void {
    if (text !== "") this.#put(text);
  }

  /** What comes next begins a line; called again, it begins the line after that. */
  newLine(): void {
    if (this.#isOpen()) this.#breaks++;
    this.#isSpaceDue = false;
  }

  /** What comes next begins a line, or with 2, stands after a blank line. */
  break(lineEnds: number): void {
    if (this.#isOpen()) this.#breaks = Math.max(this.#breaks, lineEnds);
    this.#isSpaceDue = false;
  }

  /** Sets the marker before the next text, such as a bullet; "" clears it. */
  mark(sign: string): void {
    this.#mark = sign;
  }

  toString(): string {
    return this.#parts.join("");
  }

  /** Whether there is text that a line end could come after. */
  #isOpen(): boolean {
    return this.#parts.length > 0 && this.#mark === "";
  }

  #put(text: string): void {
    if (this.#breaks > 0) this.#parts.push("\n".repeat(this.#breaks));
    else if (this.#isSpaceDue && this.#isOpen()) this.#parts.push(" ");
    this.#parts.push(this.#mark + text);
    this.#breaks = 0;
    this.#isSpaceDue = false;
    this.#mark = "";
  }
}
