/** A GGUF file at an address: its folder's files, of which it is the one with the weights. */
import type { ModelFiles } from "./model-files";

/** Undefined where the address is not a GGUF file's. */
export function fetchedGguf(
  url: string,
  openFolder: (url: string) => ModelFiles,
): ModelFiles | undefined {
  const address = new URL(url, globalThis.location?.href ?? "http://localhost");
  const gguf = decodeURIComponent(address.pathname).split("/").at(-1)!;
  if (!gguf.endsWith(".gguf")) return undefined;
  const files = openFolder(new URL(".", address).href);
  return {
    name: gguf.replace(/\.gguf$/, ""),
    gguf,
    text: (file, signal) => files.text(file, signal),
    open: (file, range, signal) => files.open(file, range, signal),
  };
}
