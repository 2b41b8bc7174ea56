/** A benchmark in this page: shows how far it is, then the table; `?bench=NAME&model=URL&chats=URL`, and what it takes besides. */
import { benches, type BenchOutcome } from "./benches";
import type { ChatSet } from "./chats";

declare global {
  /** For whoever drives the page. */
  var benchmark: Promise<BenchOutcome> | undefined;
}

const params = new URLSearchParams(location.search);
const output = document.querySelector("pre")!;

globalThis.benchmark = run();
globalThis.benchmark.then(
  ({ table }) => (output.textContent = table),
  (error: unknown) => (output.textContent = String(error)),
);

async function run(): Promise<BenchOutcome> {
  const name = params.get("bench") ?? "speed";
  const bench = benches[name];
  if (!bench) throw new RangeError(`There is no benchmark ${name}.`);
  const absolute = (path: string) => new URL(path, location.href).href;
  const chats = await fetch(
    absolute(params.get("chats") ?? "/test/fixtures/chats/quick.json"),
  );
  return bench({
    url: absolute(params.get("model") ?? "/models/rondo-tiny/"),
    params,
    runtime: navigator.userAgent.replace(
      /^.*?(?=Headless|Chrome|Version|Firefox)/,
      "",
    ),
    chats: (await chats.json()) as ChatSet,
    onProgress(doing) {
      output.textContent += `${doing}\n`;
      console.info(doing);
    },
  });
}
