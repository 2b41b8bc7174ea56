/**
 * The page with a fake engine, to look at while one works on it: `npx vite`, then
 * /test/ui/preview.html?scene=… with a name from below. Not part of the build.
 */
import "../../src/ui/define";
import {
  FakeEngine,
  namedError,
  selfMoving,
  type FakeScript,
} from "../support/fake-engine";

const LONG_REPLY = `Here is a **short tour** of what a reply may hold, with \`inline code\` and [a link](https://example.org).

## A list

1. Flour, water and salt
2. Yeast, which makes the bread rise
   - fresh
   - or dried
3. Time

\`\`\`ts
export function greet(name: string): string {
  const greeting = \`Hello, \${name}! This line is long enough to need a scrollbar on a narrow screen.\`;
  return greeting;
}
\`\`\`

> Fresh bread smells wonderful.

| Bread | Flour | Minutes |
| --- | --- | ---: |
| Baguette | wheat | 25 |
| Rye | rye, wheat | 55 |
| Pumpernickel, the long and slow one | rye | 960 |

- [x] Bake
- [ ] Eat

<img src="https://example.org/beacon.png"> stays text.`;

const moving = selfMoving("Miso is a lovely name for a cat.", 60);

const scenes: Record<string, FakeScript> = {
  live: moving,
  long: selfMoving(LONG_REPLY, 5),
  loading: { load: (load) => load.weights(3_100_000, 6_896_400) },
  starting: {},
  reading: {
    ...moving,
    load: (load) => load.finish(),
    reply: (reply) => reply.prefill(120, 640),
  },
  writing: {
    load: (load) => load.finish(),
    reply: (reply) => reply.text(LONG_REPLY.slice(0, 420)),
  },
  stopped: {
    load: (load) => load.finish(),
    reply(reply) {
      reply.text("Cats sleep for most of the");
      reply.end({ finishReason: "aborted", replyTokens: 7 });
    },
  },
  unavailable: {
    load: (load) =>
      load.fail(
        namedError(
          "WebGpuUnavailableError",
          "WebGPU is there, but it has no adapter.",
        ),
      ),
  },
  offline: {
    load: (load) =>
      load.fail(
        namedError(
          "ModelFetchError",
          "model.safetensors: the server answered 503 Service Unavailable.",
        ),
      ),
  },
  lost: {
    load: (load) => load.finish(),
    reply(reply) {
      reply.text("Cats sleep for");
      reply.fail(namedError("DeviceLostError", "The driver was reset."));
    },
  },
  full: {
    load: (load) => load.finish(),
    reply: (reply) =>
      reply.fail(
        namedError(
          "ContextFullError",
          "The chat has 2,031 tokens, and the message needs 40 more than the 2,048 there are.",
        ),
      ),
  },
};

const name = new URLSearchParams(location.search).get("scene") ?? "live";
const chat = document.querySelector("rondo-chat");
if (chat) {
  chat.engine = new FakeEngine(scenes[name]);
  chat.model = "models/rondo-tiny/";
}
