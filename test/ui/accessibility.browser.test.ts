import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { page, userEvent } from "vitest/browser";
import type { ModelPlan } from "../../src/engine/api/models";
import { namedError } from "../support/fake-calls";
import { type FakeScript } from "../support/fake-engine";
import { keptChat, keptDocument, keptRound } from "../support/kept-chat";
import { emulate, violations } from "./axe";
import {
  box,
  button,
  choose,
  findAll,
  focused,
  mountChat,
  readyAtOnce,
  say,
  settle,
} from "./mount";

afterEach(() => emulate({}));

const SCENES: Record<string, (chat: HTMLElement) => Promise<void>> = {
  "an empty chat": async () => {},
  "a chat with code, a list and a table": async () => {
    await say("Show me everything.");
    const [reply] = engine.replies;
    reply!.text(
      "# Title\n\nSome `code` and [a link](https://example.org).\n\n- a\n- b\n\n> quote\n\n" +
        "```ts\nconst a = 1;\n```\n\n| a | b |\n| - | - |\n| 1 | 2 |",
    );
    reply!.end();
  },
  "code in all its colours, and formulas": async () => {
    await say("Show me everything.");
    const [reply] = engine.replies;
    const wide = Array.from({ length: 40 }, (_, i) => `x_{${i}}`).join(" + ");
    reply!.text(`So $x^2$ and $$${wide}$$\n\n${COLOURS}`);
    reply!.end();
    await expect
      .poll(() => Math.min(inReply("math"), inReply(".hljs-addition")))
      .toBeGreaterThan(0);
  },
  "what a reply attended to": async () => {
    await showRounds([1, 2, 17]);
    await button("attended to 2 of 3 rounds").click();
    await settle();
    await button("Round 1").click();
  },
  "a reply on its way": async () => {
    await say("Hello!");
    engine.replies[0]!.text("Hi");
  },
  "a prefill": async () => {
    await say("Hello!");
    engine.replies[0]!.prefill(10, 20);
  },
  "a reply that broke off": async () => {
    await say("Hello!");
    engine.replies[0]!.fail(namedError("DeviceLostError"));
  },
  "a question whether to delete": async () => {
    await say("Hello!");
    engine.replies[0]!.end();
    await settle();
    await choose("Hello!", "Delete");
  },
  "settings, one of which cannot be": async () => {
    await button("Settings…").click();
    await settle();
    for (const details of findAll("details")) details.setAttribute("open", "");
    const temperature = page.getByRole("textbox", { name: "Temperature" });
    await temperature.fill("hot");
    await userEvent.keyboard("{Tab}");
    const repair = page.getByRole("textbox", { name: "Repair (r)" });
    await repair.fill("0.5");
    await userEvent.keyboard("{Tab}");
    const memory = page.getByRole("textbox", { name: "Memory for chats" });
    await memory.fill("300");
    await userEvent.keyboard("{Tab}");
  },
  "kept chats, with a menu open": async () => {
    engine.kept = keptChats();
    engine.emit({ type: "chats-changed" });
    await settle();
    await openMenu();
  },
  "a chat that is being renamed": async () => {
    engine.kept = keptChats();
    engine.emit({ type: "chats-changed" });
    await settle();
    await choose("Old", "Rename");
  },
  "chats that were found": async () => {
    engine.kept = [...keptChats(), ...manyChats()];
    engine.emit({ type: "chats-changed" });
    await settle();
    await searchFor("hi", 8);
  },
  "chats of which none is found": async () => {
    engine.kept = manyChats();
    engine.emit({ type: "chats-changed" });
    await settle();
    await searchFor("zebra", 0);
  },
  "a chat that is brought back": async () => {
    engine.kept = keptChats();
    await show("old");
    engine.restores[0]!.progress(10, 20);
  },
  "a chat that another tab writes": async () => {
    engine.kept = keptChats();
    engine.busy.add("old");
    await show("old");
  },
  "a message that is edited, and could not be sent": async () => {
    await showRounds();
    await button("Edit message").first().click();
    await settle();
    await userEvent.keyboard("!{Control>}{Enter}{/Control}");
    await settle();
    engine.replies[0]!.fail(namedError("OutOfMemoryError"));
  },
  "a message that is edited": async () => {
    await showRounds();
    await button("Edit message").first().click();
  },
  "the versions of a round, with its menu open": async () => {
    await showRounds();
    await button("Regenerate").first().click();
    await settle();
    engine.replies[0]!.end();
    await settle();
    await button("Options for this round").click();
  },
  "a question whether to forget a round": async () => {
    await showRounds();
    await button("Options for this round").first().click();
    await settle();
    await button("Delete…").last().click();
  },
  "a document, with its text open": async () => {
    await showRounds();
    await button("Show text").click();
    await settle();
    button("Detach").element().focus();
  },
  "a question whether to detach a document": async () => {
    await showRounds();
    await button("Detach").click();
  },
  "a document that is read": async () => {
    engine.kept = keptChats();
    await show("old");
    const input = findAll("rondo-composer").flatMap(({ shadowRoot }) =>
      findAll("input", shadowRoot!),
    )[0] as HTMLInputElement;
    const files = new DataTransfer();
    files.items.add(new File(["Bread"], "notes.md"));
    input.files = files.files;
    input.dispatchEvent(new Event("change"));
  },
  "a call of a tool, and what it gave": async () => {
    const given = { city: "Oslo" };
    const call = { id: "000001000", name: "weather", arguments: given };
    const result = { callId: call.id, name: call.name, content: "Rain." };
    const [, old] = keptChats();
    old!.rounds = [
      keptRound(1, "Is it raining?", "I look.", { calls: [call] }),
      keptRound(2, "", "It is.", { results: [result] }),
    ];
    engine.kept = [old!];
    await show("old");
    engine.restores[0]!.finish();
    await settle();
    for (const round of [...findAll("rondo-round"), ...findAll("rondo-reply")])
      for (const details of findAll("details", round.shadowRoot!))
        details.setAttribute("open", "");
  },
  "memory that is refreshed": async () => {
    await showRounds();
    engine.emit({ type: "healing", chatId: "old", roundsLeft: 3 });
  },
  "the instructions": async () => {
    await button("Instructions…").click();
  },
  "the models": async () => {
    engine.models = [
      { id: "org/name", keptBytes: 1e8, totalBytes: 2e8, usedMs: 1 },
    ];
    await showModels();
    await button("Delete name from this device").click();
  },
  "a model that could not be looked up": async () => {
    await showModels();
    await lookUp("org/gone");
  },
  "a name that is none": async () => {
    await showModels();
    await lookUp("gone");
    findAll("rondo-model-form details").forEach((details) =>
      Object.assign(details, { open: true }),
    );
  },
  "what a model would take": async () => {
    await showModels();
    engine.planModel = async () => largePlan;
    await lookUp("org/name");
    findAll("rondo-model-plan details").forEach((details) =>
      Object.assign(details, { open: true }),
    );
  },
  "a model that is downloaded": async () => {
    engine.load = (_, options) => {
      const progress = { loadedBytes: 1e8, totalBytes: 2e8 };
      options?.onProgress?.({ phase: "download", ...progress });
      return new Promise(() => {});
    };
    await showModels();
    await button("Use Qwen2.5 0.5B").click();
  },
  "a download that is paused": async () => {
    await SCENES["a model that is downloaded"]!(document.body);
    await button("Pause").click();
  },
  "a banner": async () => {
    const message = "No room is left. Delete chats.";
    engine.emit({ type: "store-trouble", reason: "quota", message });
  },
};

