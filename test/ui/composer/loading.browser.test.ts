import { describe, expect, test } from "vitest";
import { page } from "vitest/browser";
import { fakeModel, namedError } from "../../support/fake-calls";
import {
  box,
  button,
  draft,
  find,
  findAll,
  messages,
  mountChat,
  replies,
  say,
  settle,
  shownText,
} from "../mount";

const progress = () => page.getByRole("progressbar");
const alerts = () => findAll('[role="alert"]').map(shownText);

describe("While the model loads", () => {
  test("the page says how many bytes are there, in words and in a bar", async () => {
    const { chat, engine } = await mountChat();
    expect(engine.loads[0]!.source).toBe(
      new URL("models/rondo-tiny/", document.baseURI).href,
    );
    expect(chat.state).toBe("loading");
    expect(chat.getAttribute("state")).toBe("loading");
    engine.loads[0]!.weights(3_100_000, 6_896_400);
    await settle();
    await expect.element(progress()).toHaveAttribute("max", "6896400");
    await expect.element(progress()).toHaveAttribute("value", "3100000");
    const { labels } = find("progress") as HTMLProgressElement;
    expect([...labels].map(shownText)).toEqual([
      "Loading the model… 3.1 of 6.9 MB",
    ]);
    engine.loads[0]!.finish();
    await settle();
    expect(chat.state).toBe("ready");
    expect(progress().elements()).toHaveLength(0);
  });

  test("each phase has its words", async () => {
    const { engine } = await mountChat();
    const { onProgress } = engine.loads[0]!.options;
    const said: (string | null)[] = [];
    for (const phase of [
      "adapter",
      "tokenizer",
      "weights",
      "kernels",
    ] as const) {
      onProgress!({ phase, loadedBytes: 0, totalBytes: 0 });
      await settle();
      said.push(shownText(find("rondo-load-progress", "label")));
    }
    expect(said).toEqual([
      "Looking for the GPU…",
      "Reading the vocabulary…",
      "Loading the model…",
      "Preparing the GPU…",
    ]);
  });

  test("a message waits in the transcript and is sent as soon as it can", async () => {
    const { engine } = await mountChat();
    await say("Hello!");
    expect(replies()).toEqual(["Waiting for the model…"]);
    expect(engine.replies).toHaveLength(0);
    engine.loads[0]!.finish();
    await settle();
    expect(engine.replies[0]?.message).toBe("Hello!");
  });

  test("a message that waits can be stopped, and sent again", async () => {
    const { engine } = await mountChat();
    await say("Hello!");
    await button("Stop").click();
    await settle();
    expect(messages()).toEqual(["Hello!"]);
    await expect.element(page.getByText("Not answered.")).toBeVisible();
    engine.loads[0]!.finish();
    await settle();
    expect(engine.replies).toHaveLength(0);
    await button("Answer").click();
    await settle();
    expect(engine.replies[0]?.message).toBe("Hello!");
  });

  test("another model takes the place of the one that is loading", async () => {
    const { chat, engine } = await mountChat();
    chat.model = "models/other/";
    await settle();
    expect(engine.loads[0]!.options.signal!.aborted).toBe(true);
    expect(chat.state).toBe("loading");
    engine.loads[1]!.finish({ ...fakeModel, name: "other" });
    await settle();
    expect(chat.state).toBe("ready");
    expect(alerts()).toEqual([]);
    expect(shownText(find("rondo-side-panel", "footer"))).toContain("other");
  });

  test("the panel says which model runs on what", async () => {
    const { engine } = await mountChat();
    const device = { ...fakeModel.device, isSoftware: true };
    engine.loads[0]!.finish({ ...fakeModel, device });
    await settle();
    const footer = shownText(find("rondo-side-panel", "footer"));
    expect(footer).toContain("rondo-tiny · 3.4M parameters");
    expect(footer).toContain("running on the CPU");
  });
});

