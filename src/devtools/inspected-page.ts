/**
 * The page that DevTools inspects: whether Rondo is in it, which engines it has, and the way to them. The
 * page is asked again and again, since it cannot call: often while an answer is awaited, seldom while the
 * panel just shows, not at all while it is hidden and waits for nothing. Another page, or the same one loaded
 * again, begins anew.
 */
import type { EngineNotice } from "../engine/chat-engine";
import type { MemorySource, VerifyOptions } from "../engine/memory-snapshot";
import {
  HOOK_VERSION,
  type HookMessage,
  type OfferedEngine,
  type SourceMethod,
  type Taken,
} from "../ui/devtools-protocol";
import { takenFrom, versionOf } from "./foreign";
import { hookExpression } from "./hook-expression";
import { RemoteMemorySource } from "./remote-memory-source";

const BUSY_MS = 250;
const IDLE_MS = 1000;
/** A page that is left while it is asked may never answer. */
const UNANSWERED_MS = 5000;

const ABSENT: PageState = { type: "absent" };

/** Of chrome.devtools.inspectedWindow, what is used here. */
export interface InspectedWindow {
  eval(
    expression: string,
    callback: (result: unknown, exceptionInfo?: EvalFailure) => void,
  ): void;
}

/** DevTools could not evaluate (`isError`), or what was evaluated has thrown (`isException`). */
export type EvalFailure =
  Partial<chrome.devtools.inspectedWindow.EvaluationExceptionInfo>;

export type PageState =
  /** The page has not answered yet. */
  | { type: "asking" }
  /** Rondo is not in the page. */
  | { type: "absent" }
  /** The page's Rondo speaks another version of this protocol. */
  | { type: "other-version"; isNewer: boolean }
  /** The page cannot be asked, or says what nobody understands. */
  | { type: "unreadable"; message: string }
  | { type: "present"; engines: readonly PageEngine[] };

export interface PageEngine extends OfferedEngine {
  source: MemorySource;
}

interface OpenCall {
  onProgress: VerifyOptions["onProgress"];
  resolve(result: unknown): void;
  reject(error: Error): void;
}

export class InspectedPage {
  readonly #window: InspectedWindow;
  readonly #onChange: () => void;
  readonly #panelId = crypto.randomUUID();
  #lastCall = 0;
  #state: PageState = { type: "asking" };
  /** Answers of the page before count no more. */
  #visit = 0;
  #hookId: string | undefined;
  #engines: readonly PageEngine[] = [];
  readonly #calls = new Map<number, OpenCall>();
  readonly #listeners = new Map<number, Set<(notice: EngineNotice) => void>>();
  #isShown = false;
  /** What is for somebody who looks, and waits for that. */
  readonly #looks: (() => void)[] = [];
  #timer: { id: ReturnType<typeof setTimeout>; dueMs: number } | undefined;

  constructor(window: InspectedWindow, onChange: () => void) {
    this.#window = window;
    this.#onChange = onChange;
  }

  get state(): PageState {
    return this.#state;
  }

  /** The panel is in sight, or no longer is. */
  set isShown(isShown: boolean) {
    this.#isShown = isShown;
    if (isShown) void this.#poll();
    else this.#pollLater();
    if (isShown) for (const look of this.#looks.splice(0)) look();
  }

  /** The page has been left or loaded again. */
  beginAnew(): void {
    this.#visit++;
    this.#forget();
    this.#become({ type: "asking" });
    if (this.#isShown) void this.#poll();
  }

  async #poll(): Promise<void> {
    this.#pollWithin(UNANSWERED_MS);
    const visit = this.#visit;
    try {
      const listenTo = JSON.stringify([...this.#listeners.keys()]);
      const answer = await this.#evaluate(
        hookExpression("take", this.#panelId, listenTo),
      );
      if (visit !== this.#visit) return;
      if (answer === null || answer === undefined) this.#lose(ABSENT);
      else if (versionOf(answer) === HOOK_VERSION)
        this.#take(takenFrom(answer));
      else this.#refuse(answer);
    } catch (error) {
      if (visit !== this.#visit) return;
      const { message } = error as Error;
      this.#lose({ type: "unreadable", message });
    }
    this.#pollLater();
  }

  #refuse(answer: unknown): void {
    const version = versionOf(answer);
    if (version === undefined)
      takenFrom(answer); // says what is wrong with it
    else this.#lose({ type: "other-version", isNewer: version > HOOK_VERSION });
  }

  #take({ hookId, engines, messages }: Taken): void {
    if (hookId !== this.#hookId) {
      this.#forget();
      // Also where its engines go by the same names, they are others.
      this.#state = { type: "asking" };
    }
    this.#hookId = hookId;
    this.#engines = engines.map(({ id, name }) => {
      const known = this.#engines.find((engine) => engine.id === id);
      const source = known?.source ?? this.#sourceOf(id, hookId);
      return { id, name, source };
    });
    this.#become({ type: "present", engines: this.#engines });
    for (const message of messages) this.#hear(message);
  }

  #hear(message: HookMessage): void {
    if (message.type === "notice") {
      const listeners = this.#listeners.get(message.engineId) ?? [];
      for (const listener of [...listeners]) listener(message.notice);
      return;
    }
    const call = this.#calls.get(message.callId);
    if (call === undefined) return; // aborted
    if (message.type === "progress") return call.onProgress?.(message.progress);
    this.#calls.delete(message.callId);
    switch (message.type) {
      case "result":
        return call.resolve(message.result);
      case "error":
        return call.reject(errorOf(message.error));
      default:
        message satisfies never;
    }
  }

