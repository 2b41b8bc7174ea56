// What a page can say to a <rondo-chat>, and hear of it.
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { page } from "vitest/browser";
import { SentEvent } from "../../../src/ui/state/events";
import { namedError } from "../../support/fake-calls";
import type { FakeScript } from "../../support/fake-engine";
import { keptChat } from "../../support/kept-chat";
import {
  box,
  button,
  draft,
  find,
  findAll,
  messages,
  mountChat,
  openKept,
  readyAtOnce,
  replies,
  say,
  settle,
} from "../mount";

const user = (content: string) => ({ role: "user" as const, content });
const model = (content: string) => ({ role: "assistant" as const, content });

/** A chat with these attributes. */
async function mountWith(
  attributes: Record<string, string>,
  script: FakeScript = readyAtOnce,
) {
  const mounted = await mountChat(script);
  for (const [name, value] of Object.entries(attributes))
    mounted.chat.setAttribute(name, value);
  await settle();
  return mounted;
}

function listenToWarnings() {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  onTestFinished(() => warn.mockRestore());
  return () => warn.mock.calls.map(([text]) => String(text));
}

describe("Attributes", () => {
  test("say how replies are made", async () => {
    const { engine } = await mountWith({
      temperature: "0",
      "top-k": "40",
      "top-p": "0.8",
      "min-p": "0.05",
      "repetition-penalty": "1.1",
      seed: "7",
      "max-tokens": "100",
      attention: "all",
      tau: "0.5",
      repair: "0.3",
    });
    await say("Hello!");
    expect(engine.replies[0]!.options).toMatchObject({
      sampler: {
        temperature: 0,
        topK: 40,
        topP: 0.8,
        minP: 0.05,
        repetitionPenalty: 1.1,
        seed: 7,
      },
      attention: { mode: "all", tau: 0.5 },
      fusion: { ratio: 0.3 },
      maxTokens: 100,
    });
  });

  test.each([
    ["temperature", "hot", "a number from 0 to 100"],
    ["top-k", "2.5", "a whole number of 0 or more"],
    ["attention", "some", '"rounds" or "all"'],
    ["memory-budget", "much", "a size of 1 MB or more"],
    ["history", "{}", 'a list of { role: "user" or "assistant"'],
    ["history", "no JSON", "JSON"],
    ["model", "http://", "an address"],
    ["hub", "http://", "an address"],
  ])(
    "that cannot be are told on the console, and the default holds: %s=%j",
    async (name, value, allowed) => {
      const warnings = listenToWarnings();
      const { engine } = await mountWith({ [name]: value });
      expect(warnings()).toHaveLength(1);
      expect(warnings()[0]).toContain(`<rondo-chat> ${name}:`);
      expect(warnings()[0]).toContain(allowed);
      await say("Hello!");
      const { sampler, attention } = engine.replies[0]!.options;
      expect([sampler, attention]).toEqual([undefined, undefined]);
    },
  );

  test("can be taken away again", async () => {
    const { chat, engine } = await mountWith({ hub: "https://hub.example" });
    for (const name of ["model", "hub", "history", "system"])
      chat.removeAttribute(name);
    await settle();
    expect(engine.loads).toHaveLength(1);
    chat.model = "org/another";
    await settle();
    expect(engine.loads[1]!.options.hubUrl).toBeUndefined();
    await say("Hello!");
    expect(engine.replies).toHaveLength(1);
  });

  test("can be properties, which are checked too", async () => {
    const warnings = listenToWarnings();
    const { chat, engine } = await mountChat(readyAtOnce);
    chat.temperature = 0.1;
    chat.topP = 3;
    chat.memoryBudget = 2e9;
    await settle();
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toContain("top-p");
    await say("Hello!");
    expect(engine.replies[0]!.options.sampler).toEqual({ temperature: 0.1 });
    chat.model = "models/another/";
    await settle();
    expect(engine.loads.at(-1)!.options.memoryBudgetBytes).toBe(2e9);
  });

  test("name the chat that is shown", async () => {
    const chats = [keptChat("bread", [["Teach me to bake.", "Flour."]])];
    const { chat } = await mountWith(
      { "chat-id": "bread" },
      { ...readyAtOnce, chats },
    );
    expect(messages()).toEqual(["Teach me to bake."]);
    chat.removeAttribute("chat-id");
    await settle();
    expect(messages()).toEqual([]);
  });

  test("give the box its words, and new chats their instructions", async () => {
    const { engine } = await mountWith({
      placeholder: "Ask the cat",
      system: "You are a cat.",
    });
    expect(box().element()).toHaveAttribute("placeholder", "Ask the cat");
    await say("Hello!");
    engine.replies[0]!.end();
    await settle();
    expect(engine.kept[0]!.system).toBe("You are a cat.");
  });

  test("show nothing but the chat where it is compact", async () => {
    await mountWith({ compact: "" });
    expect(findAll("rondo-side-panel")).toEqual([]);
    expect(findAll("rondo-header")).toEqual([]);
    await say("Hello!");
    expect(messages()).toEqual(["Hello!"]);
  });

  test("have the box at the bottom where the chat is compact", async () => {
    const { chat } = await mountWith({ compact: "" });
    const { bottom } = box().element().getBoundingClientRect();
    const below = chat.getBoundingClientRect().bottom - bottom;
    expect(below).toBeGreaterThan(0);
    expect(below).toBeLessThan(40);
  });

  test("can keep the user from choosing another model", async () => {
    localStorage.setItem(
      `rondo.model ${new URL("models/rondo-tiny/", document.baseURI).href}`,
      JSON.stringify({ id: "org/other" }),
    );
    const { chat, engine } = await mountChat({});
    chat.remove();
    chat.fixedModel = true;
    const other = document.createElement("rondo-chat");
    other.fixedModel = true;
    other.engine = engine;
    other.model = "models/rondo-tiny/";
    document.body.append(other);
    onTestFinished(() => other.remove());
    await settle();
    expect(engine.loads.at(-1)!.source).toContain("models/rondo-tiny/");
    engine.loads.at(-1)!.finish();
    await settle();
    expect(page.getByRole("button", { name: /model/i }).elements()).toEqual([]);
    expect(findAll("rondo-model-picker")).toEqual([]);
  });
});

