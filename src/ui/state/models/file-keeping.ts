/**
 * Keeps the files of a model that the user opened on this device. It asks first; the answer is remembered for the
 * next files. The model loads meanwhile, and works until the page is closed if its files are not kept.
 *
 *   asking ──> keeping ──> kept
 *      │        │  ▲ └──> failed ──> keeping
 *      ▼        ▼  │
 *       not kept ──┘
 */
import type { ChatEngine } from "../../../engine/api/chat-engine";
import { nameOfFiles } from "../../../model/hub/device-name";
import { asError } from "../../base/as-error";

/** What the user can do about it. */
export type FileAction = "keep" | "refuse" | "stop" | "dismiss";

/** As the page shows it. */
export interface ShownFile {
  readonly name: string;
  readonly totalBytes: number;
  readonly state: "asking" | "keeping" | "not kept" | "failed";
  readonly loadedBytes: number;
  /** Why it could not be kept. */
  readonly error?: Error;
}

export interface FileKeepingHost {
  changed(): void;
  kept(name: string): void;
}

/** "yes" or "no"; whatever else is no answer. */
const ANSWER_KEY = "rondo.keeps-files";

export class FileKeeping {
  readonly files: readonly File[];
  /** Undefined where there is nothing to show: it is kept, or was dismissed. */
  shown: ShownFile | undefined;
  readonly #engine: ChatEngine;
  readonly #host: FileKeepingHost;
  readonly #about: Pick<ShownFile, "name" | "totalBytes">;
  #stopping = new AbortController();

  constructor(
    engine: ChatEngine,
    files: readonly File[],
    host: FileKeepingHost,
  ) {
    this.#engine = engine;
    this.#host = host;
    this.files = files;
    this.#about = {
      name: nameOfFiles(files),
      totalBytes: files.reduce((sum, { size }) => sum + size, 0),
    };
    const answer = remembered();
    if (answer === "yes") void this.#keep();
    else this.#show(answer === "no" ? "not kept" : "asking");
  }

  take(action: FileAction): void {
    switch (action) {
      case "keep":
        remember("yes");
        return void this.#keep();
      case "refuse":
        remember("no");
        return this.#show("not kept");
      case "stop":
        return this.stop();
      case "dismiss":
        return this.#hide();
      default:
        action satisfies never;
    }
  }

  /** Nothing of unfinished files is left. */
  stop(): void {
    if (this.shown?.state === "keeping") this.#show("not kept");
    this.#stopping.abort();
  }

  async #keep(): Promise<void> {
    this.#stopping = new AbortController();
    const { signal } = this.#stopping;
    this.#show("keeping");
    try {
      await this.#engine.keepModel(this.files, {
        signal,
        onProgress: ({ loadedBytes }) => {
          if (!signal.aborted) this.#show("keeping", { loadedBytes });
        },
      });
      this.#hide();
      this.#host.kept(this.#about.name);
    } catch (thrown) {
      if (signal.aborted) return;
      this.#show("failed", { error: asError(thrown) });
    }
  }

  #show(state: ShownFile["state"], more: Partial<ShownFile> = {}): void {
    this.shown = { ...this.#about, state, loadedBytes: 0, ...more };
    this.#host.changed();
  }

  #hide(): void {
    this.shown = undefined;
    this.#host.changed();
  }
}

function remembered(): string | null {
  try {
    return localStorage.getItem(ANSWER_KEY);
  } catch {
    return null;
  }
}

function remember(answer: "yes" | "no"): void {
  try {
    localStorage.setItem(ANSWER_KEY, answer);
  } catch {
    // No storage: the next files are asked about again.
  }
}
