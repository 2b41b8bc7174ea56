/** Files that are dragged over an element and dropped there. */
import type { ReactiveController, ReactiveControllerHost } from "lit";

/** Browsers fire `dragover` at least this often while files are over the element. */
const PAUSE_MS = 600;

export interface FileDropOptions {
  /** Whether files can be dropped now. */
  isOpen(): boolean;
  take(files: readonly File[]): void;
}

export class FileDrop implements ReactiveController {
  readonly #host: ReactiveControllerHost & HTMLElement;
  readonly #options: FileDropOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether files are over the element. */
  isOver = false;

  constructor(
    host: ReactiveControllerHost & HTMLElement,
    options: FileDropOptions,
  ) {
    this.#host = host;
    this.#options = options;
    host.addController(this);
  }

  hostConnected(): void {
    this.#host.addEventListener("dragover", this.#onDragOver);
    this.#host.addEventListener("drop", this.#onDrop);
  }

  hostDisconnected(): void {
    this.#host.removeEventListener("dragover", this.#onDragOver);
    this.#host.removeEventListener("drop", this.#onDrop);
    this.#show(false);
  }

  #onDragOver = (event: DragEvent) => {
    if (event.dataTransfer?.types.includes("Files") !== true) return;
    // Otherwise the browser would leave the page and open the file.
    event.preventDefault();
    const isOpen = this.#options.isOpen();
    event.dataTransfer.dropEffect = isOpen ? "copy" : "none";
    if (isOpen) this.#show(true);
  };

  #onDrop = (event: DragEvent) => {
    const files = [...(event.dataTransfer?.files ?? [])];
    this.#show(false);
    if (files.length === 0) return;
    event.preventDefault();
    if (this.#options.isOpen()) this.#options.take(files);
  };

  /** `dragleave` also fires when a child is entered, so the drag counts as over when no `dragover` comes any more. */
  #show(isOver: boolean): void {
    clearTimeout(this.#timer);
    if (isOver) this.#timer = setTimeout(() => this.#show(false), PAUSE_MS);
    if (isOver === this.isOver) return;
    this.isOver = isOver;
    this.#host.requestUpdate();
  }
}
