/** `rondo/web-llm`: the part of WebLLM's API that chats use, over Rondo's engine. */
import { MLCEngine, type MLCEngineConfig } from "./mlc-engine";

export { ApiError } from "../openai/api-error";
export type {
  ChatCompletion,
  ChatCompletionChunk,
  RequestMessage,
} from "../openai/types";
export {
  MLCEngine,
  type InitProgressCallback,
  type InitProgressReport,
  type MLCEngineConfig,
} from "./mlc-engine";

/**
 * An engine with a model.
 *
 * @param modelId as `ChatEngine.load` takes it: a name on the hub, an address
 * @throws as `ChatEngine.load` does
 */
export async function CreateMLCEngine(
  modelId: string,
  config?: MLCEngineConfig,
): Promise<MLCEngine> {
  const engine = new MLCEngine(config);
  await engine.reload(modelId);
  return engine;
}
