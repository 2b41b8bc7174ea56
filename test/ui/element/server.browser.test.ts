// An element whose model is on a server: what is loaded, and a key that is asked for where it is needed.
import { expect, onTestFinished, test } from "vitest";
import { page } from "vitest/browser";
import "../../../src/ui/define";
import { namedError } from "../../support/fake-calls";
import { FakeEngine, type FakeScript } from "../../support/fake-engine";
import { button, settle, shownText } from "../mount";

const ENDPOINT = "http://127.0.0.1:8080/v1";

async function mount(script: FakeScript, model = "") {
  await page.viewport(1000, 700);
  const engine = new FakeEngine(script);
  const chat = document.createElement("rondo-chat");
  chat.engine = engine;
  chat.setAttribute("endpoint", ENDPOINT);
  if (model) chat.model = model;
  document.body.append(chat);
  onTestFinished(() => {
    chat.remove();
    localStorage.clear();
  });
  await settle();
  return { chat, engine };
}

const refusing: FakeScript = {
  load: (load) => {
    const { source } = load;
    if (typeof source === "object" && "apiKey" in source && source.apiKey)
      load.finish();
    else
      load.fail(
        Object.assign(namedError("ServerError", "It asks for a key."), {
          reason: "key",
        }),
      );
  },
};

test("the server's model is loaded, by name or the first that it has", async () => {
  const { engine, chat } = await mount({ load: (load) => load.finish() });
  expect(engine.loads.map(({ source }) => source)).toEqual([
    { endpoint: ENDPOINT, model: undefined, apiKey: undefined },
  ]);
  chat.model = "qwen";
  await settle();
  expect(engine.loads.at(-1)!.source).toMatchObject({ model: "qwen" });
});

test("a key is asked for where the server wants one, and is nowhere in the page afterwards", async () => {
  const { engine, chat } = await mount(refusing, "qwen");
  await expect.element(page.getByText("It asks for a key.")).toBeVisible();
  await page.getByLabelText("Key, until this page is closed").fill("sk-12345");
  await button("Use key").click();
  await expect.poll(() => engine.loads.length).toBe(2);
  expect(engine.loads[1]!.source).toEqual({
    endpoint: ENDPOINT,
    model: "qwen",
    apiKey: "sk-12345",
  });
  await settle();
  expect(chat.state).toBe("ready");
  expect(shownText(chat)).not.toContain("sk-12345");
  expect(chat.outerHTML).not.toContain("sk-12345");
  expect(JSON.stringify({ ...localStorage })).not.toContain("sk-12345");
});

test("a key goes to no other server than the one that asked for it, and can be given again", async () => {
  const { engine, chat } = await mount({
    load: (load) =>
      load.fail(
        Object.assign(namedError("ServerError", "It refused this key."), {
          reason: "key",
        }),
      ),
  });
  for (let time = 1; time <= 2; time++) {
    await page.getByLabelText("Key, until this page is closed").fill("sk-1");
    await button("Use key").click();
    await expect.poll(() => engine.loads.length).toBe(1 + time);
    expect(engine.loads.at(-1)!.source).toMatchObject({ apiKey: "sk-1" });
    await settle();
  }
  chat.endpoint = "http://127.0.0.1:9090/v1";
  await expect.poll(() => engine.loads.length).toBe(4);
  expect(engine.loads.at(-1)!.source).toMatchObject({ apiKey: undefined });
});
