/**
 * The page with a fake engine, to look at while one works on it: `npx vite`, then
 * /test/ui/preview.html?scene=… with a name from below. Not part of the build.
 */
import type { ChatHistory } from "../../src/engine/api/chats";
import type { StoredModel, ModelPlan } from "../../src/engine/api/models";
import { followAddress } from "../../src/ui/element/address";
import "../../src/ui/define";
import { KNOWN_MODELS } from "../../src/ui/state/models/known-models";
import { MemoryDock } from "../../src/ui/memory/memory-dock";
import {
  fakeReceipt,
  FakeReply,
  namedError,
  receiptWith,
} from "../support/fake-calls";
import {
  FakeEngine,
  storeError,
  type FakeScript,
} from "../support/fake-engine";
import { FakeMemorySource } from "../support/fake-memory-source";
import { keptChat, keptDocument } from "../support/kept-chat";
import { longSnapshot } from "../support/memory-snapshots";
import { selfMoving } from "../support/self-moving";

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

The volume of a loaf is about $V = \\frac{4}{3}\\pi r^3$, for $5 or $10, with $x \\in \\mathbb{R}^n$ and $\\hat{\\theta} = \\arg\\max_\\theta \\mathcal{L}(\\theta)$:

$$
\\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt{\\pi}}{2}, \\qquad
A = \\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}, \\qquad \\boxed{\\sum_{i=1}^{n} i = \\frac{n(n+1)}{2}}
$$

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
const ready: FakeScript = { ...moving, load: (load) => load.finish() };

/** Chats of today and before; the last one broke off in the middle of its reply. */
function keptChats(): ChatHistory[] {
  const cut = keptChat(
    "cut",
    [["Tell me about the sea.", "The sea is wide and"]],
    { daysAgo: 9 },
  );
  cut.rounds.at(-1)!.isFinished = false;
  return [
    keptChat(
      "miso",
      [
        ["My cat is called Miso.", "Miso is a lovely name for a cat."],
        ["What is my cat called?", "Your cat is called **Miso**."],
      ],
      { title: "My cat Miso" },
    ),
    keptChat("bread", [["Teach me to bake bread.", LONG_REPLY]], {
      title: "Bread, with a title too long for its place in the list",
    }),
    keptChat("locker", [["My locker code is 4821.", "I will remember."]], {
      daysAgo: 1,
    }),
    cut,
  ];
}

/** A chat of two thousand messages, in which replies attended to some of those before. */
function thousandRounds(): ChatHistory {
  const said = Array.from({ length: 1000 }, (_, i): [string, string] => [
    `Question ${i + 1}: what should I know about bread?`,
    i % 3 === 0 ? LONG_REPLY : "Flour, water, salt and **time**.",
  ]);
  const chat = keptChat("thousand", said, { title: "A thousand rounds" });
  for (const round of chat.rounds.slice(1))
    round.attended = [
      1,
      round.id - 40,
      round.id - 7,
      round.id - 1,
      4000,
    ].filter((id, i, ids) => id > 0 && ids.indexOf(id) === i);
  return chat;
}

const BREAD = `Bread for beginners

Mix flour, water, salt and yeast. Wait for the dough to rise, then bake it.
<img src="https://example.org/beacon.png"> stays text.
`;

/** A chat about a document, with rounds before and behind it. */
function documentChat(): ChatHistory {
  const chat = keptChat("document", [
    ["I want to bake this weekend.", "A fine plan! What do you have at home?"],
    ["What do I need first?", "**Flour**, water, salt and yeast."],
    ["And then?", "Wait for the dough to rise, then bake it."],
  ]);
  const notes = { name: "bread-for-beginners.md", text: BREAD.repeat(30) };
  chat.rounds.splice(1, 0, keptDocument(4, notes));
  chat.summary.title = "Bread from a document";
  return chat;
}

/** Of a turn late in a long chat. */
const longReceipt = receiptWith({
  cachedTokens: 1840,
  restoredTokens: 1840,
  prefilledTokens: 12,
  attention: {
    ...fakeReceipt.kv.attention,
    roundCount: 41,
    attended: [40, 12, 3].map((id) => ({ id, reason: "mass", mass: 0.3 })),
    kvBytes: 39,
    fullKvBytes: 100,
  },
  fusion: {
    ...fakeReceipt.kv.fusion,
    staleRounds: 3,
    staleTokens: 210,
    repairedTokens: 32,
  },
});

const [, SMOL = "", , MIDDLE = "", QWEN = ""] = KNOWN_MODELS.map(
  ({ id }) => id,
);

/** One that is known and whole, one that is half here, one that nobody knows. */
const keptModels = (): StoredModel[] => [
  { id: SMOL, keptBytes: 145e6, totalBytes: 145e6, usedMs: 3 },
  { id: MIDDLE, keptBytes: 154e6, totalBytes: 386e6, usedMs: 2 },
  {
    id: "someone/a-model-with-quite-a-long-name-GGUF/a-model-with-quite-a-long-name-Q4_0.gguf",
    keptBytes: 812e6,
    totalBytes: 812e6,
    usedMs: 1,
  },
];

