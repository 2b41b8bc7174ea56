// React's StrictMode renders twice, and runs each effect, its end, and the effect again.
import { createElement, StrictMode, useEffect, useRef } from "react";
import { createRoot } from "react-dom/client";
import { expect, onTestFinished, test, vi } from "vitest";
import { EnginePool } from "../../../src/ui/engines/engine-pool";
import { FakeEngine } from "../../support/fake-engine";
import { keptChat } from "../../support/kept-chat";
import { findAll, messages, mountChat, say, settle } from "../mount";

const engines = vi.hoisted((): unknown[] => []) as FakeEngine[];

vi.mock("../../../src/ui/engines/page-engines", () => ({
  pageEngines: new EnginePool(() => {
    const engine = new FakeEngine({
      load: (load) => load.finish(),
      restore: (restore) => restore.finish(),
      chats: ["drawn", "made"].map((id) =>
        keptChat(id, [["My cat is called Miso.", "Lovely."]]),
      ),
    });
    engines.push(engine);
    return engine;
  }),
}));

/** A model and a chat of its own for each: a page's engines outlive the elements. */
const about = (id: string) => ({ model: `org/${id}`, "chat-id": id });

/** The element as React's own. */
const Drawn = () => createElement("rondo-chat", about("drawn"));

/** The element as an effect makes it, and takes it away. */
function Made() {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const chat = document.createElement("rondo-chat");
    for (const [name, value] of Object.entries(about("made")))
      chat.setAttribute(name, value);
    place.current!.append(chat);
    return () => chat.remove();
  }, []);
  return createElement("div", { ref: place });
}

/** A root of a strict page. */
async function strictRoot() {
  // Registers the elements.
  const { chat } = await mountChat();
  chat.remove();
  const place = document.createElement("div");
  document.body.append(place);
  const root = createRoot(place);
  onTestFinished(() => {
    root.unmount();
    place.remove();
  });
  return root;
}

test.for([
  ["that React draws", "org/drawn", Drawn],
  ["that an effect makes", "org/made", Made],
] as const)(
  "A chat %s is there once, with its model loaded once, also when it comes again",
  async ([, model, Chat]) => {
    const root = await strictRoot();
    const show = async (isShown: boolean) => {
      root.render(
        createElement(StrictMode, null, isShown ? createElement(Chat) : null),
      );
      await settle();
      await settle();
    };
    await show(true);
    expect(findAll("rondo-chat")).toHaveLength(1);
    expect(messages()).toEqual(["My cat is called Miso."]);
    await say("What is my cat called?");
    const reply = engines.flatMap((engine) => engine.replies).at(-1)!;
    reply.text("Miso.");
    reply.end();
    await settle();

    await show(false);
    expect(findAll("rondo-chat")).toHaveLength(0);
    await show(true);
    expect(messages()).toEqual([
      "My cat is called Miso.",
      "What is my cat called?",
    ]);
    const loads = engines.flatMap((engine) => engine.loads);
    expect(loads.filter(({ source }) => source === model)).toHaveLength(1);
    expect(engines).toHaveLength(1);
  },
);
