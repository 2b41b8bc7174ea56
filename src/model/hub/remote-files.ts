/** A model's files on the hub, read in place to plan a download. */
import type { Hub } from "./hub";
import type { ChosenFiles } from "./hub-files";
import type { ModelFiles } from "../files/model-files";
import { type RetryPolicy, withRetries } from "./retry";

/** Larger texts are not fetched for a plan. */
const MOST_TEXT_BYTES = 64 << 20;

export function remoteFiles(
  hub: Hub,
  repository: string,
  { gguf, files }: ChosenFiles,
  retryPolicy: RetryPolicy,
): ModelFiles {
  const fileOf = (path: string) => files.find((file) => file.path === path);
  return {
    name: repository,
    gguf,

    async text(path, signal) {
      const file = fileOf(path);
      if (file === undefined || file.bytes > MOST_TEXT_BYTES) return undefined;
      return withRetries(
        async () => {
          const body = await hub.open(repository, path, undefined, signal);
          const decoder = new TextDecoder();
          let text = "";
          for await (const bytes of body.chunks)
            text += decoder.decode(bytes, { stream: true });
          return text + decoder.decode();
        },
        retryPolicy,
        signal,
      );
    },

    async open(path, range, signal) {
      const file = fileOf(path);
      if (file === undefined) return undefined;
      const end = Math.min(range.end, file.bytes);
      if (range.start >= end)
        return { fileBytes: file.bytes, chunks: nothing() };
      const part = { start: range.start, end };
      const body = await withRetries(
        () => hub.open(repository, path, part, signal),
        retryPolicy,
        signal,
      );
      return { fileBytes: file.bytes, chunks: body.chunks };
    },
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
