/** A benchmark in Node, on a WebGPU that is handed in. */
import { benches, type BenchOutcome } from "./benches";
import type { ChatSet } from "./chats";
import { diskFiles } from "./disk-files";

export interface NodeBench {
  name: string;
  /** A folder, or its address. */
  model: string;
  chats: ChatSet;
  params: Record<string, string>;
}

export async function benchInNode(
  gpu: GPU,
  { name, model, chats, params }: NodeBench,
): Promise<BenchOutcome> {
  const isUrl = /^https?:/.test(model);
  return benches[name]!({
    url: model,
    params: new URLSearchParams(params),
    runtime: `Node ${process.versions.node}`,
    gpu,
    chats,
    onProgress: (doing) => console.info(doing),
    ...(!isUrl && { openFiles: diskFiles }),
  });
}
