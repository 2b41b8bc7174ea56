/** The benchmark in Node, on a WebGPU that is handed in. */
import { bench } from "./bench";
import { diskFiles } from "./disk-files";
import { benchTable } from "./table";

/** @param model a folder, or its address */
export async function benchInNode(gpu: GPU, model: string, isQuick: boolean) {
  const isUrl = /^https?:/.test(model);
  const result = await bench({
    url: model,
    isQuick,
    runtime: `Node ${process.versions.node}`,
    gpu,
    onProgress: (doing) => console.info(doing),
    ...(!isUrl && { openFiles: diskFiles }),
  });
  return { result, table: benchTable(result) };
}
