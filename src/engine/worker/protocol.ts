/**
 * What crosses between page and worker: one message a call, then events, then one result or error; and
 * notices, which belong to no call. All by structured clone: of a Blob that is a handle, not its bytes.
 */
import type { StoreErrorReason } from "../../util/errors";
import type { CallName } from "../api/calls";
import type { EngineNotice } from "../api/notice";

/** Page to worker. `id` names the call in all that follows. */
export type Request =
  | { id: number; call: CallName | "close"; args: unknown[] }
  | { id: number; call: "abort" }
  /** Is the worker alive? It answers at once, unless something keeps it busy for ever. */
  | { call: "ping" };

/** Worker to page. What events and results are, the method of the call says. */
export type Response =
  | { id: number; type: "event"; event: unknown }
  | { id: number; type: "result"; result: unknown }
  | { id: number; type: "error"; error: WireError }
  | { type: "notice"; notice: EngineNotice }
  | { type: "pong" };

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
