/**
 * Code as nodes in the colours of its language. They are made one by one from text: what the code says never
 * passes through a parser of HTML, and the only attribute is a class of ours. Large: to be loaded when needed.
 */
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import csharp from "highlight.js/lib/languages/csharp";
import css from "highlight.js/lib/languages/css";
import dart from "highlight.js/lib/languages/dart";
import diff from "highlight.js/lib/languages/diff";
import dockerfile from "highlight.js/lib/languages/dockerfile";
import elixir from "highlight.js/lib/languages/elixir";
import go from "highlight.js/lib/languages/go";
import graphql from "highlight.js/lib/languages/graphql";
import haskell from "highlight.js/lib/languages/haskell";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import julia from "highlight.js/lib/languages/julia";
import kotlin from "highlight.js/lib/languages/kotlin";
import latex from "highlight.js/lib/languages/latex";
import less from "highlight.js/lib/languages/less";
import lua from "highlight.js/lib/languages/lua";
import makefile from "highlight.js/lib/languages/makefile";
import markdown from "highlight.js/lib/languages/markdown";
import objectivec from "highlight.js/lib/languages/objectivec";
import perl from "highlight.js/lib/languages/perl";
import php from "highlight.js/lib/languages/php";
import powershell from "highlight.js/lib/languages/powershell";
import python from "highlight.js/lib/languages/python";
import r from "highlight.js/lib/languages/r";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import scala from "highlight.js/lib/languages/scala";
import scss from "highlight.js/lib/languages/scss";
import shell from "highlight.js/lib/languages/shell";
import sql from "highlight.js/lib/languages/sql";
import swift from "highlight.js/lib/languages/swift";
import typescript from "highlight.js/lib/languages/typescript";
import vim from "highlight.js/lib/languages/vim";
import wasm from "highlight.js/lib/languages/wasm";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

const LANGUAGES = {
  ...{ bash, c, cpp, csharp, css, dart, diff, dockerfile, elixir, go },
  ...{ graphql, haskell, ini, java, javascript, json, julia, kotlin, latex },
  ...{ less, lua, makefile, markdown, objectivec, perl, php, powershell },
  ...{ python, r, ruby, rust, scala, scss, shell, sql, swift, typescript },
  ...{ vim, wasm, xml, yaml },
};

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
for (const [name, language] of Object.entries(LANGUAGES))
  hljs.registerLanguage(name, language);
hljs.registerAliases(["latex", "tex"], { languageName: "latex" });

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
