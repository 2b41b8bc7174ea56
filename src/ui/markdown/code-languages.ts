/**
 * Names of the languages that code blocks are highlighted in. The highlighter (code-nodes.ts) is loaded when one of
 * them first appears.
 */
export const NAMES =
  "bash sh zsh c h cpp c++ cc hpp csharp cs c# css dart diff patch dockerfile docker go golang graphql gql " +
  "haskell hs html xml svg java javascript js jsx mjs cjs json jsonc json5 kotlin kt latex tex less lua " +
  "makefile make mk markdown md ini toml objectivec objc perl pl php powershell ps1 python py r ruby rb " +
  "rust rs scala scss shell console sql swift typescript ts tsx wasm yaml yml";

const KNOWN: ReadonlySet<string> = new Set(NAMES.split(" "));

/** The highlighter's name of the language; undefined where it has none. */
export function knownLanguage(name: string | undefined): string | undefined {
  const lower = name?.toLowerCase();
  return lower !== undefined && KNOWN.has(lower) ? lower : undefined;
}
