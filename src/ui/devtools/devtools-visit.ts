/** One panel that looks at the page: the calls it began, whom it listens to, and what it has yet to take. */
import type { MemorySource } from "../../engine/api/kv-memory";
import { callMethod } from "./devtools-methods";
import type { HookMessage } from "./devtools-protocol";

/** @throws Error where the page has no such engine, or has let it go */
export type FindEngine = (id: number) => MemorySource;

export class DevtoolsVisit {
  readonly #find: FindEngine;
  readonly #calls = new Map<number, AbortController>();
  /** The engines that are listened to, of which the page may let go meanwhile. */
  readonly #heard = new Map<number, WeakRef<MemorySource>>();
  /** How to stop hearing each of them: what an engine returns for that may hold the engine itself. */
  readonly #deafen = new WeakMap<MemorySource, () => void>();
  /** Messages as JSON. Of a call's progress there is only the last. */
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

  /** Hears the notices of these engines from now on, and of no others. */
  listenTo(engineIds: readonly number[]): void {
    for (const [id, ref] of this.#heard) {
      if (engineIds.includes(id)) continue;
      const engine = ref.deref();
      if (engine) this.#deafen.get(engine)?.();
      this.#heard.delete(id);
    }
    for (const id of engineIds) {
      if (this.#heard.has(id)) continue;
      const engine = this.#find(id);
      const deafen = engine.onNotice((notice) =>
        this.#send({ type: "notice", engineId: id, notice }),
      );
      this.#heard.set(id, new WeakRef(engine));
      this.#deafen.set(engine, deafen);
    }
  }

  /** What there is to tell, as a JSON array; it is told once. */
  take(): string {
    const messages = [...this.#outbox.values()].join(",");
    this.#outbox.clear();
    return `[${messages}]`;
  }

  /** What was begun for a panel that is gone is of no use to anybody. */
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
