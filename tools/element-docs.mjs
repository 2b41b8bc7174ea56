// docs/element.md: what a page can give the elements and hear of them, from the manifest.

/** @typedef {import("./manifest.mjs").Named} Named */
/** @typedef {import("./manifest.mjs").Element} Element */

const HEAD = `# The elements

Made by \`npm run docs\` of the comments in the elements' sources; [embedding.md](embedding.md) says how to use them. The same, for tools, is in the package's
\`custom-elements.json\`.
`;

/** @param {import("./manifest.mjs").Manifest} manifest */
export function elementDocs({ modules }) {
  const elements = modules.flatMap(({ declarations }) => declarations);
  return [HEAD, ...elements.map(sections)].join("\n");
}

/** @param {Element} element */
function sections({ tagName, description, members, ...element }) {
  const fields = members.filter(
    ({ attribute, kind }) => kind === "field" && attribute === undefined,
  );
  const methods = members.filter(({ kind }) => kind === "method");
  const paragraphs = description.split("\n\n").map(inOneLine).join("\n\n");
  const intro = paragraphs.replace(/^`<[\w-]+>`: ./, (start) =>
    start.slice(-1).toUpperCase(),
  );
  return [
    `## \`<${tagName}>\`\n\n${intro}\n`,
    table("Attributes, which are properties, too", element.attributes, typeOf),
    table("Properties", fields, typeOf),
    table("Methods", methods, signature),
    table("Events", element.events, typeOf),
    table("Slots", element.slots),
    table("Parts", element.cssParts),
    table("Custom properties", element.cssProperties, (property) =>
      code(property.default ?? ""),
    ),
  ]
    .filter((section) => section !== "")
    .join("\n");
}

/**
 * A row for each thing, or for those with the same explanation.
 *
 * @param {string} title
 * @param {Named[]} things
 * @param {(thing: Named) => string} [kindOf]
 */
function table(title, things, kindOf) {
  if (things.length === 0) return "";
  /** @type {Map<string, string[]>} */
  const names = new Map();
  for (const thing of things) {
    const kind = kindOf ? [kindOf(thing)] : [];
    const cells = [...kind, escaped(inOneLine(thing.description ?? ""))];
    const rest = cells.join(" | ");
    names.set(rest, [...(names.get(rest) ?? []), nameOf(thing)]);
  }
  const rows = [...names].map(([rest, of]) => `| ${of.join(", ")} | ${rest} |`);
  const head = kindOf
    ? `| name | ${title === "Custom properties" ? "default" : "type"} | |\n| --- | --- | --- |`
    : "| name | |\n| --- | --- |";
  return `### ${title}\n\n${head}\n${rows.join("\n")}\n`;
}

/** @param {Named} thing */
function nameOf({ name, fieldName = name }) {
  return fieldName === name ? code(name) : `${code(name)} (${code(fieldName)})`;
}

/** @param {Named} thing */
function typeOf({ readonly, type }) {
  return `${code(type?.text ?? "")}${readonly ? ", read-only" : ""}`;
}

/** @param {Named} method */
function signature({ parameters = [], return: returned }) {
  const given = parameters.map(
    ({ name, optional, type }) =>
      `${name}${optional ? "?" : ""}: ${type?.text ?? "unknown"}`,
  );
  return code(`(${given.join(", ")}) => ${returned?.type?.text || "void"}`);
}

/** @param {string} text */
function code(text) {
  return text === "" ? "" : `\`${escaped(inOneLine(text))}\``;
}

/** @param {string} text */
function inOneLine(text) {
  return text.replace(/\s+/g, " ");
}

/** @param {string} text */
function escaped(text) {
  return text.replaceAll("|", "\\|");
}
