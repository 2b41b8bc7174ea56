/** Which file of a folder imports which other one, types too, and where that goes in circles. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

type Graph = ReadonlyMap<string, readonly string[]>;

/** The TypeScript files that lie in a folder, not in those below it. */
export function codeOf(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith(".ts"));
}

/** A folder and those below it, as far as TypeScript lies in them. */
export function foldersWithCode(folder: string): string[] {
  const below = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => foldersWithCode(join(folder, name)));
  return codeOf(folder).length > 0 ? [folder, ...below] : below;
}

export function importGraph(folder: string): Graph {
  const files = foldersWithCode(folder).flatMap((one) =>
    codeOf(one).map((name) => join(one, name)),
  );
  return new Map(files.map((file) => [file, importsOf(file)]));
}

function importsOf(file: string): string[] {
  const sources = readFileSync(file, "utf8").matchAll(
    /\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g,
  );
  return [...sources]
    .map(([, source]) => `${join(dirname(file), source!)}.ts`)
    .filter((path) => existsSync(path));
}

/** Files that reach each other (Tarjan's strongly connected components of more than one). */
export function circlesOf(graph: Graph): string[][] {
  const circles: string[][] = [];
  const index = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    lowest.set(file, index.get(file)!);
    stack.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next))
        lowest.set(file, Math.min(lowest.get(file)!, lowest.get(next)!));
    }
    if (lowest.get(file) !== index.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1) circles.push(circle);
  };
  for (const file of graph.keys()) if (!index.has(file)) visit(file);
  return circles;
}
