/**
 * A signal that is aborted when one of these is, with its reason. Browsers before AbortSignal.any (Chrome 116,
 * Safari 17.4) have only this.
 */
export function anySignal(signals: readonly (AbortSignal | undefined)[]): {
  signal: AbortSignal;
  release: () => void;
} {
  const controller = new AbortController();
  const given = signals.filter((signal) => signal !== undefined);
  const abort = ({ target }: Pick<Event, "target">) =>
    controller.abort((target as AbortSignal).reason);
  for (const signal of given) {
    if (signal.aborted) abort({ target: signal });
    else signal.addEventListener("abort", abort);
  }
  return {
    signal: controller.signal,
    release: () => {
      for (const signal of given) signal.removeEventListener("abort", abort);
    },
  };
}
