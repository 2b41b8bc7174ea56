/** Opening a model, fetched when the first one is: the architectures and the checks of their fields come with it. */
import { ModelFetchError } from "../../util/errors";
import { lazyPart } from "../../util/lazy-part";

export const openModel = lazyPart(
  async () => (await import("./open-model")).openModel,
  (cause) =>
    new ModelFetchError(
      "Code that opens models did not load. Check the connection and reload the page.",
      { cause },
    ),
);
