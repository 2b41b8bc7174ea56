// What tools and people can know of the elements: the custom-elements manifest, made of the comments and
// types of their classes, and the tables of docs/element.md, made of the manifest.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { create, ts } from "@custom-elements-manifest/analyzer";
import { litPlugin } from "@custom-elements-manifest/analyzer/src/features/framework-plugins/lit/lit.js";
import { root } from "./setup.mjs";

/**
 * What a manifest says of a thing by its name; the format has more.
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
 *   name: string, tagName: string, customElement: true, description: string, attributes: Named[],
 *   members: Named[], events: Named[], slots: Named[], cssParts: Named[], cssProperties: Named[],
 * }} Element
 */

/** @typedef {{ modules: { path: string, declarations: Element[], exports: object[] }[] }} Manifest */

/**
 * @param {{ source: string, definedIn: string }[]} elements
 * @returns {Manifest}
 */
export function manifestOf(elements) {
  const modules = elements.map(({ source, definedIn }) => {
    const text = readFileSync(join(root, source), "utf8");
    const file = ts.createSourceFile(
      source,
      listed(text),
      ts.ScriptTarget.ES2022,
      true,
    );
    /** @type {Manifest} */
    const made = create({
      modules: [file],
      plugins: litPlugin(),
      context: { dev: false },
    });
    const element = made.modules[0]?.declarations.find(({ description }) =>
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
  return /** @type {Manifest} */ ({
    schemaVersion: "1.0.0",
    readme: "docs/embedding.md",
    modules,
  });
}

/**
 * A class comment with a line for each name, as the analyzer wants it: ours name several where one
 * explanation does for all.
 *
 * @param {string} source
 */
function listed(source) {
  return source.replace(
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
function publicPartOf(element) {
  const { attributes = [], members = [], events = [] } = element;
  return {
    ...element,
    tagName: tagIn(element.description) ?? "",
    customElement: true,
    attributes,
    members: members.filter(
      ({ privacy, name }) => privacy === undefined && !name.startsWith("#"),
    ),
    events: events.map(typed),
    slots: element.slots ?? [],
    cssParts: element.cssParts ?? [],
    cssProperties: element.cssProperties ?? [],
  };
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