describe("A chat that begins with a history", () => {
  const history = [
    model("Hello! Ask me about cats."),
    user("Do cats fly?"),
    model("No."),
  ];

  test("shows it, and gives it to the model with the first message", async () => {
    const { chat, engine } = await mountWith({
      history: JSON.stringify(history),
    });
    expect(messages()).toEqual(["Do cats fly?"]);
    expect(replies()[0]).toContain("Ask me about cats.");
    expect(findAll("rondo-chat-entry")).toEqual([]);
    await say("Do they swim?");
    engine.replies[0]!.text("Some.");
    engine.replies[0]!.end();
    await settle();
    expect(engine.kept[0]!.rounds).toMatchObject([
      { id: 1, message: "", reply: "Hello! Ask me about cats." },
      { id: 2, message: "Do cats fly?", reply: "No." },
      { id: 3, message: "Do they swim?", reply: "Some." },
    ]);
    expect(chat.getMessages()).toEqual([
      ...history,
      user("Do they swim?"),
      model("Some."),
    ]);
    expect(findAll("rondo-chat-entry")).toHaveLength(1);
  });

  test("can be changed like any other once it has begun", async () => {
    const { chat, engine } = await mountChat(readyAtOnce);
    chat.history = history;
    await settle();
    expect(button("Edit message").elements()).toEqual([]);
    await say("Do they swim?");
    engine.replies[0]!.end();
    await settle();
    expect(button("Edit message").elements()).toHaveLength(2);
  });

  test("is begun anew by newChat(), and left out by clear()", async () => {
    const { chat, engine } = await mountChat(readyAtOnce);
    chat.history = history;
    await settle();
    await say("Do they swim?");
    engine.replies[0]!.end();
    await settle();
    chat.newChat();
    await settle();
    expect(chat.getMessages()).toEqual(history);
    chat.clear();
    await settle();
    expect(chat.getMessages()).toEqual([]);
    await say("Alone.");
    engine.replies[1]!.end();
    await settle();
    expect(engine.kept.map(({ rounds }) => rounds.length).sort()).toEqual([
      1, 3,
    ]);
  });

  test("can be set while the page is open; an unanswered message goes into the box", async () => {
    const { chat } = await mountChat(readyAtOnce);
    chat.setMessages([...history, user("Do they swim?")]);
    await settle();
    expect(chat.getMessages()).toEqual(history);
    expect(draft()).toBe("Do they swim?");
    expect(() => chat.setMessages([{} as never])).toThrow(TypeError);
  });

  test("can be there to be read only, without a model", async () => {
    const { chat, engine } = await mountChat({});
    chat.remove();
    const shown = document.createElement("rondo-chat");
    shown.readonly = true;
    shown.engine = engine;
    shown.model = "models/rondo-tiny/";
    shown.history = history;
    document.body.append(shown);
    onTestFinished(() => shown.remove());
    const before = engine.loads.length;
    await settle();
    expect(messages()).toEqual(["Do cats fly?"]);
    expect(findAll("rondo-dock")).toEqual([]);
    expect(engine.loads).toHaveLength(before);
    await expect(shown.send("Hello!")).rejects.toMatchObject({
      name: "InvalidStateError",
    });
  });
});

