/** Whether a browser's user was told that there is no GPU. */
const KEY = "rondo.told-of-cpu";

/** Whether it is to be told now; then it is not the next time. */
export function isFirstTold(): boolean {
  try {
    if (localStorage.getItem(KEY) !== null) return false;
    localStorage.setItem(KEY, "yes");
  } catch {
    // No storage: it is told at each visit.
  }
  return true;
}
