// The first minutes: what an empty chat says and offers.
import { describe, expect, test } from "vitest";
import type { DeviceInfo } from "../../../src/engine/api/models";
import { fakeModel } from "../../support/fake-calls";
import {
  button,
  find,
  findAll,
  mountChat,
  say,
  settle,
  shownText,
} from "../mount";

const welcome = () => shownText(find("rondo-welcome"));

/** The page with the tiny model on such a device. */
async function onDevice(device: Partial<DeviceInfo> = {}) {
  const mounted = await mountChat();
  const all = { ...fakeModel.device, bytesPerSecond: 100e9, ...device };
  mounted.engine.loads[0]!.finish({ ...fakeModel, device: all });
  await settle();
  return mounted;
}

describe("An empty chat with the tiny model", () => {
  test("offers one model that can talk, with what it takes and can do", async () => {
    const { engine } = await onDevice();
    expect(welcome()).toContain("rondo-tiny, is tiny");
    expect(welcome()).toContain("A model that can talk: Qwen2.5 1.5B");
    expect(welcome()).toContain("Everyday questions in many languages");
    expect(welcome()).toContain("1.1 GB to download, once");
    expect(welcome()).toContain("about 40 words a second");
    expect(
      findAll("button.primary", find("rondo-welcome").shadowRoot!).map(
        shownText,
      ),
    ).toEqual(["Get Qwen2.5 1.5B"]);
    await button("Get Qwen2.5 1.5B").click();
    await settle();
    const { source } = engine.loads[1]!;
    expect(source).toContain("Qwen2.5-1.5B");
    engine.loads[1]!.download(1e6, 1070e6);
    await settle();
    expect(welcome()).not.toContain("A model that can talk");
    await say("My cat is called Miso.");
    expect(engine.replies).toHaveLength(1);
  });

  test("offers none where the page fixes the model", async () => {
    const { chat } = await onDevice();
    chat.fixedModel = true;
    await settle();
    expect(welcome()).not.toContain("A model that can talk");
  });

  test("says once that there is no GPU, and offers none then", async () => {
    const words = "The browser offers no GPU here";
    const { chat } = await onDevice({ isSoftware: true });
    expect(welcome()).toContain(words);
    expect(welcome()).not.toContain("A model that can talk");
    await say("Hello!");
    chat.newChat();
    await settle();
    expect(welcome()).not.toContain(words);
    chat.remove();
    await onDevice({ isSoftware: true });
    expect(welcome()).not.toContain(words);
  });
});

describe("Examples of an empty chat", () => {
  const inExamples = () =>
    findAll("button", find("rondo-examples").shadowRoot!).map(shownText);

  test("suit the model that answers", async () => {
    const { chat, engine } = await onDevice();
    expect(inExamples()).toContain("My cat is called Miso.");
    chat.model = "org/other";
    await settle();
    engine.loads[1]!.download(1, 2);
    await settle();
    expect(inExamples()).toContain("My cat is called Miso.");
    engine.loads[1]!.finish({ ...fakeModel, name: "other" });
    await settle();
    expect(inExamples()).not.toContain("My cat is called Miso.");
    expect(inExamples()).toContain("What can you help me with?");
  });

  test("are the page's own where it has some", async () => {
    const { chat, engine } = await onDevice();
    chat.examples = ["Ask me."];
    chat.model = "org/other";
    await settle();
    engine.loads[1]!.finish({ ...fakeModel, name: "other" });
    await settle();
    expect(inExamples()).toEqual(["Ask me."]);
  });
});
