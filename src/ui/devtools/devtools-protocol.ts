/**
 * The protocol between a page and the DevTools panel that inspects it. The panel evaluates calls of the
 * page's hook; calls and answers are JSON. Answers wait in the page until the panel takes them, since evaluated code
 * can't be awaited.
 *
 *     panel                                page
 *       call(…, engine, method, args) ──►
 *       take(…)                       ──► progress, results, errors, notices since its last take
 */
import type { EngineNotice } from "../../engine/api/notice";
import type { MemorySource, VerifyOptions } from "../../engine/api/kv-memory";

/** The hook is the page's global property of this name: Symbol.for(HOOK_NAME). */
export const HOOK_NAME = "rondo.devtools";

/** Raised when the protocol changes. A panel uses only hooks of its own version. */
export const HOOK_VERSION = 2;

export interface Hook {
  readonly version: number;

  /** In the page: lets panels see an engine for as long as the page itself has it. */
  offer(engine: MemorySource, name?: string): void;

  /**
   * Begins a call; `take` returns its answer later.
   *
   * @param panelId unique to the panel: several panels may inspect a page
   * @param callId the panel's own name for the call
   * @param argsJson the array of arguments, without options that do not cross
   */
  call(
    panelId: string,
    callId: number,
    engineId: number,
    method: string,
    argsJson: string,
  ): boolean;

  /** Ends a call early; its error is the answer. */
  abort(panelId: string, callId: number): boolean;

  /**
   * A `Taken` as JSON.
   *
   * @param listenJson the array of ids of engines whose notices are wanted from now on
   */
  take(panelId: string, listenJson: string): string;
}

/** What of a MemorySource may be called; notices come unasked. */
export type SourceMethod = Exclude<keyof MemorySource, "onNotice" | "isClosed">;

export type VerifyProgress = Parameters<
  NonNullable<VerifyOptions["onProgress"]>
>[0];

export interface Taken {
  version: number;
  /** Unique to this load of the page. */
  hookId: string;
  engines: OfferedEngine[];
  messages: HookMessage[];
}

export interface OfferedEngine {
  id: number;
  name: string;
}

export type HookMessage =
  | { type: "progress"; callId: number; progress: VerifyProgress }
  | { type: "result"; callId: number; result?: unknown }
  | { type: "error"; callId: number; error: { name: string; message: string } }
  | { type: "notice"; engineId: number; notice: EngineNotice };
