// An element without an engine of its own, which the page puts away and takes out again.
import { expect, onTestFinished, test, vi } from "vitest";
import { EnginePool } from "../../../src/ui/engines/engine-pool";
import { FakeEngine } from "../../support/fake-engine";
import { keptChat } from "../../support/kept-chat";
import { mountChat, settle } from "../mount";

const engines = vi.hoisted((): unknown[] => []) as FakeEngine[];

vi.mock("../../../src/ui/engines/page-engines", () => ({
  pageEngines: new EnginePool(() => {
    const engine = new FakeEngine({
      load: (load) => load.finish(),
      restore: (restore) => restore.finish(),
      chats: [keptChat("miso", [["My cat is called Miso.", "Lovely."]])],
    });
    engines.push(engine);
    return engine;
  }),
}));

test("it is back with its model, its chat, and the reply that was coming", async () => {
  const { chat: other } = await mountChat();
  other.remove();
  const chat = document.createElement("rondo-chat");
  chat.model = "org/one";
  document.body.append(chat);
  onTestFinished(() => chat.remove());
  chat.chatId = "miso";
  await settle();
  const asked = chat.send("What is my cat called?");
  await settle();
  const [engine] = engines;
  engine!.replies[0]!.text("Miso");
  chat.remove();
  await settle();
  expect(engine!.visits).toEqual(["open miso", "leave miso"]);
  document.body.append(chat);
  await settle();
  expect(chat.state).toBe("ready");
  expect(engine!.loads).toHaveLength(1);
  expect(engine!.visits.at(-1)).toBe("open miso");

  engine!.replies[0]!.text("!");
  engine!.replies[0]!.end();
  expect((await asked).reply).toBe("Miso!");
  const thanked = chat.send("Thanks.");
  await settle();
  engine!.replies[1]!.end();
  expect((await thanked).phase).toBe("done");
  expect(engines).toHaveLength(1);
});
