/** One panel's connection: its calls, the engines it listens to, and the messages it has yet to take. */
import type { MemorySource } from "../../engine/api/kv-memory";
import { callMethod } from "./devtools-methods";
import type { HookMessage } from "./devtools-protocol";

/** @throws Error where the page has no such engine, or has closed it */
export type FindEngine = (id: number) => MemorySource;

export class DevtoolsVisit {
  readonly #find: FindEngine;
  readonly #calls = new Map<number, AbortController>();
  /** The engines listened to; weak, so that the page can still drop them. */
  readonly #listened = new Map<number, WeakRef<MemorySource>>();
  /** How to stop listening to each; weak too, since the function may hold the engine. */
  readonly #unlisten = new WeakMap<MemorySource, () => void>();
  /** Messages as JSON, by key; a call's later progress replaces the earlier. */
  readonly #outbox = new Map<string, string>();
  #sentCount = 0;

  constructor(find: FindEngine) {
    this.#find = find;
  }

  async call(
    callId: number,
    engineId: number,
    method: string,
    argsJson: string,
  ): Promise<void> {
    const stop = new AbortController();
    this.#calls.set(callId, stop);
    try {
      const engine = this.#find(engineId);
      const result = await callMethod(engine, method, argsJson, {
        signal: stop.signal,
        onProgress: (progress) =>
          this.#send({ type: "progress", callId, progress }),
      });
      this.#send({ type: "result", callId, result });
    } catch (error) {
      const { name, message } =
        error instanceof Error ? error : new Error(String(error));
      this.#send({ type: "error", callId, error: { name, message } });
    } finally {
      this.#calls.delete(callId);
    }
  }

  abort(callId: number): void {
    this.#calls.get(callId)?.abort();
  }

  /** Listens to the notices of these engines, and of no others. */
  listenTo(engineIds: readonly number[]): void {
    for (const [id, ref] of this.#listened) {
      if (engineIds.includes(id)) continue;
      const engine = ref.deref();
      if (engine) this.#unlisten.get(engine)?.();
      this.#listened.delete(id);
    }
    for (const id of engineIds) {
      if (this.#listened.has(id)) continue;
      const engine = this.#find(id);
      const unlisten = engine.onNotice((notice) =>
        this.#send({ type: "notice", engineId: id, notice }),
      );
      this.#listened.set(id, new WeakRef(engine));
      this.#unlisten.set(engine, unlisten);
    }
  }

  /** Returns the waiting messages as a JSON array, and clears them. */
  take(): string {
    const messages = [...this.#outbox.values()].join(",");
    this.#outbox.clear();
    return `[${messages}]`;
  }

  /** Aborts the calls of a panel that is gone. */
  end(): void {
    this.listenTo([]);
    for (const stop of this.#calls.values()) stop.abort();
  }

  #send(message: HookMessage): void {
    const isProgress = message.type === "progress";
    const key = isProgress ? `of ${message.callId}` : `${++this.#sentCount}`;
    this.#outbox.set(key, JSON.stringify(message));
  }
}
