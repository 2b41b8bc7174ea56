/**
 * The page that DevTools inspects: whether it has Rondo, its engines, and calls to them. The page can't call the
 * panel, so it is polled: often while an answer is pending, seldom while the panel is just visible, not at all while
 * it is hidden and idle. Another page, or a reload, starts over.
 */
import type { EngineNotice } from "../engine/api/notice";
import type { MemorySource, VerifyOptions } from "../engine/api/kv-memory";
import {
  HOOK_VERSION,
  type HookMessage,
  type OfferedEngine,
  type SourceMethod,
  type Taken,
} from "../ui/devtools/devtools-protocol";
import { evaluate, type InspectedWindow } from "./evaluate";
import { takenFrom, versionOf } from "./foreign";
import { hookExpression } from "./hook-expression";
import { RemoteMemorySource } from "./remote-memory-source";

const BUSY_MS = 250;
const IDLE_MS = 1000;
/** A page that is closed during a poll may never answer. */
const UNANSWERED_MS = 5000;
/** How long a loading page may take to run Rondo before it counts as one without. */
const GRACE_MS = 1500;

export type PageState =
  /** The page has not answered yet. */
  | { type: "asking" }
  /** Rondo is not in the page. */
  | { type: "absent" }
  /** The page's Rondo has another version of this protocol. */
  | { type: "other-version"; isNewer: boolean }
  /** The page can't be evaluated in, or gives invalid answers. */
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
  /** Counts navigations. */
  #visit = 0;
  #graceEndsMs = 0;
  /** How often in a row the page could not answer. */
  #failures = 0;
  #hookId: string | undefined;
  #engines: readonly PageEngine[] = [];
  readonly #calls = new Map<number, OpenCall>();
  readonly #listeners = new Map<number, Set<(notice: EngineNotice) => void>>();
  #isShown = false;
  /** Calls that wait until the panel is visible. */
  readonly #waitingForView: (() => void)[] = [];
  #timer: { id: ReturnType<typeof setTimeout>; dueMs: number } | undefined;

  constructor(window: InspectedWindow, onChange: () => void) {
    this.#window = window;
    this.#onChange = onChange;
  }

  get state(): PageState {
    return this.#state;
  }

  /** Whether the panel is visible. */
  set isShown(isShown: boolean) {
    this.#isShown = isShown;
    if (isShown) void this.#poll();
    else this.#pollLater();
    if (isShown) for (const resume of this.#waitingForView.splice(0)) resume();
  }

  /** The URL has changed: it may be another page, a reload, or the same page. */
  navigated(): void {
    this.#visit++;
    this.#graceEndsMs = performance.now() + GRACE_MS;
    if (this.#isShown || this.#calls.size > 0) void this.#poll();
  }

  async #poll(): Promise<void> {
    this.#pollWithin(UNANSWERED_MS);
    const visit = this.#visit;
    const answer = await this.#takeFromPage();
    try {
      if ("messages" in answer) this.#take(answer);
      // Otherwise the failed answer may be the previous page's.
      else if (visit === this.#visit) this.#doubt(answer);
    } finally {
      this.#pollLater();
    }
  }

  /** A closing page fails before the navigation is reported: ignores a single failure. */
  #doubt(state: PageState): void {
    this.#failures = state.type === "unreadable" ? this.#failures + 1 : 0;
    if (this.#failures === 1) return;
    this.#forget();
    this.#become(state);
  }

  /** Takes the messages of the page, or says why there are none. */
  async #takeFromPage(): Promise<Taken | PageState> {
    const listenTo = JSON.stringify([...this.#listeners.keys()]);
    try {
      const answer = await evaluate(
        this.#window,
        hookExpression("take", this.#panelId, listenTo),
      );
      if (answer === null || answer === undefined) return this.#absent();
      const version = versionOf(answer) ?? HOOK_VERSION;
      if (version === HOOK_VERSION) return takenFrom(answer);
      return { type: "other-version", isNewer: version > HOOK_VERSION };
    } catch (error) {
      return { type: "unreadable", message: (error as Error).message };
    }
  }

  /** A page that has just loaded may not have run Rondo yet. */
  #absent(): PageState {
    const isEarly = performance.now() < this.#graceEndsMs;
    return { type: isEarly ? "asking" : "absent" };
  }

  #take({ hookId, engines, messages }: Taken): void {
    this.#failures = 0;
    if (hookId !== this.#hookId) {
      this.#forget();
      // Its engines are new ones, even with the same ids.
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
    // Snapshots are polled: a hidden panel needs none.
    if (method === "memory" && !this.#isShown)
      await new Promise<void>((resolve) => this.#waitingForView.push(resolve));
    if (hookId !== this.#hookId) throw pageIsGone();
    const callId = ++this.#lastCall;
    let abort = () => {};
    try {
      return await new Promise((resolve, reject) => {
        this.#calls.set(callId, { onProgress, resolve, reject });
        this.#begin(callId, engineId, method, args).catch(reject);
        abort = () => {
          reject(signal!.reason as Error);
          void this.#stop(callId);
        };
        signal?.addEventListener("abort", abort);
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
    const answer = await evaluate(
      this.#window,
      hookExpression("call", this.#panelId, callId, engineId, method, json),
    );
    if (answer !== true) throw pageIsGone();
    this.#pollWithin(BUSY_MS);
  }

  async #stop(callId: number): Promise<void> {
    const expression = hookExpression("abort", this.#panelId, callId);
    // If the page is gone, so is the call.
    await evaluate(this.#window, expression).catch(() => {});
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

  /** The page is gone: rejects pending calls. */
  #forget(): void {
    this.#hookId = undefined;
    this.#engines = [];
    this.#listeners.clear();
    for (const call of this.#calls.values()) call.reject(pageIsGone());
  }

  #become(state: PageState): void {
    const isNew = JSON.stringify(state) !== JSON.stringify(this.#state);
    this.#state = state;
    if (isNew) this.#onChange();
  }

  #pollLater(): void {
    const isUnsure = this.#failures === 1 || this.#state.type === "asking";
    const isWaiting = this.#calls.size > 0 || isUnsure;
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

/** Drops missing optional arguments: JSON would turn them into null. */
function argumentsJson(args: readonly unknown[]): string {
  const count = args.findLastIndex((arg) => arg !== undefined) + 1;
  return JSON.stringify(args.slice(0, count));
}

function errorOf({ name, message }: { name: string; message: string }): Error {
  if (name === "AbortError") return new DOMException(message, name);
  return Object.assign(new Error(message), { name });
}

function pageIsGone(): Error {
  return new Error("The page was closed or reloaded.");
}
