/**
 * Highlighted code as nodes, made one by one from text: code never passes through an HTML parser, and the only
 * attribute is our own class. Large: load when needed.
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

/** The emitter that highlight.js calls while parsing; makes nodes instead of HTML. */
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

  // Deprecated names, unused by grammars but part of the interface.
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

/** The highlighted code, in a language that `hasLanguage` knows. */
export function codeNodes(code: string, language: string): DocumentFragment {
  const result = hljs.highlight(code, { language, ignoreIllegals: true });
  const emitter = result._emitter;
  // Where parsing failed, the result has no emitter of ours and the code stays plain.
  if (!(emitter instanceof NodeEmitter)) return textFragment(code);
  const { fragment } = emitter;
  return fragment.textContent === code ? fragment : textFragment(code);
}

function textFragment(text: string): DocumentFragment {
  const fragment = new DocumentFragment();
  fragment.append(text);
  return fragment;
}
