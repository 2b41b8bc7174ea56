/**
 * `rondo/ai-sdk`: the model that an engine has loaded, for Vercel's AI SDK. It implements version 3 of its provider
 * specification, which versions 6 and 7 of the package `ai` take.
 */
export {
  rondo,
  RondoLanguageModel,
  type RondoModelOptions,
} from "./language-model";
