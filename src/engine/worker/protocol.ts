/**
 * What crosses between page and worker: one message a call, then events, then one result or error; and
 * notices, which belong to no call. All by structured clone: of a Blob that is a handle, not its bytes.
 */
import type { StoreErrorReason } from "../../util/errors";
import type { ChatEngine } from "../api/chat-engine";
import type {
  ChatHistory,
  ChatHit,
  ChatOptions,
  ChatSummary,
} from "../api/chats";
import type {
  RestoreProgress,
  MemoryOptions,
  VerifyOptions,
  VerifyReport,
} from "../api/kv-memory";
import type {
  KeptModel,
  LoadOptions,
  LoadProgress,
  ModelInfo,
  ModelPlan,
  ModelSource,
  PlanOptions,
} from "../api/models";
import type { EngineNotice } from "../api/notice";
import type { RestoreReport } from "../api/receipt";
import type {
  AttachReport,
  ChatDocument,
  ReplyEvent,
  ReplyOptions,
} from "../api/replies";
import type { MemorySnapshot } from "../api/memory-snapshot";

/** Every call: its arguments, what it reports on the way, what it gives. Signals and callbacks stay on the page. */
export interface Calls {
  load: {
    args: [
      source: ModelSource,
      options?: Omit<LoadOptions, "onProgress" | "signal">,
    ];
    event: LoadProgress;
    result: ModelInfo;
  };
  planModel: {
    args: [source: ModelSource, options?: Omit<PlanOptions, "signal">];
    event: never;
    result: ModelPlan;
  };
  listModels: { args: []; event: never; result: KeptModel[] };
  deleteModel: { args: [id: string]; event: never; result: void };
  listChats: { args: []; event: never; result: ChatSummary[] };
  searchChats: { args: [query: string]; event: never; result: ChatHit[] };
  createChat: { args: [options?: ChatOptions]; event: never; result: string };
  openChat: { args: [chatId: string]; event: never; result: ChatHistory };
  leaveChat: { args: [chatId: string]; event: never; result: void };
  restoreChat: {
    args: [chatId: string];
    event: RestoreProgress;
    result: RestoreReport;
  };
  renameChat: {
    args: [chatId: string, title: string];
    event: never;
    result: void;
  };
  deleteChat: { args: [chatId: string]; event: never; result: void };
  exportChat: {
    args: [chatId: string, options?: { withKv?: boolean }];
    event: never;
    result: Blob;
  };
  importChat: { args: [file: Blob]; event: never; result: ChatSummary };
  chat: {
    args: [
      chatId: string,
      message: string,
      options?: Omit<ReplyOptions, "signal">,
    ];
    event: ReplyEvent;
    result: void;
  };
  showVersion: {
    args: [chatId: string, roundId: number];
    event: never;
    result: ChatHistory;
  };
  deleteRound: {
    args: [chatId: string, roundId: number, options?: { isFast?: boolean }];
    event: never;
    result: ChatHistory;
  };
  moveRound: {
    args: [chatId: string, roundId: number, behind: number];
    event: never;
    result: ChatHistory;
  };
  setSystem: {
    args: [chatId: string, system: string | undefined];
    event: never;
    result: ChatHistory;
  };
  attach: {
    args: [chatId: string, document: ChatDocument];
    event: RestoreProgress;
    result: AttachReport;
  };
  setHealing: { args: [isOn: boolean]; event: never; result: void };
  memory: {
    args: [options?: MemoryOptions];
    event: never;
    result: MemorySnapshot;
  };
  verify: {
    args: [chatId: string, roundId: number];
    event: Parameters<NonNullable<VerifyOptions["onProgress"]>>[0];
    result: VerifyReport;
  };
  pinRound: {
    args: [chatId: string, roundId: number, isPinned: boolean];
    event: never;
    result: void;
  };
  evictRound: {
    args: [chatId: string, roundId: number];
    event: never;
    result: void;
  };
  wipeKv: { args: [chatId?: string]; event: never; result: void };
  close: { args: []; event: never; result: void };
}

export type CallName = keyof Calls & keyof ChatEngine;

/** Page to worker. `id` names the call in all that follows. */
export type Request =
  | {
      [K in CallName]: { id: number; call: K; args: Calls[K]["args"] };
    }[CallName]
  | { id: number; call: "abort" };

/** Worker to page. */
export type Response =
  | { id: number; type: "event"; event: Calls[CallName]["event"] }
  | { id: number; type: "result"; result: Calls[CallName]["result"] }
  | { id: number; type: "error"; error: WireError }
  | { type: "notice"; notice: EngineNotice };

/** An error as it crosses: its class by name. */
export interface WireError {
  name: string;
  message: string;
  stack?: string | undefined;
  /** Of a ModelFormatError. */
  problem?: unknown;
  /** Of a StoreError. */
  reason?: StoreErrorReason;
}
