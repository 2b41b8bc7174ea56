// `npm run size`: builds the library and says what a page loads of it, file by file. Fails where that is more
// than the budget: what is loaded at the start with the element, or until the first reply without it.
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { setUp } from "./setup.mjs";

/**
 * What `rondo` loads until the first reply, or `rondo/define` at the start, the worker included, may take
 * compressed with gzip.
 */
export const BUDGET_BYTES = 150_000;

/** The same without the element: the engine, and the code for a model's tokenizer and template. */
const ENGINE = ["rondo.js", "worker.js"];
const ENGINE_REPLY = ["running", "open-model", "tokenizer", "open-template"];

/** Loaded at the start: the element, and the worker that it starts. */
const START = ["define.js", "worker.js"];

/** Needed for every reply, and fetched while the model loads. */
const FIRST_REPLY = [
  "running",
  "open-model",
  "tokenizer",
  "open-template",
  "markdown-element",
  "markdown",
];

/** @typedef {import("vite").Rolldown.OutputChunk} Chunk */

/** @typedef {"start" | "first reply" | "when needed" | "other"} Occasion */

/**
 * @typedef {object} Size
 * @property {string} file
 * @property {Occasion} when the page loads it
 * @property {number} bytes
 * @property {number} gzipBytes
 * @property {string} contents packages in it, the largest first, with their shares
 */

/**
 * @param {Chunk[]} chunks
 * @returns {Size[]}
 */
export function sizesOf(chunks) {
  const atStart = closure(chunks, START);
  const lazy = closure(
    chunks,
    [...atStart].flatMap((file) => chunkOf(chunks, file)?.dynamicImports ?? []),
  );
  const forReply = closure(
    chunks,
    chunks
      .filter(
        ({ name, fileName }) =>
          lazy.has(fileName) && FIRST_REPLY.includes(name),
      )
      .map(({ fileName }) => fileName),
  );
  /** @type {(file: string) => Occasion} */
  const occasion = (file) => {
    if (atStart.has(file)) return "start";
    if (forReply.has(file)) return "first reply";
    return START.includes(file) || file === "rondo.js"
      ? "other"
      : "when needed";
  };
  return chunks.map((chunk) => ({
    file: chunk.fileName,
    when: occasion(chunk.fileName),
    bytes: Buffer.byteLength(chunk.code),
    gzipBytes: gzipSync(chunk.code, { level: 9 }).length,
    contents: contentsOf(chunk),
  }));
}

/**
 * @param {Size[]} sizes
 * @param {Occasion[]} when
 */
export function gzipBytes(sizes, ...when) {
  return sizes
    .filter((size) => when.includes(size.when))
    .reduce((sum, size) => sum + size.gzipBytes, 0);
}

/**
 * What a page without the element loads until its first reply.
 *
 * @param {Chunk[]} chunks
 * @param {Size[]} sizes of these
 */
export function engineGzipBytes(chunks, sizes) {
  const lazy = ENGINE_REPLY.map((name) => {
    const chunk = chunks.find((one) => one.name === name);
    if (chunk === undefined) throw new Error(`There is no file for ${name}.`);
    return chunk.fileName;
  });
  const files = closure(chunks, [...ENGINE, ...lazy]);
  return sizes
    .filter(({ file }) => files.has(file))
    .reduce((sum, size) => sum + size.gzipBytes, 0);
}

/**
 * The files in a table, those loaded first at the top.
 *
 * @param {Size[]} sizes
 */
export function sizeTable(sizes) {
  /** @type {Occasion[]} */
  const order = ["start", "first reply", "when needed", "other"];
  const rows = sizes
    .toSorted(
      (a, b) =>
        order.indexOf(a.when) - order.indexOf(b.when) ||
        b.gzipBytes - a.gzipBytes,
    )
    .map(({ file, when, bytes, gzipBytes, contents }) => [
      when.padEnd(12),
      file.padEnd(30),
      kilobytes(bytes).padStart(10),
      kilobytes(gzipBytes).padStart(10),
      contents,
    ]);
  const head = [
    "when".padEnd(12),
    "file".padEnd(30),
    "size".padStart(10),
    "gzip".padStart(10),
    "what is in it",
  ];
  return [head, ...rows].map((row) => row.join("  ")).join("\n");
}

/**
 * @param {Chunk[]} chunks
 * @param {string} file
 */
function chunkOf(chunks, file) {
  return chunks.find(({ fileName }) => fileName === file);
}

/**
 * The files and all that they import.
 *
 * @param {Chunk[]} chunks
 * @param {string[]} files
 */
function closure(chunks, files) {
  const reached = new Set(files);
  for (const file of reached)
    for (const imported of chunkOf(chunks, file)?.imports ?? [])
      reached.add(imported);
  return reached;
}

/** @param {Chunk} chunk */
function contentsOf({ modules }) {
  /** @type {Map<string, number>} */
  const lengths = new Map();
  for (const [id, { renderedLength }] of Object.entries(modules)) {
    const part = partOf(id);
    lengths.set(part, (lengths.get(part) ?? 0) + renderedLength);
  }
  const total = [...lengths.values()].reduce((sum, length) => sum + length, 0);
  return [...lengths]
    .sort(([, a], [, b]) => b - a)
    .map(([part, length]) => ({
      part,
      percent: Math.round((100 * length) / total),
    }))
    .filter(({ percent }) => percent > 0)
    .map(({ part, percent }) => `${part} ${percent} %`)
    .join(", ");
}

/**
 * The package or source folder of a module.
 *
 * @param {string} id
 */
function partOf(id) {
  const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id) ?? [];
  const [, folder] = /\/(src\/\w+|shaders)\//.exec(id) ?? [];
  return name ?? folder ?? "bundler";
}

/** @param {number} bytes */
function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setUp();
  const { bundleLibrary } = await import("./library.mjs");
  const chunks = await bundleLibrary();
  const sizes = sizesOf(chunks);
  console.log(sizeTable(sizes));
  const start = gzipBytes(sizes, "start");
  const reply = gzipBytes(sizes, "start", "first reply");
  const engine = engineGzipBytes(chunks, sizes);
  console.log(
    `\nThe engine alone, until its first reply: ${kilobytes(engine)} gzip, of ${kilobytes(BUDGET_BYTES)} at most.` +
      `\nWith the element, at the start: ${kilobytes(start)}, of ${kilobytes(BUDGET_BYTES)} at most; until the first reply: ${kilobytes(reply)}.`,
  );
  if (Math.max(start, engine) > BUDGET_BYTES) {
    console.error("That is more than the budget.");
    process.exitCode = 1;
  }
}
