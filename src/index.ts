/** The library: an engine for a page, with its worker, and what it says and throws. */
export type {
  AttachReport,
  AttendedRound,
  AttentionReport,
  AttentionSettings,
  ChatDocument,
  ChatEngine,
  ChatHistory,
  ChatOptions,
  ChatSummary,
  DeviceInfo,
  EngineNotice,
  FusionReport,
  FusionSettings,
  FusionVariant,
  HistoryRound,
  KeptModel,
  LoadOptions,
  LoadProgress,
  MemoryClass,
  MessagePlace,
  Misfit,
  ModelChoice,
  ModelInfo,
  ModelPlan,
  ModelSource,
  PlanOptions,
  Receipt,
  ReplyEvent,
  ReplyOptions,
  RestoreOptions,
  RestoreProgress,
  RestoreReport,
  SaidRound,
  SamplerSettings,
} from "./engine/chat-engine";
export type {
  BufferMemory,
  ChatMemory,
  DeviceMemory,
  GpuMemory,
  HalfMemory,
  MemoryOptions,
  MemorySnapshot,
  MemorySource,
  ModelMemory,
  PoolMemory,
  RoundMemory,
  StorageMemory,
  TurnPhases,
  TurnRecord,
  VerifyOptions,
  VerifyReport,
} from "./engine/memory-snapshot";
export { Engine, type EngineOptions } from "./engine/engine";
export { RemoteEngine } from "./engine/remote";
export { offerToDevtools } from "./ui/devtools-hook";
export {
  ChatBusyError,
  ChatFileError,
  ContextFullError,
  DeviceLostError,
  ModelFetchError,
  ModelFormatError,
  type ModelFormatProblem,
  OutOfMemoryError,
  StoreError,
  type StoreErrorReason,
  WebGpuUnavailableError,
} from "./util/errors";
export type { ChatElement } from "./ui/chat-element";
export type { ChatMessage } from "./ui/chat-messages";
export type {
  ChatErrorEvent,
  RoundEvent,
  SentEvent,
  SettingsEvent,
  ShowEvent,
  StateEvent,
} from "./ui/events";
export type { ChatState } from "./ui/model-loading";
export type { MemoryElement } from "./ui/memory/memory-element";
