/** The models there are to choose from: which are on this device, and what one would take. */
import type { ChatEngine } from "../../../engine/api/chat-engine";
import type {
  StoredModel,
  ModelPlan,
  ModelSource,
} from "../../../engine/api/models";
import { asError } from "../../base/as-error";
import {
  engineOptions,
  type LoadPreferences,
  type ModelWish,
} from "./model-request";

export interface ModelsHost {
  engine(): ChatEngine | undefined;
  preferences(): LoadPreferences;
  changed(): void;
}

/** A model that was asked about. */
export interface Lookup {
  wish: ModelWish;
  /** What was asked about first: another file, or other options, may have been chosen since. */
  about: ModelSource;
  isRunning: boolean;
  /** What it would take; of the question before this one, while it is looked up. */
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
  /** Why they could not be listed, or one not be deleted. */
  error: Error | undefined;

  constructor(host: ModelsHost) {
    this.#host = host;
  }

  /** Asks the engine which models are on this device. */
  async refresh(): Promise<void> {
    const listing = ++this.#listings;
    const list = async (engine: ChatEngine) => {
      const kept = await engine.listModels();
      if (listing === this.#listings) this.kept = kept;
    };
    await this.#try(list);
  }

  /** Removes a model from this device. Says whether that went well. */
  async delete(id: string): Promise<boolean> {
    const isDone = await this.#try((engine) => engine.deleteModel(id));
    if (isDone) await this.refresh();
    return isDone;
  }

  /** Looks up what loading it would take. */
  async look(wish: ModelWish): Promise<void> {
    const engine = this.#host.engine();
    if (engine === undefined) return;
    this.#looking.abort();
    this.#looking = new AbortController();
    const { signal } = this.#looking;
    const { about = wish.source, plan } = this.lookup ?? {};
    const show = (news: Partial<Lookup>) => {
      if (signal.aborted) return;
      this.lookup = {
        ...{ wish, about, plan, isRunning: false, error: undefined },
        ...news,
      };
      this.#host.changed();
    };
    show({ isRunning: true });
    try {
      const options = engineOptions(wish, this.#host.preferences());
      show({
        plan: await engine.planModel(wish.source, { ...options, signal }),
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
