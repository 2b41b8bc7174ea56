/**
 * The readable text of HTML: title, headings, paragraphs, lists, tables, code. Headings and lists look as
 * in Markdown; bars stand between the cells of a row.
 *
 * The markup is parsed into a document without a window: no script or handler runs there, and nothing is fetched. It
 * never becomes part of the page.
 */
import { trustedPolicy } from "../util/trusted-types";
import { BlockWriter } from "./block-writer";

/** Elements whose content is not text to read. */
const SKIPPED = words(`
  audio button canvas datalist embed iframe input math-field noembed noframes noscript object script select style
  svg template textarea title video
`);

/** Elements that begin a line. */
const LINES = words(`
  address article aside body caption center dd div dt fieldset figcaption figure footer form header hgroup legend li
  main nav section summary tbody td tfoot th thead tr
`);

/** Elements with a blank line before and after. */
const BLOCKS = words(`
  blockquote details dl h1 h2 h3 h4 h5 h6 hr menu ol p pre table ul
`);

const LISTS = words("menu ol ul");

/** The title is searched for in this many characters of the text. */
const TITLE_WITHIN = 1000;

export function htmlText(html: string): string {
  const trusted = trustedPolicy().createHTML(html);
  const page = new DOMParser().parseFromString(trusted, "text/html");
  const writer = new BlockWriter();
  writeChildren(page.body, writer, 0);

  const text = writer.toString();
  const isTitled = text.slice(0, TITLE_WITHIN).includes(page.title);
  return isTitled ? text : `# ${page.title}\n\n${text}`;
}

/** @param depth depth of nested lists */
function write(node: Node, writer: BlockWriter, depth: number): void {
  if (node.nodeType === Node.TEXT_NODE) writer.flow(node.nodeValue ?? "");
  if (!isShownElement(node)) return;

  const lineEnds = lineEndsAround(node.localName, depth);
  if (lineEnds > 0) writer.break(lineEnds);
  writeElement(node, writer, depth);
  if (lineEnds > 0) writer.break(lineEnds);
}

/** List items have no blank lines between them. */
function lineEndsAround(name: string, depth: number): number {
  if (LINES.has(name)) return 1;
  if (!BLOCKS.has(name)) return 0;
  return depth > 0 && (name === "p" || LISTS.has(name)) ? 1 : 2;
}

function writeElement(
  element: Element,
  writer: BlockWriter,
  depth: number,
): void {
  const name = element.localName;
  if (name === "br") writer.newLine();
  else if (name === "img") writer.flow(element.getAttribute("alt") ?? "");
  else if (name === "pre") writer.literal(literalText(element).trimEnd());
  else if (/^h[1-6]$/.test(name)) {
    writer.mark(`${"#".repeat(Number(name[1]))} `);
    writer.flow(oneLine(element));
    writer.mark("");
  } else if (LISTS.has(name)) writeList(element, writer, depth);
  else if (name === "tr" && isOfData(element)) {
    const cells = Array.from(element.children).filter(({ localName }) =>
      /^t[dh]$/.test(localName),
    );
    writer.literal(cells.map(oneLine).join(" | "));
  } else writeChildren(element, writer, depth);
}

function writeChildren(parent: Node, writer: BlockWriter, depth: number): void {
  for (const child of parent.childNodes) write(child, writer, depth);
}

function writeList(list: Element, writer: BlockWriter, depth: number): void {
  const start = Number.parseInt(list.getAttribute("start") ?? "1", 10);
  let number = Number.isNaN(start) ? 1 : start;
  for (const child of list.childNodes) {
    if (isShownElement(child) && child.localName === "li") {
      const bullet = list.localName === "ol" ? `${number++}.` : "-";
      writer.break(1);
      writer.mark(`${"  ".repeat(depth)}${bullet} `);
    }
    write(child, writer, depth + 1);
    writer.mark("");
  }
}

/** Text with its white space, for code. */
function literalText(parent: Element): string {
  let text = "";
  for (const child of parent.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) text += child.nodeValue ?? "";
    if (!isShownElement(child)) continue;
    text += child.localName === "br" ? "\n" : literalText(child);
  }
  return text;
}

function oneLine(element: Element): string {
  if (!isShownElement(element)) return "";
  const writer = new BlockWriter();
  writeChildren(element, writer, 0);
  return writer.toString().replace(/\s+/g, " ");
}

/** Whether a row belongs to a data table rather than a layout table. */
function isOfData(row: Element): boolean {
  const table = row.closest("table");
  return (
    table !== null &&
    row.children.length > 1 &&
    table.getAttribute("role") !== "presentation" &&
    table.getElementsByTagName("table").length === 0
  );
}

/**
 * Whether a node is an element with readable content that is not marked as hidden; style sheets are not considered.
 * The style is parsed as text: its parsed form is empty where the page's policy forbids inline styles.
 */
function isShownElement(node: Node): node is Element {
  if (!(node instanceof Element) || SKIPPED.has(node.localName)) return false;
  const style = node.getAttribute("style") ?? "";
  return !(
    node.hasAttribute("hidden") ||
    node.getAttribute("aria-hidden") === "true" ||
    (node.localName === "dialog" && !node.hasAttribute("open")) ||
    /(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))/i.test(
      style,
    )
  );
}

function words(list: string): ReadonlySet<string> {
  return new Set(list.trim().split(/\s+/));
}
