/** What a model is, before any weights are read: its configuration, and the headers of its weights. */
import type { Checkpoint } from "../../model/checkpoint/checkpoint";
import { openSafetensors } from "../../model/checkpoint/safetensors";
import type { ModelConfig } from "../../model/config/computable";
import { readConfig } from "../../model/config/config";
import { expectedTensors } from "../../model/config/expected-tensors";
import { type ModelFiles, readJson } from "../../model/files/model-files";
import * as parts from "./lazy-parts";

export interface OpenedModel {
  /** Those of the folder, and those that a GGUF file's metadata provides. */
  files: ModelFiles;
  configJson: unknown;
  config: ModelConfig;
  checkpoint: Checkpoint;
}

/**
 * @param contextTokens the context asked for; see LoadOptions
 * @throws RangeError for a context that is no whole number; ModelFetchError, ModelFormatError; the signal's reason
 */
export async function openModel(
  folder: ModelFiles,
  signal: AbortSignal | undefined,
  contextTokens?: number,
): Promise<OpenedModel> {
  if (
    contextTokens !== undefined &&
    !(Number.isInteger(contextTokens) && contextTokens > 0)
  )
    throw new RangeError(
      `contextTokens must be a whole number from 1 on, not ${contextTokens}.`,
    );
  const gguf =
    folder.gguf === undefined
      ? undefined
      : await parts.openGguf(folder, folder.gguf, signal);
  const files = gguf?.files ?? folder;
  const configJson = await readJson(files, "config.json", signal);
  const config = readConfig(configJson, contextTokens);
  const checkpoint =
    gguf?.checkpoint(config) ??
    (await openSafetensors(files, expectedTensors(config), signal));
  return { files, configJson, config, checkpoint };
}
