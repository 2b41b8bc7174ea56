/** A script for the fake engine that runs by itself, for the preview. */
import type { FakeScript } from "./fake-engine";

/** A script that loads in steps and answers `text` word by word. */
export function selfMoving(text: string, delayMs: number): FakeScript {
  const pause = () => new Promise((resolve) => setTimeout(resolve, delayMs));
  return {
    load: async (load) => {
      for (let part = 0; part <= 10; part++) {
        load.weights((part / 10) * 6_896_400, 6_896_400);
        await pause();
      }
      load.finish();
    },
    reply: async (reply) => {
      for (let done = 0; done < 64; done += 16) {
        reply.prefill(done, 64);
        await pause();
      }
      for (const word of text.split(/(?<=\s)/)) {
        if (reply.signal?.aborted) return;
        reply.text(word);
        await pause();
      }
      reply.end();
    },
    restore: async (restore) => {
      for (let part = 0; part <= 10; part++) {
        restore.progress(Math.round((part / 10) * 1840), 1840);
        await pause();
      }
      restore.finish();
    },
  };
}
