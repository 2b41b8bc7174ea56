/** Which model a newcomer is offered: the best that can talk, at a reader's pace, on this device. */
import type { DeviceInfo } from "../../../engine/api/models";
import { EMBEDDED_ID, KNOWN_MODELS, memoryBytes } from "./known-models";
import { nameOfSource, sourceOf, type ModelRequest } from "./model-request";

/** An offered model, and what is expected of it here. */
export interface OfferedModel {
  id: string;
  name: string;
  goodFor: string;
  downloadBytes: number;
  memoryBytes: number;
  /** Words a second, as far as the device's speed is known. */
  wordsPerSecond: number | undefined;
}

/** By what they are worth as a first model: how well they talk, in how many languages, for how long a download. */
const OFFERED = [
  "Qwen2.5 1.5B",
  "Llama 3.2 1B",
  "Qwen2.5 0.5B",
  "SmolLM2 360M",
];
/** About as fast as one reads. */
const LEAST_TOKENS_PER_SECOND = 10;
/** Kernels reach about this share of the speed of a copy, and a token has other work too. */
const SPEED_SHARE = 0.5;
const WORDS_PER_TOKEN = 0.75;
/** A browser gives a page about this share of a device's memory, at most. */
const MEMORY_SHARE = 0.4;
/** The head or the embedding of the largest, in its own bits, must be bound at once or in a few parts. */
const LEAST_BINDING_BYTES = 128 * 2 ** 20;

/**
 * @param deviceBytes the device's memory, where the browser tells; more than it tells may be there from 8 GB on
 * @returns undefined where none would be a pleasure: without a GPU above all
 */
export function offeredModel(
  { isSoftware, bindingBytes = Infinity, bytesPerSecond }: DeviceInfo,
  deviceBytes: number | undefined,
): OfferedModel | undefined {
  if (isSoftware || bindingBytes < LEAST_BINDING_BYTES) return undefined;
  const isRoomy = deviceBytes === undefined || deviceBytes >= 8 * 2 ** 30;
  const roomBytes = isRoomy ? Infinity : MEMORY_SHARE * deviceBytes;
  const models = OFFERED.flatMap((name) =>
    KNOWN_MODELS.filter((model) => model.name === name),
  );
  const offers = models.map((model): OfferedModel => {
    const { id, name, goodFor, downloadBytes, weightBytes } = model;
    const tokensPerSecond =
      bytesPerSecond && (SPEED_SHARE * bytesPerSecond) / weightBytes;
    return {
      id,
      name,
      goodFor,
      downloadBytes,
      memoryBytes: memoryBytes(model),
      wordsPerSecond: tokensPerSecond && WORDS_PER_TOKEN * tokensPerSecond,
    };
  });
  // Where the speed is not known, the smaller ones are sure to be quick enough.
  const least = WORDS_PER_TOKEN * LEAST_TOKENS_PER_SECOND;
  return offers.find(
    ({ memoryBytes, downloadBytes, wordsPerSecond }) =>
      memoryBytes <= roomBytes &&
      (wordsPerSecond === undefined
        ? downloadBytes <= 500e6
        : wordsPerSecond >= least),
  );
}

/** Whether it is the tiny model that comes with the page, wherever it was copied to. */
export function isTiny(request: ModelRequest | undefined): boolean {
  const { source } = request ?? {};
  if (source === undefined || source === sourceOf(EMBEDDED_ID)) return true;
  return typeof source === "string" && nameOfSource(source) === "rondo-tiny";
}
