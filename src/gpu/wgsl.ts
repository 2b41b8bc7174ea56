/** Joins several WGSL files to one source, and maps its lines back to their files. */

export interface WgslFile {
  /** The file's name in error messages. */
  name: string;
  text: string;
}

/** The files as one source, in this order. */
export function joinWgsl(files: readonly WgslFile[]): string {
  return files.map(({ text }) => text).join("\n");
}

/**
 * File and line, `step.wgsl:12`, of a line of the joined source.
 *
 * @param line from 1 on; 0, which WebGPU reports for messages without a line, gives the last file without a line
 */
export function placeInWgsl(files: readonly WgslFile[], line: number): string {
  let first = 1;
  for (const { name, text } of files) {
    const behind = first + text.split("\n").length;
    if (first <= line && line < behind) return `${name}:${line - first + 1}`;
    first = behind;
  }
  return files.at(-1)?.name ?? "";
}
