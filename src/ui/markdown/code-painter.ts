/**
 * Colours code blocks, also while they grow: what was coloured stays so, what comes is added as it is, and
 * every now and then all of it is coloured anew. So a long block costs what it is long, and not its square.
 */
import { codeLanguage } from "./markdown";
import { knownLanguage } from "./code-languages";

/** More than this stays plain: it would be felt. */
const MOST_CHARACTERS = 30_000;

/** How long a growing block stays as it is coloured. */
const REPAINT_MS = 400;

type CodeNodes = (code: string, language: string) => DocumentFragment;

/** What is coloured of the block that grows: its whole lines. */
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
  /** Blocks that are plain until the colours are there. */
  #waiting = new Set<HTMLElement>();
  /** The block that grows, and what of it is coloured. */
  #growing: HTMLElement | undefined;
  #painted: Painted | undefined;

  /** Colours the code of a block. One that grows is another element each time. */
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

  /** Colours all of the block that grew: it will grow no more. */
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
      // Without a network, of a page that has changed since: code stays plain.
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
