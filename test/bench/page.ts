/** The benchmark in this page: shows how far it is, then the table; `?quick`, `?model=URL`. */
import { bench } from "./bench";
import type { BenchResult } from "./result";
import { benchTable } from "./table";

declare global {
  /** For whoever drives the page. */
  var benchmark: Promise<{ result: BenchResult; table: string }> | undefined;
}

const query = new URLSearchParams(location.search);
const output = document.querySelector("pre")!;

globalThis.benchmark = run();
globalThis.benchmark.then(
  ({ table }) => (output.textContent = table),
  (error: unknown) => (output.textContent = String(error)),
);

async function run() {
  const result = await bench({
    url: new URL(query.get("model") ?? "/models/rondo-tiny/", location.href)
      .href,
    isQuick: query.has("quick"),
    runtime: navigator.userAgent.replace(
      /^.*?(?=Headless|Chrome|Version|Firefox)/,
      "",
    ),
    onProgress(doing) {
      output.textContent += `${doing}\n`;
      console.info(doing);
    },
  });
  return { result, table: benchTable(result) };
}
