// Files of a model: kept on this device or not, and asked for after a reload.
import { describe, expect, test } from "vitest";
import { page, userEvent } from "vitest/browser";
import { namedError } from "../../support/fake-calls";
import { storeError } from "../../support/fake-engine";
import { keptChat, keptRound } from "../../support/kept-chat";
import { violations } from "../axe";
import {
  announced,
  box,
  button,
  draft,
  drop,
  find,
  findAll,
  focused,
  messages,
  mountChat,
  readyAtOnce,
  replies,
  say,
  settle,
  shownText,
} from "../mount";

const mine = () => [new File(["GGUF".repeat(1000)], "mine.gguf")];
const OWN = new URL("models/rondo-tiny/", document.baseURI).href;
const MODEL_KEY = `rondo.model ${OWN}`;
const ANSWER_KEY = "rondo.keeps-files";

const line = () => findAll("rondo-kept-file").map(shownText).join();
const wanted = () => findAll("rondo-wanted-file").map(shownText).join();

/** Until code that is loaded late is there. */
const shows = (text: () => string, part: string) =>
  expect.poll(text).toContain(part);

async function dropped(files = mine()) {
  const mounted = await mountChat(readyAtOnce);
  drop(mounted.chat, files);
  await shows(line, "");
  await expect.poll(() => findAll("rondo-kept-file")).toHaveLength(1);
  return mounted;
}

describe("A file that is dropped", () => {
  test("is used at once, and the page asks whether to keep it", async () => {
    const { chat, engine } = await dropped();
    expect(engine.loads.at(-1)!.source).toHaveLength(1);
    expect(chat.state).toBe("ready");
    expect(line()).toContain("Keep mine.gguf on this device? It takes 4 kB.");
    expect(engine.keepings).toEqual([]);
    expect(await violations(chat)).toEqual([]);
  });

  test("is kept while it loads: the line says how far that is", async () => {
    const { chat, engine } = await dropped();
    await button("Keep", true).click();
    const [keeping] = engine.keepings;
    expect(keeping!.files.map(({ name }) => name)).toEqual(["mine.gguf"]);
    keeping!.progress(1000, 4000);
    await settle();
    expect(line()).toContain("Keeping mine.gguf on this device… 25 %");
    expect(find("rondo-kept-file", "progress")).toHaveProperty("value", 1000);
    expect(focused()).toBe(box().element());
    expect(await violations(chat)).toEqual([]);
    keeping!.finish();
    await settle();
    expect(findAll("rondo-kept-file")).toEqual([]);
    expect(announced()).toBe("“mine.gguf” is kept on this device.");
    // The list has it once, as the model in use.
    await button("Model: rondo-tiny").click();
    await settle();
    const cards = findAll("rondo-model-card").map(shownText);
    expect(cards.filter((text) => text.includes("mine.gguf"))).toEqual([
      expect.stringContaining("On this device"),
    ]);
    expect(cards.find((text) => text.includes("mine.gguf"))).toContain(
      "In use",
    );
  });

  test("and its answer is remembered for the next file", async () => {
    const { chat, engine } = await dropped();
    await button("Keep", true).click();
    engine.keepings[0]!.finish();
    await settle();
    drop(chat, [new File(["GGUF"], "other.gguf")]);
    await shows(line, "Keeping other.gguf");
    expect(engine.keepings).toHaveLength(2);
    expect(localStorage.getItem(ANSWER_KEY)).toBe("yes");
  });

  test("is used until the page is closed if it is not to be kept, and the page says so", async () => {
    const { chat, engine } = await dropped();
    await button("Don’t keep").click();
    await settle();
    expect(line()).toContain("mine.gguf is used until this page is closed.");
    expect(engine.keepings).toEqual([]);
    expect(await violations(chat)).toEqual([]);
    await button("Dismiss").click();
    await settle();
    expect(findAll("rondo-kept-file")).toEqual([]);
    drop(chat, [new File(["GGUF"], "other.gguf")]);
    await shows(line, "other.gguf is used until this page is closed.");
    await button("Keep it").click();
    expect(engine.keepings).toHaveLength(1);
  });

  test("is not kept any further once that is stopped", async () => {
    const { engine } = await dropped();
    await button("Keep", true).click();
    await settle();
    await button("Stop keeping the file").click();
    await settle();
    expect(engine.keepings[0]!.options.signal!.aborted).toBe(true);
    expect(line()).toContain("used until this page is closed");
  });

  test("works where the disk is full, and the page says what helps", async () => {
    const { chat, engine } = await dropped();
    await button("Keep", true).click();
    engine.keepings[0]!.fail(
      storeError("quota", "mine.gguf takes 4 GB, and there is no room."),
    );
    await settle();
    const alert = find("rondo-kept-file", '[role="alert"]');
    expect(shownText(alert)).toContain("there is no room.");
    expect(chat.state).toBe("ready");
    expect(await violations(chat)).toEqual([]);
    await say("Hello!");
    expect(engine.replies).toHaveLength(1);
    await button("Try again").click();
    engine.keepings[1]!.finish();
    await settle();
    expect(findAll("rondo-kept-file")).toEqual([]);
  });

  test("is not kept if it can't be used", async () => {
    localStorage.setItem(ANSWER_KEY, "yes");
    const { chat, engine } = await mountChat();
    engine.loads[0]!.finish();
    await settle();
    drop(chat, mine());
    await shows(line, "Keeping mine.gguf");
    engine.loads[1]!.fail(namedError("ModelFormatError"));
    await settle();
    expect(engine.keepings[0]!.options.signal!.aborted).toBe(true);
    expect(findAll("rondo-kept-file")).toEqual([]);
  });

  test("is one set with the others that come with it", async () => {
    const { engine } = await dropped([
      new File(["{}"], "config.json"),
      new File(["{}"], "tokenizer.json"),
      new File(["x"], "model.safetensors"),
    ]);
    expect(line()).toContain("Keep model.safetensors, 0.0 MB on this device?");
    await button("Keep", true).click();
    expect(engine.keepings[0]!.files).toHaveLength(3);
  });
});

