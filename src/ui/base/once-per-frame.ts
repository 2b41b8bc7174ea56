/** A page in the background paints no frames; it is still brought up to date this often. */
const HIDDEN_PAGE_MS = 500;

/** Makes of many calls one call of `callback` before the next painting. */
export function oncePerFrame(callback: () => void): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    const run = () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      isDue = false;
      callback();
    };
    const frame = requestAnimationFrame(run);
    const timer = setTimeout(run, HIDDEN_PAGE_MS);
  };
}