const largePlan: ModelPlan = {
  id: "org/name",
  name: "name",
  architecture: "LlamaForCausalLM",
  contextTokens: 8192,
  choices: ["a", "b"].map((name) => ({ id: `org/${name}`, name, bytes: 1e9 })),
  downloadBytes: 1e9,
  hasUpdate: true,
  weightBytes: 1e9,
  bitsPerWeight: 5.2,
  fileBitsPerWeight: 4.8,
  workspaceBytes: 1e8,
  kvBytesPerToken: 20_000,
  misfit: { message: "It is too large.", proposal: { weightBits: 4 } },
};

async function showModels(): Promise<void> {
  await button("Choose a larger model").click();
  await settle();
}

async function lookUp(text: string): Promise<void> {
  await page.getByLabelText("Its name on the hub, or its address").fill(text);
  await button("Look up").click();
  await settle();
}

/** Of these, the panel's own need a panel beside the chat. */
const NEEDS_PANEL = /delete|chats, with a menu|renamed|found/;

const keptChats = () => [
  keptChat("new", [["Hello!", "Hi."]], { title: "New" }),
  keptChat("old", [["Hello!", "Hi."]], { title: "Old", daysAgo: 3 }),
];

const manyChats = () =>
  ["one", "two", "three", "four", "five", "six"].map((name) =>
    keptChat(name, [[`Hello, ${name}!`, "Hi."]]),
  );

/** Until so many are found. */
async function searchFor(query: string, count: number): Promise<void> {
  await page.getByRole("searchbox").fill(query);
  const found = new RegExp(`^${count || "No"} chats? found$`);
  await expect.element(page.getByText(found)).toBeVisible();
}

async function show(chatId: string): Promise<void> {
  findAll("rondo-chat").forEach((chat) => Object.assign(chat, { chatId }));
  await settle();
}

/** Code with a word in each colour. */
const COLOURS = [
  ["ts", "// note\n@a class B extends C { d = `e ${1}` + /f/ + true; }"],
  ["html", '<!-- note --><p class="a">b &amp; c</p>'],
  ["css", "#a .b::c[d] { color: #fff; --e: var(--f) }"],
  ["python", 'def a(b: int) -> str:\n    """c"""\n    return print(b)'],
  ["bash", "# note\nA=$B && echo \"$C\" | sed 's/x/y/'"],
  ["diff", "--- a\n+++ b\n-c\n+d"],
]
  .map(([language, code]) => `\`\`\`${language}\n${code}\n\`\`\``)
  .join("\n\n");

