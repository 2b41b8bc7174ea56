/**
 * The page's side of the DevTools panel: one global property, under which the page's engines can be asked
 * what a MemorySource tells. It costs nothing until a panel asks, keeps no engine alive that the page has
 * let go, and forgets a panel that has stopped asking.
 */
import type { MemorySource } from "../engine/memory-snapshot";
import { callMethod } from "./devtools-methods";
import {
  HOOK_NAME,
  HOOK_VERSION,
  type Hook,
  type HookMessage,
  type OfferedEngine,
  type Taken,
} from "./devtools-protocol";

/**
 * A panel that took nothing for so long is gone: nobody tells when DevTools is closed. More than the second
 * that a hidden panel may take between two looks.
 */
const GONE_AFTER_MS = 30_000;

/**
 * Lets the Rondo panel of the browser's DevTools show an engine's memory. `<rondo-chat>` does this with the
 * engine it is given.
 *
 * @param name what the panel calls it where there are several
 */
export function offerToDevtools(engine: MemorySource, name?: string): void {
  const key = Symbol.for(HOOK_NAME);
  const page = globalThis as { [key]?: Hook };
  // Several copies of the library in a page share one hook.
  if (page[key] === undefined)
    Object.defineProperty(page, key, {
      value: new DevtoolsHook(),
      configurable: true,
    });
  page[key]!.offer(engine, name);
}

export class DevtoolsHook implements Hook {
  readonly version = HOOK_VERSION;
  readonly #id = Math.random().toString(36).slice(2);
  readonly #engines = new Map<
    number,
    { name: string; ref: WeakRef<MemorySource> }
  >();
  #lastEngineId = 0;
  readonly #calls = new Map<string, AbortController>();
  /** How to stop hearing each engine that is listened to. */
  readonly #deafen = new Map<number, () => void>();
  /** Messages as JSON. Of a call's progress there is only the last. */
  readonly #outbox = new Map<string, string>();
  #sentCount = 0;
  #goneTimer: ReturnType<typeof setTimeout> | undefined;

  offer(engine: MemorySource, name?: string): void {
    for (const { ref } of this.#engines.values())
      if (ref.deref() === engine) return;
    const id = ++this.#lastEngineId;
    this.#engines.set(id, {
      name: name ?? `Engine ${id}`,
      ref: new WeakRef(engine),
    });
  }

  call(
    callId: string,
    engineId: number,
    method: string,
    argsJson: string,
  ): boolean {
    const stop = new AbortController();
    this.#calls.set(callId, stop);
    void this.#answer(callId, engineId, method, argsJson, stop.signal);
    return true;
  }

  abort(callId: string): boolean {
    this.#calls.get(callId)?.abort();
    return true;
  }

  take(listenJson: string): string {
    clearTimeout(this.#goneTimer);
    this.#goneTimer = setTimeout(() => this.#letGo(), GONE_AFTER_MS);
    this.#listenTo(JSON.parse(listenJson) as number[]);
    const about: Omit<Taken, "messages"> = {
      version: HOOK_VERSION,
      hookId: this.#id,
      engines: this.#offered(),
    };
    const messages = [...this.#outbox.values()].join(",");
    this.#outbox.clear();
    return `${JSON.stringify(about).slice(0, -1)},"messages":[${messages}]}`;
  }

  /** Engines that the page still has. */
  #offered(): OfferedEngine[] {
    for (const [id, { ref }] of this.#engines)
      if (ref.deref() === undefined) this.#engines.delete(id);
    return [...this.#engines].map(([id, { name }]) => ({ id, name }));
  }

  #engine(id: number): MemorySource {
    const engine = this.#engines.get(id)?.ref.deref();
    if (engine === undefined)
      throw new Error("The page has let this engine go.");
    return engine;
  }

  async #answer(
    callId: string,
    engineId: number,
    method: string,
    argsJson: string,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      const result = await callMethod(
        this.#engine(engineId),
        method,
        argsJson,
        {
          signal,
          onProgress: (progress) =>
            this.#send({ type: "progress", callId, progress }),
        },
      );
      this.#send({ type: "result", callId, result });
    } catch (error) {
      const { name, message } =
        error instanceof Error ? error : new Error(String(error));
      this.#send({ type: "error", callId, error: { name, message } });
    } finally {
      this.#calls.delete(callId);
    }
  }

  #listenTo(engineIds: readonly number[]): void {
    for (const [id, deafen] of this.#deafen) {
      if (engineIds.includes(id)) continue;
      deafen();
      this.#deafen.delete(id);
    }
    for (const id of engineIds) {
      const engine = this.#engines.get(id)?.ref.deref();
      if (engine === undefined || this.#deafen.has(id)) continue;
      const hear = engine.onNotice((notice) =>
        this.#send({ type: "notice", engineId: id, notice }),
      );
      this.#deafen.set(id, hear);
    }
  }

  #send(message: HookMessage): void {
    const isProgress = message.type === "progress";
    const key = isProgress ? message.callId : `#${++this.#sentCount}`;
    this.#outbox.set(key, JSON.stringify(message));
  }

  /** What a panel began that is gone is of no use to anybody. */
  #letGo(): void {
    this.#listenTo([]);
    for (const stop of this.#calls.values()) stop.abort();
    this.#outbox.clear();
  }
}
