/** The library: an engine for a page, with its worker, and what it says and throws. */
export type {
  ChatEngine,
  ChatOptions,
  DeviceInfo,
  LoadOptions,
  LoadProgress,
  MemoryClass,
  MemorySnapshot,
  ModelInfo,
  PoolSnapshot,
  Receipt,
  ReplyEvent,
  ReplyOptions,
  SamplerSettings,
} from "./engine/chat-engine";
export { Engine, type EngineOptions } from "./engine/engine";
export { RemoteEngine } from "./engine/remote";
export {
  ContextFullError,
  DeviceLostError,
  ModelFetchError,
  ModelFormatError,
  type ModelFormatProblem,
  OutOfMemoryError,
  WebGpuUnavailableError,
} from "./util/errors";
