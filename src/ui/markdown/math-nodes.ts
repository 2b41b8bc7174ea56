/**
 * TeX as MathML nodes, which browsers draw and read aloud without our own fonts or styles. KaTeX parses the TeX; its
 * tree is copied node by node through an allowlist of elements and attributes: no links, images, styles, or lengths
 * that leave the formula's place. Large: load when needed.
 */
import katex, { type KatexOptions } from "katex";
import { inVariant } from "./math-variant";

/** A larger formula would block the page noticeably. */
const MOST_NODES = 4000;
const MOST_CHARACTERS = 2000;
const MOST_EM = 20;

const MATHML = "http://www.w3.org/1998/Math/MathML";

const ELEMENTS = new Set(
  (
    "math mrow mi mn mo mtext mspace msup msub msubsup mover munder munderover mfrac msqrt mroot " +
    "mtable mtr mtd mstyle mpadded mphantom"
  ).split(" "),
);

/** Attributes whose values are words of MathML. */
const WORDS = new Set(
  (
    "display displaystyle scriptlevel stretchy symmetric fence separator form movablelimits accent accentunder " +
    "columnalign"
  ).split(" "),
);
/** Attributes whose values are lengths. */
const LENGTHS = new Set(
  "lspace rspace minsize maxsize linethickness width height depth voffset mathsize columnspacing rowspacing".split(
    " ",
  ),
);

/** Macros are refused: no reply needs one, and a few can expand to millions of letters. */
const DEFINES =
  /\\(?:[egx]?def|(?:re|provide)?newcommand|renewcommand|providecommand|let|futurelet|global|long)(?![a-zA-Z])/;

/** A node of KaTeX's own tree: an element, a space, a text, or a few of them. */
interface TreeNode {
  type?: string;
  attributes?: Record<string, string>;
  children?: readonly TreeNode[];
  /** Of a text. */
  text?: string;
  /** Of a space, in em; `character` where there is one of that width. */
  width?: number;
  character?: string | null;
}

/** KaTeX's untyped method that returns its tree. */
interface TreeMaker {
  __renderToDomTree(tex: string, options: KatexOptions): TreeNode;
}

/** A formula as nodes; undefined where KaTeX does not understand it, or it is too large. */
export function mathNodes(
  tex: string,
  isDisplay: boolean,
): Element | undefined {
  if (tex.length > MOST_CHARACTERS || DEFINES.test(tex)) return undefined;
  try {
    const maker = katex as unknown as TreeMaker;
    const tree = maker.__renderToDomTree(tex, {
      output: "mathml",
      displayMode: isDisplay,
      throwOnError: true,
      trust: false,
      // Not about safety: strict mode refuses what LaTeX refuses, such as é in a formula.
      strict: "ignore",
      maxSize: MOST_EM,
      maxExpand: 1000,
      macros: {},
    });
    return new Maker().element(mathOf(tree));
  } catch {
    return undefined;
  }
}

/** The `math` element inside KaTeX's wrapper. */
function mathOf(node: TreeNode): TreeNode {
  for (
    let inner: TreeNode | undefined = node;
    inner;
    [inner] = inner.children ?? []
  )
    if (inner.type === "math") return inner;
  throw new Error("KaTeX made no formula.");
}

class Maker {
  #count = 0;

  /** @throws Error for elements that are not allowed */
  element(node: TreeNode): Element {
    const { attributes = {}, children = [], type = "" } = node;
    if (++this.#count > MOST_NODES)
      throw new Error("The formula is too large.");
    if (type === "semantics") return this.element(children[0] ?? {});
    if (type === "menclose") return this.#enclosure(node);
    if (!ELEMENTS.has(type)) throw new Error(`A formula has no ${type}.`);
    const element = document.createElementNS(MATHML, type);
    for (const [name, value] of Object.entries(attributes))
      if (isHarmless(name, value)) element.setAttribute(name, value);
    const { mathvariant = "" } = attributes;
    if (mathvariant === "normal") element.setAttribute("mathvariant", "normal");
    element.append(...children.flatMap((child) => this.#nodes(child)));
    if (mathvariant !== "" && element.childElementCount === 0)
      element.textContent = inVariant(element.textContent ?? "", mathvariant);
    return element;
  }

  #nodes(node: TreeNode): (Element | string)[] {
    if (node.text !== undefined) return [node.text];
    if (node.type !== undefined) return [this.element(node)];
    if (node.width !== undefined) return [this.#space(node)];
    return (node.children ?? []).flatMap((child) => this.#nodes(child));
  }

  #space({ character, width = 0 }: TreeNode): Element {
    return character
      ? this.element({ type: "mtext", children: [{ text: character }] })
      : this.element({ type: "mspace", attributes: { width: `${width}em` } });
  }

  /** Browsers dropped `menclose`; the page's styles draw a box or a stroke. */
  #enclosure({ attributes = {}, children = [] }: TreeNode): Element {
    const row = this.element({ type: "mrow", children });
    const isBox = /\bbox\b/.test(attributes.notation ?? "box");
    row.setAttribute("class", isBox ? "boxed" : "struck");
    return row;
  }
}

function isHarmless(name: string, value: string): boolean {
  if (WORDS.has(name)) return /^[\w+ -]{1,200}$/.test(value);
  if (!LENGTHS.has(name)) return false;
  return value.split(" ").every((length) => {
    const [, size, unit] =
      /^([+-]?\d*\.?\d+)(em|ex|mu|pt|px|%)?$/.exec(length) ?? [];
    if (size === undefined) return false;
    const most = unit === "em" || unit === "ex" ? MOST_EM : 10 * MOST_EM;
    return Math.abs(Number(size)) <= most;
  });
}