describe("send()", () => {
  test("gives the round when its reply has ended", async () => {
    const { chat, engine } = await mountChat(readyAtOnce);
    const sent: SentEvent[] = [];
    chat.addEventListener(SentEvent.type, (event) => sent.push(event));
    const round = chat.send(" Hello! ");
    await settle();
    expect(sent.map(({ message }) => message)).toEqual(["Hello!"]);
    engine.replies[0]!.text("Hi.");
    engine.replies[0]!.end();
    expect(await round).toMatchObject({
      message: "Hello!",
      reply: "Hi.",
      phase: "done",
    });
  });

  test("gives what there is of one that was stopped", async () => {
    const { chat, engine } = await mountChat(readyAtOnce);
    const round = chat.send("Hello!");
    await settle();
    engine.replies[0]!.text("Hi");
    await settle();
    chat.stop();
    expect(await round).toMatchObject({
      reply: "Hi",
      receipt: { finishReason: "aborted" },
    });
  });

  test("fails with what the reply fails with", async () => {
    const { chat, engine } = await mountChat(readyAtOnce);
    const round = chat.send("Hello!");
    await settle();
    engine.replies[0]!.fail(namedError("ContextFullError"));
    await expect(round).rejects.toMatchObject({ name: "ContextFullError" });
  });

  test("fails where it cannot be, and says why", async () => {
    const { chat } = await mountChat(readyAtOnce);
    await expect(chat.send("  ")).rejects.toMatchObject({ name: "TypeError" });
    const first = chat.send("Hello!");
    await expect(chat.send("And?")).rejects.toMatchObject({
      name: "InvalidStateError",
    });
    chat.stop();
    await first.catch(() => {});
  });

  test("fails where the model does not load, and the message still waits", async () => {
    const { chat, engine } = await mountChat();
    const round = chat.send("Hello!");
    round.catch(() => {});
    await settle();
    engine.loads[0]!.fail(namedError("ModelFetchError"));
    await expect(round).rejects.toMatchObject({ name: "ModelFetchError" });
    await button("Load again").click();
    engine.loads[1]!.finish();
    await settle();
    expect(engine.replies[0]!.message).toBe("Hello!");
  });

  test("fails where it is stopped before its turn", async () => {
    const { chat } = await mountChat();
    const round = chat.send("Hello!");
    await settle();
    chat.stop();
    await expect(round).rejects.toMatchObject({ name: "AbortError" });
  });
});

