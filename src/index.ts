/** The library: the engine in its worker, and the types of its events and errors. */
export type { ChatEngine } from "./engine/api/chat-engine";
export type {
  ChatHistory,
  AddedMessage,
  ChatOptions,
  ChatSummary,
  ExportOptions,
  HistoryRound,
  ListOptions,
  MessagePlace,
  MessageOptions,
  RoundText,
  ToolCall,
  ToolDefinition,
  ToolResult,
} from "./engine/api/chats";
export type {
  RestoreOptions,
  RestoreProgress,
  MemoryOptions,
  MemorySource,
  VerifyOptions,
  Divergence,
  VerifyReport,
} from "./engine/api/kv-memory";
export type {
  DeviceInfo,
  FileSource,
  StoredModel,
  KeepOptions,
  LoadOptions,
  LoadProgress,
  Misfit,
  ModelChoice,
  ModelInfo,
  ModelPlan,
  ModelSource,
  PlanOptions,
} from "./engine/api/models";
export type { ServerSource } from "./engine/api/server-source";
export type { EngineNotice } from "./engine/api/notice";
export type {
  AttendedRound,
  AttentionReport,
  FusionReport,
  KvReceipt,
  LocalReceipt,
  Receipt,
  RestoreReport,
  ServerReceipt,
  ServerReport,
  TurnPhases,
} from "./engine/api/receipt";
export type {
  AttachReport,
  AttentionSettings,
  ChatDocument,
  FusionSettings,
  FusionVariant,
  ReplyEvent,
  ResponseFormat,
  ReplyOptions,
  SamplerSettings,
  TextEvent,
  ToolChoice,
  TokenLogprob,
  TokenLogprobs,
} from "./engine/api/replies";
export type {
  BufferMemory,
  ChatMemory,
  DeviceMemory,
  GpuMemory,
  HalfMemory,
  KvQuality,
  MemorySnapshot,
  ModelMemory,
  PoolMemory,
  RoundMemory,
  StorageMemory,
  TurnRecord,
  MemoryClass,
} from "./engine/api/memory-snapshot";
export { Engine, type EngineOptions } from "./engine/engine";
export { RemoteEngine } from "./engine/worker/remote-engine";
export { offerToDevtools } from "./ui/devtools/devtools-hook";
export {
  ChatBusyError,
  ChatFileError,
  ContextFullError,
  DeviceLostError,
  ModelFetchError,
  ModelFormatError,
  type ModelFormatProblem,
  ModelOutputError,
  OutOfMemoryError,
  SchemaError,
  ServerError,
  type ServerErrorReason,
  StoreError,
  type StoreErrorReason,
  WebGpuUnavailableError,
} from "./util/errors";
export type { ChatElement } from "./ui/element/chat-element";
export type { ChatMessage } from "./ui/state/chats/chat-messages";
export type {
  ChatErrorEvent,
  ChatState,
  Operation,
  RoundEvent,
  SentEvent,
  SettingsEvent,
  ShowEvent,
  StateEvent,
} from "./ui/state/events";
export type { MemoryElement } from "./ui/memory/memory-element";