  #sourceOf(engineId: number, hookId: string): MemorySource {
    return new RemoteMemorySource({
      call: (method, args, options) =>
        this.#call({ engineId, hookId }, method, args, options),
      listen: (listener) => this.#listen({ engineId, hookId }, listener),
    });
  }

  async #call(
    { engineId, hookId }: { engineId: number; hookId: string },
    method: SourceMethod,
    args: readonly unknown[],
    { signal, onProgress }: VerifyOptions = {},
  ): Promise<unknown> {
    signal?.throwIfAborted();
    // Snapshots are asked for again and again, also while there is nobody to see them.
    if (method === "memory" && !this.#isShown)
      await new Promise<void>((resolve) => this.#looks.push(resolve));
    if (hookId !== this.#hookId) throw pageIsGone();
    const callId = ++this.#lastCall;
    const abort = () =>
      void this.#evaluate(hookExpression("abort", this.#panelId, callId)).catch(
        () => {},
      );
    signal?.addEventListener("abort", abort);
    try {
      return await new Promise((resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason as Error));
        this.#calls.set(callId, { onProgress, resolve, reject });
        this.#begin(callId, engineId, method, args).catch(reject);
      });
    } finally {
      this.#calls.delete(callId);
      signal?.removeEventListener("abort", abort);
    }
  }

  async #begin(
    callId: number,
    engineId: number,
    method: SourceMethod,
    args: readonly unknown[],
  ): Promise<void> {
    const json = argumentsJson(args);
    const answer = await this.#evaluate(
      hookExpression("call", this.#panelId, callId, engineId, method, json),
    );
    if (answer !== true) throw pageIsGone();
    this.#pollWithin(BUSY_MS);
  }

  #listen(
    { engineId, hookId }: { engineId: number; hookId: string },
    listener: (notice: EngineNotice) => void,
  ): () => void {
    if (hookId !== this.#hookId) return () => {};
    const hear = (notice: EngineNotice) => listener(notice);
    const listeners = this.#listeners.get(engineId) ?? new Set();
    this.#listeners.set(engineId, listeners.add(hear));
    return () => {
      listeners.delete(hear);
      const isCurrent = this.#listeners.get(engineId) === listeners;
      if (isCurrent && listeners.size === 0) this.#listeners.delete(engineId);
    };
  }

  /** Nothing of the page is left; those who wait for it are told. */
  #forget(): void {
    this.#hookId = undefined;
    this.#engines = [];
    this.#listeners.clear();
    for (const call of this.#calls.values()) call.reject(pageIsGone());
  }

  #lose(state: PageState): void {
    this.#forget();
    this.#become(state);
  }

  #become(state: PageState): void {
    const isNew = JSON.stringify(state) !== JSON.stringify(this.#state);
    this.#state = state;
    if (isNew) this.#onChange();
  }

  #evaluate(expression: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#window.eval(expression, (result, failure) => {
        if (failure?.isError || failure?.isException)
          reject(new Error(reasonOf(failure)));
        else resolve(result);
      });
    });
  }

  #pollLater(): void {
    const isWaiting = this.#calls.size > 0;
    clearTimeout(this.#timer?.id);
    this.#timer = undefined;
    if (this.#isShown) this.#pollWithin(isWaiting ? BUSY_MS : IDLE_MS);
    else if (isWaiting) this.#pollWithin(IDLE_MS);
  }

  #pollWithin(ms: number): void {
    const dueMs = performance.now() + ms;
    if (this.#timer !== undefined && this.#timer.dueMs <= dueMs) return;
    clearTimeout(this.#timer?.id);
    const id = setTimeout(() => {
      this.#timer = undefined;
      void this.#poll();
    }, ms);
    this.#timer = { id, dueMs };
  }
}

/** Optional arguments that are not given are left away: JSON would make null of them. */
function argumentsJson(args: readonly unknown[]): string {
  const count = args.findLastIndex((arg) => arg !== undefined) + 1;
  return JSON.stringify(args.slice(0, count));
}

function errorOf({ name, message }: { name: string; message: string }): Error {
  if (name === "AbortError") return new DOMException(message, name);
  return Object.assign(new Error(message), { name });
}

function pageIsGone(): Error {
  return new Error("The page was left or loaded again.");
}

function reasonOf(failure: EvalFailure): string {
  const { isError, description = "", details = [], value } = failure;
  if (!isError) return `The page threw: ${String(value).slice(0, 300)}`;
  const parts = (details as unknown[]).map(String);
  const said = description.replace(/%s/g, () => parts.shift() ?? "");
  return `The browser closes its own pages to panels, and pages without an address. (${said})`;
}
