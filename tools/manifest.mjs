// Describes the elements for tools and people: the custom-elements manifest, made from the comments and types of
// their classes, and the tables of docs/element.md, made from the manifest.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { create, ts } from "@custom-elements-manifest/analyzer";
import { litPlugin } from "@custom-elements-manifest/analyzer/src/features/framework-plugins/lit/lit.js";
import { root } from "./setup.mjs";

/**
 * A manifest's entry for a named thing; the format has more fields.
 *
 * @typedef {{
 *   name: string, description?: string, type?: { text: string }, privacy?: string, kind?: string,
 *   readonly?: boolean, attribute?: string, default?: string, fieldName?: string,
 *   parameters?: { name: string, type?: { text: string }, optional?: boolean }[],
 *   return?: { type?: { text: string } },
 * }} Named
 */

/**
 * @typedef {{
 *   kind: string, name: string, tagName: string, customElement: true, description: string, attributes: Named[],
 *   members: Named[], events: Named[], slots: Named[], cssParts: Named[], cssProperties: Named[],
 * }} Element
 */

/** @typedef {{ schemaVersion: string, readme: string, modules: { path: string, declarations: Element[], exports: object[] }[] }} Manifest */

/**
 * @param {{ source: string, definedIn: string }[]} elements
 * @returns {Manifest}
 */
export function manifestOf(elements) {
  // An element may inherit its attributes from a class in another file.
  const folders = new Set(elements.map(({ source }) => dirname(source)));
  const sources = [...folders].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".ts"))
      .map((name) => `${folder}/${name}`),
  );
  const all = /** @type {Manifest} */ (
    create({
      modules: sources.map(parsed),
      plugins: litPlugin(),
      context: { dev: false },
    })
  );
  const modules = elements.map(({ source, definedIn }) => {
    const module = all.modules.find(({ path }) => path === source);
    const element = module?.declarations.find(({ description }) =>
      tagIn(description ?? ""),
    );
    if (element === undefined)
      throw new Error(`${source} has no class whose comment names its tag.`);
    return {
      kind: "javascript-module",
      path: definedIn,
      declarations: [publicPartOf(element)],
      exports: [
        {
          kind: "custom-element-definition",
          name: tagIn(element.description),
          declaration: { name: element.name, module: definedIn },
        },
      ],
    };
  });
  return { schemaVersion: "1.0.0", readme: "docs/embedding.md", modules };
}

/** @param {string} source */
function parsed(source) {
  const text = readFileSync(join(root, source), "utf8");
  return ts.createSourceFile(
    source,
    listed(text),
    ts.ScriptTarget.ES2022,
    true,
  );
}

/**
 * A class comment with a line for each name, as the analyzer needs it: ours name several names in one line if
 * they share an explanation. The tag for what a method returns would be taken for its type, so it is reworded.
 *
 * @param {string} source
 */
function listed(source) {
  const told = source.replace(/^( +\* )@returns (.*)$/gm, "$1Returns $2.");
  return told.replace(
    /^( \* @\w+ )([\w-]+(?:, [\w-]+)+)(?: - (.*))?$/gm,
    (_, tag, /** @type {string} */ names, /** @type {string} */ explanation) =>
      names
        .split(", ")
        .map((name) => `${tag}${name}${explanation ? ` - ${explanation}` : ""}`)
        .join("\n"),
  );
}

/** @param {string} description */
function tagIn(description) {
  return /^`<([\w-]+)>`/.exec(description)?.[1];
}

/**
 * @param {Element} element
 * @returns {Element}
 */
function publicPartOf({ name, description, ...element }) {
  return {
    kind: "class",
    name,
    description,
    tagName: tagIn(description) ?? "",
    customElement: true,
    attributes: (element.attributes ?? []).map(own),
    members: (element.members ?? [])
      .filter(
        ({ name, privacy }) => privacy === undefined && !name.startsWith("#"),
      )
      .map(own),
    // An event without an explanation is the analyzer's guess from a constructor call.
    events: (element.events ?? [])
      .filter(({ description }) => description !== undefined)
      .map(own)
      .map(typed),
    slots: element.slots ?? [],
    cssParts: element.cssParts ?? [],
    cssProperties: element.cssProperties ?? [],
  };
}

/**
 * Users need not know which of our classes it is inherited from.
 *
 * @param {Named & { inheritedFrom?: object }} thing
 * @returns {Named}
 */
function own({ inheritedFrom: _, ...thing }) {
  return thing;
}

/**
 * An event whose explanation begins with its class.
 *
 * @param {Named} event
 * @returns {Named}
 */
function typed(event) {
  const [, type, rest] =
    /^(\w+Event): (.*)$/s.exec(event.description ?? "") ?? [];
  if (type === undefined || rest === undefined) return event;
  return { ...event, type: { text: type }, description: rest };
}
