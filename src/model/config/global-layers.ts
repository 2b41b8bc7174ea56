/** Layers that attend to all tokens, for decisions about what lies far back. */
import type { Recipe } from "../architectures/recipe";

/** The first layer without a window, from layer `from` on; `from` itself if all behind it have one. */
export function globalLayerFrom(
  { layers }: Pick<Recipe, "layers">,
  from: number,
): number {
  const found = layers.findIndex(
    ({ attention }, l) => l >= from && attention.window === null,
  );
  return found < 0 ? from : found;
}

/** Whether a layer attends to all tokens. */
export function isGlobal(
  { layers }: Pick<Recipe, "layers">,
  layer: number,
): boolean {
  return layers[layer]!.attention.window === null;
}
