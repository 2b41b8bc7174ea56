/** Opening a model, fetched when the first one is: the architectures and the checks of their fields come with it. */
import { part } from "./lazy-parts";

export const openModel = part(
  async () => (await import("./open-model")).openModel,
);
