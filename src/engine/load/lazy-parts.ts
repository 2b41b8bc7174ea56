/**
 * Parts of the engine that are fetched when a model first needs them: a page that only shows chats needs no
 * template engine, and a model in safetensors needs no GGUF reader.
 */
import { ModelFetchError } from "../../util/errors";
import { lazyPart } from "../../util/lazy-part";

export const openTokenizer = part(
  async () => (await import("../../model/text/tokenizer")).openTokenizer,
);

export const openTemplate = part(
  async () => (await import("../../model/text/open-template")).openTemplate,
);

export const openGguf = part(
  async () => (await import("../../model/gguf/gguf")).openGguf,
);

export const openHub = part(async () => {
  const { Hub } = await import("../../model/hub/hub");
  return async (options: ConstructorParameters<typeof Hub>[0]) =>
    new Hub(options);
});

export const fetchModel = part(
  async () => (await import("../../model/hub/fetch-model")).fetchModel,
);

export const keepFiles = part(
  async () => (await import("../../model/hub/keep-files")).keepFiles,
);

/** @param load fetches the code; if that fails, the part throws ModelFetchError */
export function part<Args extends unknown[], Result>(
  load: () => Promise<(...args: Args) => Promise<Result>>,
) {
  return lazyPart(
    load,
    (cause) =>
      new ModelFetchError(
        "Code that this model needs did not load. Check the connection and reload the page.",
        { cause },
      ),
  );
}