/** What loading models would take. */
function plans(): [source: string, plan: ModelPlan][] {
  const file = (bits: string) =>
    `${QWEN.split("/", 2).join("/")}/qwen2.5-0.5b-instruct-${bits}.gguf`;
  const plan: ModelPlan = {
    id: QWEN,
    name: "Qwen2.5-0.5B-Instruct",
    architecture: "Qwen2ForCausalLM",
    contextTokens: 32768,
    choices: ["q4_0", "q5_0", "q8_0"].map((bits, i) => ({
      id: file(bits),
      name: `qwen2.5-0.5b-instruct-${bits}.gguf`,
      bytes: 429e6 + i * 120e6,
    })),
    downloadBytes: 429e6,
    hasUpdate: true,
    weightBytes: 429e6,
    bitsPerWeight: 5.2,
    fileBitsPerWeight: 4.8,
    workspaceBytes: 80e6,
    kvBytesPerToken: 12288,
    misfit: undefined,
  };
  const large: ModelPlan = {
    ...plan,
    id: "org/large",
    name: "large",
    architecture: "LlamaForCausalLM",
    choices: [],
    downloadBytes: 16.1e9,
    hasUpdate: false,
    weightBytes: 16.1e9,
    kvBytesPerToken: 131072,
    misfit: {
      message:
        "Its weights take 16.1 GB, and this GPU lends 8.0 GB. With 4 bits a weight they take 4.5 GB.",
      proposal: { weightBits: 4 },
    },
  };
  return [
    [QWEN, plan],
    [file("q8_0"), { ...plan, id: file("q8_0"), downloadBytes: 676e6 }],
    ["org/large", large],
  ];
}

/** So many that one searches among them. */
function manyChats(): ChatHistory[] {
  const topics = ["the moon", "Crème brûlée", "a holiday in Oslo", "chess"];
  return topics.flatMap((topic, i) => [
    keptChat(topic, [[`Tell me about ${topic}.`, `Gladly. ${LONG_REPLY}`]], {
      daysAgo: i,
    }),
    keptChat(`${topic} 2`, [[`Why ${topic}?`, "Because it is there."]], {
      daysAgo: i + 1,
    }),
  ]);
}

/** So many that the list scrolls. */
function fortyChats(): ChatHistory[] {
  return Array.from({ length: 40 }, (_, i) =>
    keptChat(
      `forty ${i}`,
      [[`Question ${i + 1} about bread and salt?`, "Flour and **time**."]],
      { daysAgo: Math.floor(i / 4) },
    ),
  );
}

const scenes: Record<string, FakeScript> = {
  live: moving,
  kept: { ...ready, chats: keptChats() },
  many: { ...ready, chats: [...keptChats(), ...manyChats()] },
  forty: { ...ready, chats: [...keptChats(), ...fortyChats()] },
  restoring: {
    ...ready,
    chats: keptChats(),
    restore: (restore) => restore.progress(1240, 1840),
  },
  receipt: {
    ...ready,
    chats: keptChats(),
    restore: (restore) => restore.finish(),
    reply(reply) {
      reply.text("Your cat is called **Miso**.");
      reply.end(longReceipt);
    },
  },
  document: {
    ...ready,
    chats: [documentChat(), ...keptChats()],
    restore: (restore) => restore.finish(),
  },
  failing: {
    ...ready,
    chats: [documentChat()],
    restore: (restore) => restore.finish(),
    reply: (reply) =>
      reply.fail(namedError("DeviceLostError", "The driver was reset.")),
  },
  attaching: {
    ...ready,
    chats: [documentChat()],
    restore: (restore) => restore.finish(),
    attach: (attach) => attach.progress(410, 1024),
  },
  elsewhere: { ...ready, chats: keptChats(), busy: ["miso"] },
  quota: { ...ready, chats: keptChats() },
  unkept: {
    ...ready,
    storeError: storeError(
      "unavailable",
      "Could not read the chats: this page may not store data. Allow site data in the browser's settings.",
    ),
  },
  long: selfMoving(LONG_REPLY, 5),
  thousand: {
    ...ready,
    chats: [thousandRounds(), ...keptChats()],
    restore: (restore) => restore.finish(),
  },
  models: { ...ready, chats: keptChats(), models: keptModels() },
  downloading: {
    load: async (load) => {
      for (let megabytes = 120; megabytes < 386; megabytes += 2) {
        if (load.options.signal?.aborted) return;
        load.download(megabytes * 1e6, 386e6);
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
      load.finish();
    },
  },
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

/** A message that was said in three ways, and memory that is not exact since. */
function prepareVersions(engine: FakeEngine): void {
  for (const message of [
    "I want to bake today.",
    "I want to bake on Sunday.",
  ]) {
    const [first, second] = engine.kept[0]!.rounds;
    const place = { behind: 0, before: second!.id };
    const reply = engine.chat("document", message, { place });
    if (first && reply instanceof FakeReply) {
      reply.text("Then you have time to let the dough rise.");
      reply.end();
    }
  }
  setTimeout(
    () => engine.emit({ type: "healing", chatId: "document", roundsLeft: 3 }),
    1000,
  );
}

const name = new URLSearchParams(location.search).get("scene") ?? "live";
const chat = document.querySelector("rondo-chat");
if (chat) {
  followAddress(chat);
  const engine = new FakeEngine(scenes[name]);
  for (const [source, plan] of plans()) engine.plans.set(source, plan);
  chat.engine = engine;
  if (name === "document") prepareVersions(engine);
  if (name === "quota") {
    const message = "This browser has no room left for the chat. Delete chats.";
    engine.emit({ type: "store-trouble", reason: "quota", message });
  }
  chat.model = "models/rondo-tiny/";
  const aside = document.querySelector<HTMLElement>("#memory");
  if (aside) new MemoryDock(chat, aside, new FakeMemorySource(longSnapshot()));
}
