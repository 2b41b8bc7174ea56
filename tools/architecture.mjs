/**
 * The architecture as data, and the lint rule that keeps it: which folder of src/ may import from which.
 *
 *     ui ──► engine ──► model, memory ──► kernels ──► gpu      with store beside gpu
 *      └───► documents
 *
 * Inside `engine`, `model` and `ui` the rooms lie on floors: a file imports from its own room and from those
 * below it. docs/architecture.md says what each room is for.
 */
import { dirname, relative, resolve, sep } from "node:path";
import { root } from "./setup.mjs";

const engineFace = ["engine/api", "engine/worker/remote-engine"];

/**
 * What each place in src/ may import besides its own files and util: anything from the places in
 * `from`, and types alone from those in `types`, one step sideways.
 *
 * @type {Record<string, { from: string[], types?: string[] }>}
 */
export const places = {
  util: { from: [] },
  gpu: { from: [], types: ["store"] },
  store: { from: [], types: ["gpu"] },
  kernels: { from: ["gpu"] },
  model: { from: ["kernels", "gpu", "store"], types: ["memory"] },
  memory: { from: ["kernels", "gpu", "store"], types: ["model"] },
  engine: { from: ["model", "memory", "kernels", "gpu", "store"] },
  documents: { from: [] },
  offline: { from: [] },
  ui: {
    from: [
      ...engineFace,
      "model/hub/hub-name",
      "model/hub/device-name",
      "model/text/thinking-range",
      "documents",
    ],
  },
  api: { from: [...engineFace, "model/text/thinking-range"] },
  devtools: { from: [...engineFace, "ui"] },
  "main.ts": { from: [...engineFace, "ui", "offline"] },
  "index.ts": { from: [...engineFace, "engine/engine", "ui", "api"] },
};

/**
 * The rooms of a place, from the ground up; "." stands for the files beside them.
 *
 * @type {Record<string, string[]>}
 */
export const floors = {
  engine: [
    "api",
    "run",
    "restore",
    "rounds",
    "fusion",
    "load",
    "chat",
    "archive",
    "open",
    "reply",
    "server",
    "turn",
    "inspect",
    "idle",
    ".",
    "worker",
  ],
  api: ["chats", "openai", "web-llm", "ai-sdk", "prompt-api"],
  model: [
    "files",
    "architectures",
    "config",
    "checkpoint",
    "weights",
    "network",
    "text",
    "grammar",
    "gguf",
    "hub",
  ],
  ui: [
    "base",
    "state/settings",
    "state/models",
    "state/chats",
    "state",
    "markdown",
    "composer",
    "dialogs",
    "transcript",
    "sidebar",
    "models",
    "devtools",
    "engines",
    "element",
    "memory/base",
    "memory/plots",
    "memory/sections",
    "memory/map",
    "memory",
    ".",
  ],
};

const src = resolve(root, "src");

/** @type {import("eslint").Rule.RuleModule} */
export const importsPointDown = {
  meta: { type: "problem", schema: [] },
  create(context) {
    const from = placeOf(context.filename);
    if (from === undefined) return {};

    /**
     * @param {import("eslint").Rule.Node} node
     * @param {unknown} source
     * @param {boolean} isOfTypes
     */
    const check = (node, source, isOfTypes) => {
      if (typeof source !== "string" || !source.startsWith(".")) return;
      const to = placeOf(resolve(dirname(context.filename), source));
      const message = to && complaint(from, to, isOfTypes);
      if (message) context.report({ node, message });
    };
    /** @param {Declaration} node */
    const ofDeclaration = (node) =>
      check(
        node,
        node.source?.value,
        [node.importKind, node.exportKind].includes("type"),
      );
    return {
      ImportDeclaration: ofDeclaration,
      ExportNamedDeclaration: ofDeclaration,
      ExportAllDeclaration: ofDeclaration,
      ImportExpression: (node) => {
        const { source } = node;
        if (source.type === "Literal") check(node, source.value, false);
      },
    };
  },
};

/**
 * As the TypeScript parser makes them.
 *
 * @typedef {import("eslint").Rule.Node & { source?: { value?: unknown } | null, importKind?: string, exportKind?: string }} Declaration
 */

/**
 * @typedef {object} Place
 * @property {string} path below src/, with slashes
 * @property {string} name as in `places`
 */

/**
 * @param {string} file
 * @returns {Place | undefined} undefined outside src/
 */
function placeOf(file) {
  const path = relative(src, file).split(sep).join("/");
  if (path.startsWith("..")) return undefined;
  const [first = "", ...rest] = path.split("/");
  return { path, name: rest.length > 0 ? first : asFile(first) };
}

/** @param {string} name */
function asFile(name) {
  return name.endsWith(".ts") ? name : `${name}.ts`;
}

/**
 * What is wrong with an import; undefined where it points down.
 *
 * @param {Place} from
 * @param {Place} to
 * @param {boolean} isOfTypes
 */
function complaint(from, to, isOfTypes) {
  if (from.name === to.name) return complaintOfRooms(from, to);
  const { from: free, types = [] } = places[from.name] ?? { from: [] };
  const allowed = ["util", ...free, ...(isOfTypes ? types : [])];
  if (allowed.some((one) => isWithin(to.path, one))) return undefined;
  return (
    `src/${from.name} may import from ${["util", ...free].join(", ")}` +
    (types.length === 0 ? "." : `, and types from ${types.join(", ")}.`)
  );
}

/**
 * @param {Place} from
 * @param {Place} to
 */
function complaintOfRooms(from, to) {
  const rooms = floors[from.name];
  if (rooms === undefined) return undefined;
  const here = floorOf(rooms, from);
  const there = floorOf(rooms, to);
  if (there <= here) return undefined;
  if (here < 0)
    return `${from.path} is in a room that tools/architecture.mjs does not name.`;
  return `src/${from.name}/${rooms[there]} lies above src/${from.name}/${rooms[here]}: imports point down (tools/architecture.mjs).`;
}

/**
 * @param {string[]} rooms
 * @param {Place} place
 */
function floorOf(rooms, { path, name }) {
  const room = dirname(path.slice(name.length + 1));
  return rooms.indexOf(room);
}

/**
 * @param {string} path
 * @param {string} place
 */
function isWithin(path, place) {
  const file = path.replace(/\.ts$/, "");
  return path === place || file === place || path.startsWith(`${place}/`);
}
