/**
 * What crosses between page and worker: one message a call, then events, then one result or error; and notices,
 * which belong to no call. Everything is structured-cloned: a Blob as a handle, not its bytes.
 */
import type { ServerErrorReason, StoreErrorReason } from "../../util/errors";
import type { CallName } from "../api/calls";
import type { EngineNotice } from "../api/notice";

/** Page to worker. `id` identifies the call in all replies. */
export type Request =
  | { id: number; call: CallName | "close"; args: unknown[] }
  | { id: number; call: "abort" }
  /** Is the worker alive? It answers at once, unless it is blocked. */
  | { call: "ping" };

/** Worker to page. The types of events and results follow from the call's method. */
export type Response =
  | { id: number; type: "event"; event: unknown }
  | { id: number; type: "result"; result: unknown }
  | { id: number; type: "error"; error: WireError }
  | { type: "notice"; notice: EngineNotice }
  | { type: "pong" };

/** An error in transit: its class by name. */
export interface WireError {
  name: string;
  message: string;
  stack?: string | undefined;
  /** From a ModelFormatError. */
  problem?: unknown;
  /** From a SchemaError. */
  path?: string | undefined;
  /** From a StoreError or a ServerError. */
  reason?: StoreErrorReason | ServerErrorReason;
}
