/**
 * Highlights code blocks, also while they grow: new text is appended plain, and the block is highlighted again from
 * time to time. So the cost of a long block is linear, not quadratic.
 */
import { codeLanguage } from "./markdown";
import { knownLanguage } from "./code-languages";

/** Longer code stays plain: highlighting it would block the page noticeably. */
const MOST_CHARACTERS = 30_000;

/** Least time between two highlightings of a growing block. */
const REPAINT_MS = 400;

type CodeNodes = (code: string, language: string) => DocumentFragment;

/** The highlighted part of the growing block: whole lines. */
interface Painted {
  lines: string;
  language: string;
  nodes: readonly ChildNode[];
  atMs: number;
}

export class CodePainter {
  /** Loaded when the first block of a known language appears. */
  #codeNodes: CodeNodes | undefined;
  #loading: Promise<void> | undefined;
  /** Blocks that wait for the highlighter. */
  #waiting = new Set<HTMLElement>();
  /** The growing block, and its highlighted part. */
  #growing: HTMLElement | undefined;
  #painted: Painted | undefined;

  /** Highlights a block. A growing block is a new element each time. */
  paint(code: HTMLElement, isGrowing: boolean): void {
    const language = knownLanguage(codeLanguage(code));
    const text = code.textContent ?? "";
    if (language === undefined || text.length > MOST_CHARACTERS) return;
    this.#growing = isGrowing ? code : undefined;
    if (this.#codeNodes === undefined) {
      this.#waiting.add(code);
      this.#loading ??= this.#load();
    } else if (isGrowing) this.#paintLines(code, language, this.#codeNodes);
    else code.replaceChildren(this.#codeNodes(text, language));
  }

  /** Highlights the whole of the block that has finished growing. */
  finish(): void {
    const code = this.#growing;
    if (code !== undefined) this.paint(code, false);
    this.#painted = undefined;
  }

  #paintLines(code: HTMLElement, language: string, codeNodes: CodeNodes): void {
    const text = code.textContent ?? "";
    const before = this.#painted;
    const isMore =
      before?.language === language &&
      text.startsWith(before.lines) &&
      performance.now() - before.atMs < REPAINT_MS;
    if (isMore) {
      code.replaceChildren(...before.nodes, text.slice(before.lines.length));
      return;
    }
    // Its end may be in the middle of a word.
    const lines = text.slice(0, text.lastIndexOf("\n", text.length - 2) + 1);
    code.replaceChildren(codeNodes(lines, language));
    const nodes = [...code.childNodes];
    this.#painted = { lines, language, nodes, atMs: performance.now() };
    code.append(text.slice(lines.length));
  }

  async #load(): Promise<void> {
    try {
      this.#codeNodes = (await import("./code-nodes")).codeNodes;
    } catch {
      // Offline, or the page has changed on the server: code stays plain.
      this.#codeNodes = plainNodes;
    }
    const waiting = [...this.#waiting].filter((code) => code.isConnected);
    this.#waiting.clear();
    for (const code of waiting) this.paint(code, code === this.#growing);
  }
}

function plainNodes(code: string): DocumentFragment {
  const fragment = new DocumentFragment();
  fragment.append(code);
  return fragment;
}
