/**
 * Replaces formulas by MathML. The converter is loaded with the first formula; until then, and where parsing fails, a
 * formula stays as written.
 */
import { formulaOf } from "./math";

type MathNodes = (tex: string, isDisplay: boolean) => Element | undefined;

/** Formulas cached: while a reply grows, its last paragraph is rendered again with each word. */
const MOST_KEPT = 100;

export class MathSetter {
  #mathNodes: MathNodes | undefined;
  #loading: Promise<void> | undefined;
  #waiting = new Set<HTMLElement>();
  /** A formula that is wider than its place scrolls, also by the keyboard. */
  readonly #widths = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const isWide = target.scrollWidth > target.clientWidth;
      if (isWide) target.setAttribute("tabindex", "0");
      else target.removeAttribute("tabindex");
    }
  });
  readonly #kept = new Map<string, Element | undefined>();

  /** Takes the place of the element that `formulasIn` found. */
  set(code: HTMLElement): void {
    const place = document.createElement("span");
    place.textContent = code.textContent;
    code.replaceWith(place);
    if (this.#mathNodes !== undefined)
      return this.#fill(place, this.#mathNodes);
    this.#waiting.add(place);
    this.#loading ??= this.#load();
  }

  #fill(place: HTMLElement, mathNodes: MathNodes): void {
    const raw = place.textContent ?? "";
    const formula = formulaOf(raw);
    if (formula === undefined) return;
    const { isDisplay, tex } = formula;
    if (!this.#kept.has(raw)) {
      if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
      this.#kept.set(raw, mathNodes(tex, isDisplay));
    }
    const math = this.#kept.get(raw)?.cloneNode(true);
    if (math === undefined) return;
    place.className = isDisplay ? "math is-display" : "math";
    place.replaceChildren(math);
    if (isDisplay) this.#widths.observe(place);
    else takePunctuation(place);
  }

  async #load(): Promise<void> {
    try {
      this.#mathNodes = (await import("./math-nodes")).mathNodes;
    } catch {
      // Offline, or the page has changed on the server: formulas stay as written.
      this.#mathNodes = () => undefined;
    }
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const place of waiting) this.#fill(place, this.#mathNodes);
  }
}

/** Keeps punctuation on the line of the formula before it. */
function takePunctuation(place: HTMLElement): void {
  const text = place.nextSibling;
  if (!(text instanceof Text)) return;
  const [marks = ""] = /^[\p{Pe}\p{Pf}.,;:!?…]+/u.exec(text.data) ?? [];
  text.deleteData(0, marks.length);
  place.append(marks);
}
