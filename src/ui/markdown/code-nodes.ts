/**
 * Code as nodes in the colours of its language. They are made one by one from text: what the code says never
 * passes through a parser of HTML, and the only attribute is a class of ours. Large: to be loaded when needed.
 */
import hljs from "highlight.js/lib/common";
import dart from "highlight.js/lib/languages/dart";
import dockerfile from "highlight.js/lib/languages/dockerfile";
import haskell from "highlight.js/lib/languages/haskell";
import latex from "highlight.js/lib/languages/latex";
import powershell from "highlight.js/lib/languages/powershell";
import scala from "highlight.js/lib/languages/scala";

/** Besides those that the library calls common. */
const MORE = { dart, dockerfile, haskell, latex, powershell, scala };

/** What highlight.js calls while it reads, here to make nodes rather than HTML. */
class NodeEmitter {
  readonly fragment = new DocumentFragment();
  readonly #open: ParentNode[] = [this.fragment];

  get #current(): ParentNode {
    return this.#open.at(-1)!;
  }

  addText(text: string): void {
    if (text !== "") this.#current.append(text);
  }

  startScope(scope: string): void {
    const span = document.createElement("span");
    const [kind = ""] = scope.split(".");
    if (/^[a-z][\w-]*$/.test(kind)) span.className = `hljs-${kind}`;
    this.#current.append(span);
    this.#open.push(span);
  }

  endScope(): void {
    if (this.#open.length > 1) this.#open.pop();
  }

  /** Part of the code is in another language, as a style in HTML. */
  __addSublanguage({ fragment }: NodeEmitter): void {
    this.#current.append(fragment);
  }

  // Older names of the same, which grammars do not use but the interface has.
  openNode(scope: string): void {
    this.startScope(scope);
  }

  closeNode(): void {
    this.endScope();
  }

  finalize(): void {}

  closeAllNodes(): void {}

  toHTML(): string {
    return "";
  }
}

hljs.configure({ __emitter: NodeEmitter });
for (const [name, language] of Object.entries(MORE))
  hljs.registerLanguage(name, language);

/** Whether there is a language of this name. */
export function hasLanguage(name: string): boolean {
  return hljs.getLanguage(name) !== undefined;
}

/** The code, in the colours of a language that there is. */
export function codeNodes(code: string, language: string): DocumentFragment {
  const result = hljs.highlight(code, { language, ignoreIllegals: true });
  const emitter = result._emitter;
  // What it could not read comes out as it went in, without an emitter of ours.
  if (!(emitter instanceof NodeEmitter)) return textFragment(code);
  const { fragment } = emitter;
  return fragment.textContent === code ? fragment : textFragment(code);
}

function textFragment(text: string): DocumentFragment {
  const fragment = new DocumentFragment();
  fragment.append(text);
  return fragment;
}
