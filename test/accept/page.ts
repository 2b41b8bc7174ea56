/** The runtime's sources in a page, for whoever drives it: compares next-token distributions, asks for what was told. */
import { Gpu } from "../../src/gpu/gpu";
import { fetchedFiles } from "../../src/model/files/model-files";
import {
  compareLogits,
  type GoldenPrompt,
  type LogitsComparison,
} from "./logits";
import { findNeedles, type FoundNeedle } from "./needles";

declare global {
  var compareWith:
    | ((url: string, golden: GoldenPrompt[]) => Promise<LogitsComparison>)
    | undefined;
  var askNeedles: ((url: string) => Promise<FoundNeedle[]>) | undefined;
}

globalThis.askNeedles = findNeedles;

globalThis.compareWith = async (url, golden) => {
  const gpu = await Gpu.open(navigator.gpu);
  return compareLogits(gpu, fetchedFiles(url), golden);
};
