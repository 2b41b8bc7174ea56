/** Waiting for turns of the event loop, without the milliseconds that browsers add to timers. */

const waiting: (() => void)[] = [];
const { port1, port2 } = new MessageChannel();
port1.onmessage = () => waiting.shift()!();

/** Resolves in the next turn: what was asked of the browser before may have been answered by then. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    port2.postMessage(undefined);
  });
}

/** Waits for up to `most` turns, so that things end in another order than that in which they began. */
export async function someTurns(
  random: () => number,
  most: number,
): Promise<void> {
  for (let left = Math.floor(random() * (most + 1)); left > 0; left--)
    await nextTurn();
}