test("getMessages() has what is there of a reply that is coming", async () => {
  const { chat, engine } = await openKept(
    keptChat("miso", [["My cat is called Miso.", "A lovely name."]]),
  );
  await say("And now?");
  engine.replies[0]!.text("Now");
  await settle();
  expect(chat.getMessages()).toEqual([
    user("My cat is called Miso."),
    model("A lovely name."),
    user("And now?"),
    model("Now"),
  ]);
});

test("attach() puts a document into the chat", async () => {
  const { chat, engine } = await mountChat({
    ...readyAtOnce,
    attach: (attach) => attach.finish(),
  });
  chat.attach(new File(["Mix flour and water."], "bread.txt"));
  await expect.poll(() => engine.attachings).toHaveLength(1);
  expect(engine.attachings[0]!.document.text).toContain("flour");
});

describe("A page's styles", () => {
  const PARTS: Record<string, () => HTMLElement> = {
    panel: () => find("rondo-side-panel"),
    chat: () => find("rondo-chat-entry", "button"),
    main: () => find("rondo-chat", ".main"),
    header: () => find("rondo-header"),
    log: () => find("rondo-transcript", ".log"),
    message: () => find("rondo-round", "[part=message]"),
    reply: () => find("rondo-reply", "[part=reply]"),
    text: () => find("rondo-markdown", "[part=text]"),
    document: () => find("rondo-document", "[part=document]"),
    receipt: () => find("rondo-reply", "[part~=receipt]"),
    example: () => find("rondo-examples", "button"),
    box: () => find("rondo-composer", ".box"),
    input: () => find("rondo-composer", "textarea"),
  };

  test("reach every part that is named", async () => {
    const sheet = document.createElement("style");
    sheet.textContent = Object.keys(PARTS)
      .map((part) => `rondo-chat::part(${part}) { scroll-margin: 7px }`)
      .join("\n");
    document.head.append(sheet);
    onTestFinished(() => sheet.remove());
    const { chat, engine } = await mountChat({
      ...readyAtOnce,
      attach: (attach) => attach.finish(),
    });
    await say("Hello!");
    engine.replies[0]!.text("Hi.");
    engine.replies[0]!.end();
    await settle();
    chat.attach(new File(["Mix flour and water."], "bread.txt"));
    await expect.poll(() => findAll("rondo-document")).toHaveLength(1);
    await settle();
    for (const [part, element] of Object.entries(PARTS))
      expect(getComputedStyle(element()).scrollMarginTop, part).toBe("7px");
  });

  test("change colours and type with the custom properties", async () => {
    const { chat } = await mountChat(readyAtOnce);
    chat.style.setProperty("--rondo-ground", "rgb(1, 2, 3)");
    chat.style.setProperty("--rondo-accent", "rgb(4, 5, 6)");
    chat.style.setProperty("--rondo-font", "monospace");
    await settle();
    expect(getComputedStyle(chat).backgroundColor).toBe("rgb(1, 2, 3)");
    expect(getComputedStyle(chat).fontFamily).toBe("monospace");
    const mark = find("rondo-chat", ".mark");
    expect(getComputedStyle(mark).color).toBe("rgb(4, 5, 6)");
  });

  test("leave room for a page's own words", async () => {
    const { chat } = await mountChat(readyAtOnce);
    chat.innerHTML =
      '<b slot="brand">Cats</b><p slot="welcome">Ask the cat.</p><i slot="footer">Foot</i>';
    await settle();
    for (const child of chat.children)
      expect(child.getBoundingClientRect().height).toBeGreaterThan(0);
  });
});