describe("While another model is downloaded", () => {
  /** The page with a model that answers, while `org/other` comes. */
  async function downloading() {
    const mounted = await mountChat({ restore: (restore) => restore.finish() });
    const [first] = mounted.engine.loads;
    first!.finish();
    await settle();
    mounted.chat.model = "org/other";
    await settle();
    const [, other] = mounted.engine.loads;
    other!.download(1_000_000, 9_000_000);
    await settle();
    return { ...mounted, other: other! };
  }

  test("the one before answers, and the new one then answers what waits", async () => {
    const { chat, engine, other } = await downloading();
    await say("Hello!");
    expect(chat.state).toBe("loading");
    const [first] = engine.replies;
    expect(first?.message).toBe("Hello!");
    first!.text("Hi.");
    await settle();
    // Done: the engine waits for the reply that is coming.
    other.download(9_000_000, 9_000_000);
    await settle();
    first!.end();
    await settle();
    expect(replies()[0]).toContain("Hi.");
    other.weights(1, 2);
    await settle();
    await say("And now?");
    expect(engine.replies).toHaveLength(1);
    expect(replies().at(-1)).toBe("Waiting for the model…");
    other.finish({ ...fakeModel, name: "other" });
    await settle();
    expect(engine.replies[1]?.message).toBe("And now?");
    engine.replies[1]!.end();
    await settle();
    expect(findAll(".new-model").map(shownText)).toEqual([
      "From here on: other",
    ]);
  });

  test("the page names the one that answers, and offers its examples", async () => {
    const { chat, other } = await downloading();
    chat.examples = ["What can you do?"];
    await settle();
    const footer = () => shownText(find("rondo-side-panel", "footer"));
    expect(footer()).toContain("rondo-tiny");
    expect(shownText(find("rondo-welcome"))).toContain("rondo-tiny, is tiny");
    await expect.element(button("What can you do?")).toBeVisible();
    other.finish({ ...fakeModel, name: "other" });
    await settle();
    expect(footer()).toContain("other");
    expect(shownText(find("rondo-welcome"))).toContain("The model is other");
  });

  test("a paused or failed download leaves the one before at work", async () => {
    const { chat, engine, other } = await downloading();
    await button("Pause").click();
    await settle();
    expect(other.options.signal!.aborted).toBe(true);
    await say("Are you there?");
    engine.replies[0]!.end();
    await settle();
    await button("Resume").click();
    await settle();
    engine.loads[2]!.download(2_000_000, 9_000_000);
    engine.loads[2]!.fail(namedError("ModelFetchError"));
    await settle();
    expect(chat.state).toBe("failed");
    await say("Still?");
    expect(engine.replies.map(({ message }) => message)).toEqual([
      "Are you there?",
      "Still?",
    ]);
  });

  test("cancelling it goes on with the one before, without loading that again", async () => {
    const { chat, engine, other } = await downloading();
    await say("Hello!");
    await button("Cancel").click();
    await settle();
    expect(other.options.signal!.aborted).toBe(true);
    expect(chat.state).toBe("ready");
    expect(engine.loads).toHaveLength(2);
    engine.replies[0]!.text("Hi.");
    engine.replies[0]!.end();
    await settle();
    expect(replies()[0]).toContain("Hi.");
    await say("And now?");
    expect(engine.replies).toHaveLength(2);
  });

  test("a reply is stopped where nothing has to be downloaded", async () => {
    const { chat, engine } = await mountChat();
    engine.loads[0]!.finish();
    await settle();
    await say("Hello!");
    chat.model = "models/other/";
    await settle();
    engine.loads[1]!.weights(0, 2);
    await settle();
    expect(engine.replies[0]!.signal!.aborted).toBe(true);
  });
});

describe("A model that cannot be loaded", () => {
  test.for([
    ["ModelFetchError", "The model could not be downloaded."],
    ["ModelFormatError", "The model’s files are invalid."],
    ["OutOfMemoryError", "The GPU has no room for this."],
    ["DeviceLostError", "The GPU was lost."],
    ["TypeError", "Something went wrong."],
  ])("is explained, and can be asked for again: %s", async ([name, title]) => {
    const { chat, engine } = await mountChat();
    await box().fill("My cat is called Miso.");
    engine.loads[0]!.fail(namedError(name!, "In file x, y was expected."));
    await settle();
    expect(chat.state).toBe("failed");
    expect(alerts()).toHaveLength(1);
    expect(alerts()[0]).toContain(title);
    expect(alerts()[0]).toContain("In file x, y was expected.");
    expect(draft()).toBe("My cat is called Miso.");
    await button("Load again").click();
    await settle();
    expect(engine.loads).toHaveLength(2);
    expect(chat.state).toBe("loading");
    expect(alerts()).toEqual([]);
    engine.loads[1]!.finish();
    await settle();
    expect(chat.state).toBe("ready");
    expect(draft()).toBe("My cat is called Miso.");
  });

  test("does not lose a message that waits for it", async () => {
    const { engine } = await mountChat();
    await say("Hello!");
    engine.loads[0]!.fail(namedError("ModelFetchError"));
    await settle();
    expect(messages()).toEqual(["Hello!"]);
    await button("Load again").click();
    engine.loads[1]!.finish();
    await settle();
    expect(engine.replies[0]?.message).toBe("Hello!");
  });
});

describe("Without WebGPU", () => {
  test("the page says what to do, browser by browser", async () => {
    const { chat, engine } = await mountChat();
    engine.loads[0]!.fail(
      namedError("WebGpuUnavailableError", "There is no adapter."),
    );
    await settle();
    expect(chat.state).toBe("unavailable");
    const notice = shownText(find("rondo-unavailable"));
    for (const words of [
      "Rondo can’t use the GPU in this browser",
      "There is no adapter.",
      "Chrome, Edge",
      "chrome://flags/#enable-unsafe-webgpu",
      "Safari",
      "Firefox",
      "dom.webgpu.enabled",
    ])
      expect(notice).toContain(words);
    expect(box().elements()).toHaveLength(0);
    await button("Try again").click();
    await settle();
    expect(engine.loads).toHaveLength(2);
  });

  test("a page that came over plain http says that this is why", async () => {
    const { engine } = await mountChat();
    engine.loads[0]!.fail(namedError("WebGpuUnavailableError"));
    await settle();
    const notice = find("rondo-unavailable");
    expect(shownText(notice)).not.toContain("this page is not");
    Object.assign(notice, { isSecure: false });
    await settle();
    expect(shownText(notice)).toContain("https or from localhost");
  });

  test("text that was typed before stays in its box", async () => {
    const { engine } = await mountChat();
    await box().fill("My cat is called Miso.");
    engine.loads[0]!.fail(namedError("WebGpuUnavailableError"));
    await settle();
    expect(draft()).toBe("My cat is called Miso.");
  });
});
