/** The models on this device, and lookups of others. */
import type { ChatEngine } from "../../../engine/api/chat-engine";
import type {
  StoredModel,
  ModelPlan,
  ModelSource,
} from "../../../engine/api/models";
import { isServerSource } from "../../../engine/api/server-source";
import { asError } from "../../base/as-error";
import {
  engineOptions,
  type LoadPreferences,
  type ModelRequest,
} from "./model-request";

export interface ModelsHost {
  engine(): ChatEngine | undefined;
  preferences(): LoadPreferences;
  changed(): void;
}

/** A lookup of a model. */
export interface Lookup {
  request: ModelRequest;
  /** The first source looked up: another file, or other options, may be chosen since. */
  about: ModelSource;
  isRunning: boolean;
  /** The plan; while a lookup runs, that of the previous one. */
  plan: ModelPlan | undefined;
  error: Error | undefined;
}

export class Models {
  readonly #host: ModelsHost;
  #looking = new AbortController();
  #listings = 0;

  /** On this device, in part or whole. */
  kept: readonly StoredModel[] = [];
  lookup: Lookup | undefined;
  /** Why listing or deleting failed. */
  error: Error | undefined;

  constructor(host: ModelsHost) {
    this.#host = host;
  }

  /** Lists the models on this device. */
  async refresh(): Promise<void> {
    const listing = ++this.#listings;
    const list = async (engine: ChatEngine) => {
      const kept = await engine.listModels();
      if (listing === this.#listings) this.kept = kept;
    };
    await this.#try(list);
  }

  /** Deletes a model from this device. Resolves with whether that succeeded. */
  async delete(id: string): Promise<boolean> {
    const isDone = await this.#try((engine) => engine.deleteModel(id));
    if (isDone) await this.refresh();
    return isDone;
  }

  /** Plans a load of the model. */
  async look(request: ModelRequest): Promise<void> {
    const engine = this.#host.engine();
    const { source } = request;
    // A server's model takes nothing of this device.
    if (engine === undefined || isServerSource(source)) return;
    this.#looking.abort();
    this.#looking = new AbortController();
    const { signal } = this.#looking;
    const { about = request.source, plan } = this.lookup ?? {};
    const show = (news: Partial<Lookup>) => {
      if (signal.aborted) return;
      this.lookup = {
        ...{ request, about, plan, isRunning: false, error: undefined },
        ...news,
      };
      this.#host.changed();
    };
    show({ isRunning: true });
    try {
      const { refresh: _, ...options } = engineOptions(
        request,
        this.#host.preferences(),
      );
      show({
        plan: await engine.planModel(source, { ...options, signal }),
      });
    } catch (thrown) {
      show({ error: asError(thrown) });
    }
  }

  endLookup(): void {
    this.#looking.abort();
    this.lookup = undefined;
    this.#host.changed();
  }

  async #try(doing: (engine: ChatEngine) => Promise<void>): Promise<boolean> {
    const engine = this.#host.engine();
    if (engine === undefined) return false;
    this.error = undefined;
    try {
      await doing(engine);
    } catch (thrown) {
      this.error = asError(thrown);
    }
    this.#host.changed();
    return this.error === undefined;
  }
}
