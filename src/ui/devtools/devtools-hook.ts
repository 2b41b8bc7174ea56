/**
 * The page's side of the DevTools panel: one global property through which a panel calls the MemorySource of each
 * engine. It costs nothing until a panel asks, keeps no engine alive, and drops panels that stop asking.
 */
import type { MemorySource } from "../../engine/api/kv-memory";
import {
  HOOK_NAME,
  HOOK_VERSION,
  type Hook,
  type OfferedEngine,
  type Taken,
} from "./devtools-protocol";
import { DevtoolsVisit } from "./devtools-visit";

/**
 * A panel that polled nothing for this long is gone: closing DevTools sends no event. Longer than the second that a
 * hidden panel may take between two polls.
 */
const GONE_AFTER_MS = 30_000;

/**
 * Lets the Rondo panel of the browser's DevTools show an engine's memory. `<rondo-chat>` does this with the
 * engine it is given.
 *
 * @param name the engine's name in the panel, where there are several
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

interface Offer {
  name: string;
  ref: WeakRef<MemorySource>;
}

interface Visitor {
  visit: DevtoolsVisit;
  goneTimer?: ReturnType<typeof setTimeout>;
}

export class DevtoolsHook implements Hook {
  readonly version = HOOK_VERSION;
  readonly #id = Math.random().toString(36).slice(2);
  readonly #offers = new Map<number, Offer>();
  #lastEngineId = 0;
  readonly #visitors = new Map<string, Visitor>();

  offer(engine: MemorySource, name?: string): void {
    for (const { ref } of this.#offers.values())
      if (ref.deref() === engine) return;
    const id = ++this.#lastEngineId;
    this.#offers.set(id, {
      name: name ?? `Engine ${id}`,
      ref: new WeakRef(engine),
    });
  }

  call(
    panelId: string,
    callId: number,
    engineId: number,
    method: string,
    argsJson: string,
  ): boolean {
    void this.#visit(panelId).call(callId, engineId, method, argsJson);
    return true;
  }

  abort(panelId: string, callId: number): boolean {
    this.#visit(panelId).abort(callId);
    return true;
  }

  take(panelId: string, listenJson: string): string {
    const visit = this.#visit(panelId);
    const engines = this.#offered();
    const wanted = JSON.parse(listenJson) as number[];
    visit.listenTo(
      engines.map(({ id }) => id).filter((id) => wanted.includes(id)),
    );
    const about: Omit<Taken, "messages"> = {
      version: HOOK_VERSION,
      hookId: this.#id,
      engines,
    };
    return `${JSON.stringify(about).slice(0, -1)},"messages":${visit.take()}}`;
  }

  /** Engines that the page still has, and has not closed. */
  #offered(): OfferedEngine[] {
    for (const [id, { ref }] of this.#offers) {
      const engine = ref.deref();
      if (engine === undefined || engine.isClosed) this.#offers.delete(id);
    }
    return [...this.#offers].map(([id, { name }]) => ({ id, name }));
  }

  #visit(panelId: string): DevtoolsVisit {
    const visitor = this.#visitors.get(panelId) ?? {
      visit: new DevtoolsVisit((id) => this.#engine(id)),
    };
    this.#visitors.set(panelId, visitor);
    clearTimeout(visitor.goneTimer);
    visitor.goneTimer = setTimeout(() => {
      this.#visitors.delete(panelId);
      visitor.visit.end();
    }, GONE_AFTER_MS);
    return visitor.visit;
  }

  #engine(id: number): MemorySource {
    const engine = this.#offers.get(id)?.ref.deref();
    if (engine === undefined)
      throw new Error("The page has closed this engine.");
    return engine;
  }
}
