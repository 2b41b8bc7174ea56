/** Background pages paint no frames; they update this often. */
const HIDDEN_PAGE_MS = 500;

/** Coalesces calls into one call of `callback` before the next frame. */
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
