/**
 * What runs a model: its network on the GPU, turns over it, and KV that is brought back before them. Fetched when the
 * first model loads, so that a page starts without kernels.
 */
import { LoadedModel } from "./load/loaded-model";
import type { OpenModel } from "./load/model-holder";

export { runPersistedTurn } from "./turn/persisted-turn";
export { preload } from "./turn/preload";

export const openLoadedModel: OpenModel = (files, options) =>
  LoadedModel.open(files, options);