describe("After a reload", () => {
  /** The page again, where this file was used last. */
  async function reloaded(name: string, chats = [withModel(name)]) {
    localStorage.setItem(MODEL_KEY, JSON.stringify({ id: `device:${name}` }));
    const mounted = await mountChat({
      chats,
      restore: (restore) => restore.finish(),
    });
    return mounted;
  }

  function withModel(modelName: string) {
    const rounds = [keptRound(1, "Who are you?", "Me.", { modelName })];
    return { ...keptChat("a", [["Who are you?", "Me."]]), rounds };
  }

  const gone = (name: string) =>
    namedError("ModelFetchError", `${name} is not on this device.`);

  test("a kept file is used again without a question", async () => {
    const { chat, engine } = await reloaded("mine.gguf");
    expect(engine.loads[0]!.source).toBe("device:mine.gguf");
    engine.loads[0]!.finish();
    await settle();
    expect(chat.state).toBe("ready");
    expect(wanted() + line()).toBe("");
  });

  test("one that is not there is asked for by name, and nothing else is loaded", async () => {
    const { chat, engine } = await reloaded("mine.gguf");
    engine.loads[0]!.fail(gone("mine.gguf"));
    chat.chatId = "a";
    await shows(wanted, "This chat was with mine.gguf");
    expect(wanted()).toContain(
      "Drop or choose the file again, or go on with rondo-tiny.",
    );
    expect(engine.loads).toHaveLength(1);
    // The chat can be read, and what is typed waits.
    expect(messages()).toHaveLength(1);
    expect(await violations(chat)).toEqual([]);
    await say("And now?");
    expect(replies().at(-1)).toBe("Waiting for the model…");
    expect(engine.replies).toEqual([]);
    await box().fill("Not sent yet");
    drop(chat, mine());
    await settle();
    engine.loads[1]!.finish();
    await settle();
    expect(engine.replies).toMatchObject([{ message: "And now?" }]);
    expect(draft()).toBe("Not sent yet");
    expect(wanted()).toBe("");
  });

  test("of a new chat it does not say that it was with the model", async () => {
    const { engine } = await reloaded("mine.gguf");
    engine.loads[0]!.fail(gone("mine.gguf"));
    await shows(wanted, "You last used mine.gguf");
  });

  test("the file is chosen with the keyboard, or the page's model goes on", async () => {
    const { chat, engine } = await reloaded("mine.gguf");
    engine.loads[0]!.fail(gone("mine.gguf"));
    chat.chatId = "a";
    await shows(wanted, "mine.gguf");
    const input = find("rondo-wanted-file", "input") as HTMLInputElement;
    expect(input.multiple).toBe(true);
    const chosen = new DataTransfer();
    chosen.items.add(mine()[0]!);
    input.files = chosen.files;
    input.dispatchEvent(new Event("change"));
    await settle();
    expect(engine.loads[1]!.source).toHaveLength(1);
    engine.loads[1]!.fail(gone("mine.gguf"));
    await settle();

    const again = await reloaded("mine.gguf");
    again.engine.loads[0]!.fail(gone("mine.gguf"));
    await settle();
    const goOn = page.getByRole("button", { name: "Go on with rondo-tiny" });
    (goOn.last().element() as HTMLElement).focus();
    await userEvent.keyboard("{Enter}");
    await settle();
    expect(again.engine.loads[1]!.source).toBe(OWN);
    again.engine.loads[1]!.finish();
    await settle();
    expect(again.chat.state).toBe("ready");
    expect(localStorage.getItem(MODEL_KEY)).toBeNull();
  });

  test("any other failure of a kept file is told as it is", async () => {
    const { engine } = await reloaded("mine.gguf");
    engine.loads[0]!.fail(namedError("OutOfMemoryError"));
    await settle();
    expect(wanted()).toBe("");
    expect(findAll("rondo-load-failure")).toHaveLength(1);
  });
});
