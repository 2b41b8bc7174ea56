/**
 * Names of GGUF files in several parts, as llama.cpp's gguf-split writes them: `name-00001-of-00003.gguf`. A model
 * goes by the name of its first part.
 */
const PART = /^(.*)-(\d{5})-of-(\d{5})(\.gguf)$/i;

export interface GgufPart {
  /** The name without what tells the parts apart. */
  stem: string;
  /** From 1 on. */
  number: number;
  count: number;
}

/** Undefined for the name of a whole file. */
export function ggufPart(path: string): GgufPart | undefined {
  const found = PART.exec(path);
  if (found === null) return undefined;
  const [number, count] = [Number(found[2]), Number(found[3])];
  if (number < 1 || number > count) return undefined;
  return { stem: found[1]!, number, count };
}

/** All parts of the file that this is a part of, in order; a whole file is the only one. */
export function ggufParts(path: string): string[] {
  const part = ggufPart(path);
  if (part === undefined) return [path];
  const digits = (number: number) => String(number).padStart(5, "0");
  return Array.from(
    { length: part.count },
    (_, i) =>
      `${part.stem}-${digits(i + 1)}-of-${digits(part.count)}${path.slice(-5)}`,
  );
}

export function firstGgufPart(path: string): string {
  return ggufParts(path)[0]!;
}

/** The file's name for people: without its ending, and without the number of its part. */
export function ggufStem(path: string): string {
  return ggufPart(path)?.stem ?? path.replace(/\.gguf$/i, "");
}