/** Elements in replies. */
const inReply = (selector: string) =>
  findAll("rondo-markdown").flatMap(({ shadowRoot }) =>
    findAll(selector, shadowRoot!),
  ).length;

/** Two rounds with a document between them; and perhaps one that attended to some of them. */
async function showRounds(attended?: number[]): Promise<void> {
  const [, old] = keptChats();
  const document = { name: "notes.md", text: "Bread\n\nIt needs flour." };
  old!.rounds.push(keptDocument(2, document), keptRound(3, "And?", "Well."));
  if (attended) old!.rounds.push(keptRound(4, "So?", "Yes.", { attended }));
  engine.kept = [old!];
  await show("old");
  engine.restores[0]!.finish();
  await settle();
}

async function openMenu(): Promise<void> {
  await button("Options for “Old”").click({ force: true });
  await settle();
}

const LOADS: Record<string, FakeScript> = {
  "a model that is loading": { load: (load) => load.weights(10, 20) },
  "a model that has just begun to load": {},
  "a model that could not be fetched": {
    load: (load) => load.fail(namedError("ModelFetchError")),
  },
  "no WebGPU": {
    load: (load) => load.fail(namedError("WebGpuUnavailableError")),
  },
};

let engine: Awaited<ReturnType<typeof mountChat>>["engine"];

describe("In light and dark colours, axe finds nothing in", () => {
  for (const width of [1000, 360]) {
    const names = Object.keys(SCENES).filter(
      (name) => width > 500 || !NEEDS_PANEL.test(name),
    );
    test.for(names)(`%s, ${width} px wide`, async (name) => {
      const restore = () => {};
      const mounted = await mountChat({ ...readyAtOnce, restore }, width);
      engine = mounted.engine;
      await SCENES[name]!(mounted.chat);
      await settle();
      expect(await violations(mounted.chat)).toEqual([]);
    });

    test.for(Object.keys(LOADS))(`%s, ${width} px wide`, async (name) => {
      const { chat } = await mountChat(LOADS[name], width);
      expect(await violations(chat)).toEqual([]);
    });
  }

  test("the open drawer", async () => {
    const { chat } = await mountChat(readyAtOnce, 360);
    await button("Chats").click();
    await settle();
    expect(await violations(chat)).toEqual([]);
  });

  test("the open drawer, with a search, and a menu open", async () => {
    const chats = [...keptChats(), ...manyChats()];
    const { chat } = await mountChat({ ...readyAtOnce, chats }, 360);
    await button("Chats").click();
    await settle();
    await searchFor("hi", 8);
    await openMenu();
    expect(await violations(chat)).toEqual([]);
  });
});

describe("The keyboard", () => {
  test("reaches everything, in the order that one reads", async () => {
    const mounted = await mountChat(readyAtOnce);
    engine = mounted.engine;
    await SCENES["a chat with code, a list and a table"]!(mounted.chat);
    await settle();
    const before = document.createElement("button");
    document.body.prepend(before);
    onTestFinished(() => before.remove());
    before.focus();
    const order: string[] = [];
    for (let i = 0; i < 30; i++) {
      await userEvent.keyboard("{Tab}");
      const element = focused();
      if (element === document.body || element === null) break;
      const name = element.getAttribute("aria-label") ?? element.textContent;
      order.push(name.replace(/\s+/g, " ").trim());
    }
    expect(order).toEqual([
      "New chat",
      "Show me everything.",
      "Options for “Show me everything.”",
      "Import a chat",
      "Model: rondo-tiny · 3.4M parameters",
      "Chats",
      "Instructions…",
      "Settings…",
      "Conversation",
      "Edit message",
      "a link",
      "Copy code",
      "ts code",
      "Table",
      "Copy reply",
      "Regenerate",
      "Options for this round",
      "My cat is called Miso.",
      "My locker code is 4821.",
      "What is my cat called?",
      "Tell me about the moon.",
      "Attach a document",
      "Message",
      "Send",
    ]);
  });

  test("a closed panel is out of its way", async () => {
    await mountChat(readyAtOnce, 360);
    box().element().focus();
    await userEvent.keyboard("{Tab}{Tab}{Tab}{Tab}{Tab}");
    const inPanel = findAll("rondo-side-panel").some((panel) =>
      panel.matches(":focus-within"),
    );
    expect(inPanel).toBe(false);
  });
});

describe("Reduced motion", () => {
  test("leaves nothing moving", async () => {
    await emulate({ "prefers-reduced-motion": "reduce" });
    await mountChat();
    await say("Hello!");
    expect(document.getAnimations()).toEqual([]);
    await button("Chats").click();
    expect(document.getAnimations()).toEqual([]);
  });
});
