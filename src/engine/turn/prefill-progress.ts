/** Progress of a prefill: work is counted in rows times layers, and reported in tokens. */
export interface PrefillProgress {
  doneTokens: number;
  /** A token counts by the share of its layers that are done. */
  totalTokens: number;
}

export class PrefillWork {
  done = 0;
  total = 0;
  readonly #layerCount: number;

  constructor(layerCount: number) {
    this.#layerCount = layerCount;
  }

  get progress(): PrefillProgress {
    const tokens = (work: number) => Math.floor(work / this.#layerCount);
    return {
      doneTokens: tokens(Math.min(this.done, this.total)),
      totalTokens: tokens(this.total),
    };
  }
}
