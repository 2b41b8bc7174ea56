// Choosing a model: what the list says, what is looked up, what is loaded, and what is remembered.
import { describe, expect, test } from "vitest";
import { page, userEvent } from "vitest/browser";
import type { StoredModel, ModelPlan } from "../../../src/engine/api/models";
import { KNOWN_MODELS } from "../../../src/ui/state/models/known-models";
import { nameOfSource } from "../../../src/ui/state/models/model-request";
import { fakeModel, namedError } from "../../support/fake-calls";
import type { FakeEngine, FakeScript } from "../../support/fake-engine";
import { keptChat } from "../../support/kept-chat";
import {
  announced,
  button,
  drop,
  find,
  findAll,
  focused,
  messages,
  mountChat,
  openKept,
  readyAtOnce,
  say,
  settle,
  shownText,
} from "../mount";

/** Where a choice is remembered, instead of the model that the page names. */
const MODEL_KEY = `rondo.model ${new URL("models/rondo-tiny/", document.baseURI).href}`;

const [, SMOL, , MIDDLE, QWEN] = KNOWN_MODELS.map(({ id }) => id);
const OTHER = "someone/other-GGUF/other-Q8_0.gguf";

const keptModels = (): StoredModel[] => [
  { id: SMOL!, keptBytes: 145e6, totalBytes: 145e6, usedMs: 3 },
  { id: MIDDLE!, keptBytes: 155e6, totalBytes: 386e6, usedMs: 2 },
  { id: OTHER, keptBytes: 812e6, totalBytes: 812e6, usedMs: 1 },
];

const plan = (changes: Partial<ModelPlan> = {}): ModelPlan => ({
  id: "org/name",
  name: "name",
  architecture: "LlamaForCausalLM",
  contextTokens: 8192,
  choices: [],
  downloadBytes: 269e6,
  hasUpdate: false,
  weightBytes: 76e6,
  bitsPerWeight: 5.2,
  fileBitsPerWeight: 4.8,
  workspaceBytes: 24e6,
  kvBytesPerToken: 20_000,
  misfit: undefined,
  ...changes,
});

/** Loads the page's own model at once; others are left in the test's hands. */
const ready: FakeScript = {
  ...readyAtOnce,
  load: (load) => {
    if (nameOfSource(load.source) === "rondo-tiny") load.finish();
  },
};

const dialog = () => page.getByRole("dialog", { name: "Choose a model" });
const isOpen = () => dialog().elements().length === 1;
const alerts = () => findAll('[role="alert"]').map(shownText);
const field = () => page.getByLabelText("Its name on the hub, or its address");
const card = (name: string) =>
  findAll("rondo-model-card").find((element) =>
    shownText(element).startsWith(name),
  )!;
const opener = () => button("Model: rondo-tiny");

async function press(name: string, exact = false): Promise<void> {
  await button(name, exact).click();
  await settle();
}

async function open(
  script: FakeScript = {},
  width?: number,
): Promise<Awaited<ReturnType<typeof mountChat>>> {
  const mounted = await mountChat(
    { ...ready, models: keptModels(), ...script },
    width,
  );
  await opener().click();
  await settle();
  return mounted;
}

async function lookUp(text: string): Promise<void> {
  await field().fill(text);
  await userEvent.keyboard("{Enter}");
  await settle();
}

const lastLoad = (engine: FakeEngine) => engine.loads.at(-1)!;

describe("The list of models", () => {
  test("says of each what it takes, and whether it is here", async () => {
    await open();
    expect(shownText(card("rondo-tiny"))).toContain("In use");
    expect(shownText(card("rondo-tiny"))).toContain("Comes with this page");
    const smol = shownText(card("SmolLM2 135M"));
    expect(smol).toContain(
      "About 145 MB to download · about 340 MB of GPU memory",
    );
    expect(smol).toContain("135M parameters");
    expect(smol).toContain("Apache-2.0");
    expect(smol).toContain("On this device");
    expect(shownText(card("SmolLM2 360M"))).toContain(
      "Partly on this device: 40 %",
    );
    expect(shownText(card("Qwen2.5 0.5B"))).toContain("Not on this device yet");
    const other = shownText(card("other-Q8_0.gguf"));
    expect(other).toContain(OTHER);
    expect(other).toContain("Takes 812 MB of this device.");
  });

  test("says whose turns a model chats with if they are not its own, until another is used", async () => {
    const templateNote =
      "No chat template in the model's files: Gemma's turns are used.";
    await open({
      load: (load) =>
        load.finish(
          nameOfSource(load.source) === "rondo-tiny"
            ? { ...fakeModel, templateNote }
            : fakeModel,
        ),
    });
    expect(shownText(card("rondo-tiny"))).toContain(templateNote);
    expect(shownText(card("SmolLM2 135M"))).not.toContain(templateNote);
    expect(shownText(find("rondo-banner"))).toContain(templateNote);
    await press("Use SmolLM2 135M");
    expect(shownText(find("rondo-banner"))).not.toContain(templateNote);
  });

  test("loads the one that is chosen, and the chat goes on with it", async () => {
    const miso = keptChat("miso", [["My cat is called Miso.", "Lovely."]]);
    const { engine } = await openKept(miso, { ...ready, models: keptModels() });
    await press("Model: rondo-tiny");
    await press("Use SmolLM2 135M");
    expect(isOpen()).toBe(false);
    expect(lastLoad(engine).source).toBe(SMOL);
    expect(lastLoad(engine).options.hubToken).toBeUndefined();
    expect(messages()).toEqual(["My cat is called Miso."]);
    await say("What is my cat called?");
    expect(engine.replies).toHaveLength(0);
    lastLoad(engine).finish({ ...fakeModel, name: "SmolLM2-135M" });
    await settle();
    expect(engine.replies[0]?.message).toBe("What is my cat called?");
    await press("Model: SmolLM2-135M");
    expect(shownText(card("SmolLM2 135M"))).toContain("In use");
    expect(shownText(card("rondo-tiny"))).not.toContain("In use");
  });

  test("ends a reply that is coming, and keeps what was said", async () => {
    const { engine } = await mountChat({ ...ready, models: keptModels() });
    await say("Hello!");
    engine.replies[0]!.text("Hi the");
    await settle();
    await opener().click();
    await settle();
    await press("Use SmolLM2 135M");
    expect(engine.replies[0]!.signal!.aborted).toBe(true);
    expect(shownText(find("rondo-transcript"))).toContain("Hi the");
  });

  test("gives the focus back to what opened it", async () => {
    await open();
    expect(shownText(focused()!)).toBe("Choose a model");
    await userEvent.keyboard("{Escape}");
    await settle();
    expect(isOpen()).toBe(false);
    expect(focused()).toBe(opener().element());
  });

  test("is opened from an empty chat too", async () => {
    await mountChat(ready);
    await press("Choose a larger model");
    expect(isOpen()).toBe(true);
  });

  test("asks before it deletes one from this device", async () => {
    const { engine } = await open();
    await press("Delete SmolLM2 135M");
    expect(shownText(focused()!)).toBe("Keep");
    await userEvent.keyboard("{Escape}");
    await settle();
    expect(isOpen()).toBe(true);
    expect(engine.deletedModels).toEqual([]);
    await press("Delete SmolLM2 135M");
    await press("Delete", true);
    expect(engine.deletedModels).toEqual([SMOL]);
    expect(shownText(card("SmolLM2 135M"))).toContain("Not on this device yet");
    expect(announced()).toBe("Deleted.");
    expect(findAll(".delete")).toHaveLength(2);
  });

  test("says why one could not be deleted", async () => {
    const { engine } = await open();
    engine.deleteModel = () =>
      Promise.reject(namedError("StoreError", "Another tab uses it."));
    await press("Delete SmolLM2 135M");
    await press("Delete", true);
    expect(alerts().join()).toContain("Another tab uses it.");
    expect(shownText(card("SmolLM2 135M"))).toContain("On this device");
  });
});

describe("Another model", () => {
  test("is looked up before it is loaded", async () => {
    const { engine } = await open();
    engine.plans.set("org/name", plan());
    await lookUp("  org/name ");
    expect(engine.planned[0]!.source).toBe("org/name");
    const shown = shownText(find("rondo-model-plan"));
    for (const words of [
      "Download 269 MB",
      "GPU memory 182 MB with 4,096 tokens",
      "Weights 76.0 MB on the GPU, 5.2 bits each; 4.8 in the file",
      "Context 8,192 tokens",
      "LlamaForCausalLM",
    ])
      expect(shown).toContain(words);
    expect(shownText(focused()!)).toBe("name");
    expect(engine.loads).toHaveLength(1);
    await press("Download and use");
    expect(lastLoad(engine).source).toBe("org/name");
  });

  test.for([
    ["https://huggingface.co/org/name", "org/name"],
    ["https://huggingface.co/org/name/tree/main", "org/name"],
    [
      "https://huggingface.co/org/name/blob/main/a/file.gguf?download=true",
      "org/name/a/file.gguf",
    ],
    ["https://example.org/model/", "https://example.org/model/"],
  ])("may be an address: %s", async ([typed, source]) => {
    const { engine } = await open();
    await lookUp(typed!);
    expect(engine.planned[0]!.source).toBe(source);
  });

  test.for(["", "nothing", "javascript:alert(1)", "file:///etc/hosts"])(
    "that is neither a name nor an address is not asked for: “%s”",
    async (typed) => {
      const { engine } = await open();
      await lookUp(typed);
      expect(engine.planned).toEqual([]);
      expect(alerts().join()).toContain("Enter a name such as org/name");
      expect(focused()).toBe(field().element());
      expect(field().element().getAttribute("aria-invalid")).toBe("true");
    },
  );

  test("that is not there is said in place, and what was typed stays", async () => {
    await open();
    await lookUp("org/gone");
    expect(alerts().join()).toContain("The model could not be downloaded.");
    expect(alerts().join()).toContain("There is no org/gone.");
    expect((field().element() as HTMLInputElement).value).toBe("org/gone");
  });

  test("may have several files to choose from", async () => {
    const { engine } = await open();
    const id = (bits: string) => `org/name/${bits}.gguf`;
    const choices = ["Q4_0", "Q8_0"].map((bits, i) => ({
      id: id(bits),
      name: `${bits}.gguf`,
      bytes: 100e6 * (i + 1),
    }));
    engine.plans.set("org/name", plan({ id: id("Q4_0"), choices }));
    engine.plans.set(
      id("Q8_0"),
      plan({ id: id("Q8_0"), choices, downloadBytes: 200e6 }),
    );
    await lookUp("org/name");
    expect(shownText(find("rondo-model-plan"))).not.toContain(
      "Weights on the GPU",
    );
    const files = page.getByRole("combobox", { name: "File" });
    await files.selectOptions("Q8_0.gguf · 200 MB");
    await settle();
    expect(engine.planned.at(-1)!.source).toBe(id("Q8_0"));
    expect(shownText(find("rondo-model-plan"))).toContain("Download 200 MB");
    await press("Download and use");
    expect(lastLoad(engine).source).toBe(id("Q8_0"));
  });

  test("that does not fit says so, and offers what would", async () => {
    const { engine } = await open();
    const message = "It takes 16.1 GB, and there are 8.0 GB.";
    const proposal = { weightBits: 4 as const };
    engine.planModel = async (source, options) => {
      engine.planned.push({ source, options: options ?? {} });
      const fits = options?.weightBits === 4;
      return plan(fits ? {} : { misfit: { message, proposal } });
    };
    await lookUp("org/name");
    expect(alerts()).toEqual([`${message} Use 4-bit weights`]);
    expect(button("Download and use").elements()).toEqual([]);
    await press("Use 4-bit weights");
    expect(alerts()).toEqual([]);
    await press("Download and use");
    expect(lastLoad(engine).options.weightBits).toBe(4);
  });

  test("can be kept with fewer bits a weight, where it is not quantised yet", async () => {
    const { engine } = await open();
    engine.plans.set("org/name", plan());
    await lookUp("org/name");
    await page.getByText("Details", { exact: true }).last().click();
    await page.getByRole("radio", { name: /^8 bits/ }).click();
    await settle();
    expect(engine.planned.at(-1)!.options.weightBits).toBe(8);
    await press("Download and use");
    expect(lastLoad(engine).options.weightBits).toBe(8);
  });

  test("that is kept can be updated", async () => {
    const { engine } = await open();
    engine.plans.set(
      SMOL!,
      plan({ id: SMOL!, downloadBytes: 0, hasUpdate: true }),
    );
    await press("Details of SmolLM2 135M");
    expect(shownText(find("rondo-model-plan"))).toContain(
      "None: all of it is on this device",
    );
    await press("All models");
    expect(focused()).toBe(button("Details of SmolLM2 135M").element());
    await press("Details of SmolLM2 135M");
    await press("Update");
    expect(lastLoad(engine).source).toBe(SMOL);
    expect(lastLoad(engine).options.refresh).toBe(true);
  });

  test("says why, in its card, where its details cannot be had", async () => {
    await open();
    await press("Details of Qwen2.5 0.5B");
    expect(alerts().join()).toContain("The model could not be downloaded.");
    expect(findAll("li rondo-failure-note")).toHaveLength(1);
  });

  test("with a hostile name does no harm", async () => {
    const { engine } = await open();
    const name = '<img src=x onerror="document.title=1">';
    engine.plans.set("org/name", plan({ name, architecture: name }));
    await lookUp("org/name");
    expect(shownText(find("rondo-model-plan"))).toContain(name);
    expect(findAll("rondo-model-plan img")).toEqual([]);
  });
});

describe("A private model", () => {
  async function giveToken(): Promise<void> {
    await page.getByText("Private or gated model").click();
    await page.getByLabelText("Access token").fill("hf_secret");
  }

  test("is fetched with a token, which is kept nowhere", async () => {
    const { chat, engine } = await open();
    engine.plans.set("org/name", plan());
    await giveToken();
    await lookUp("org/name");
    expect(engine.planned[0]!.options.hubToken).toBe("hf_secret");
    await press("Download and use");
    expect(lastLoad(engine).options.hubToken).toBe("hf_secret");
    lastLoad(engine).finish();
    await settle();
    const kept = JSON.stringify([{ ...localStorage }, { ...sessionStorage }]);
    expect(kept).toContain("org/name");
    expect(kept).not.toContain("hf_secret");
    expect(location.href + document.cookie).not.toContain("hf_secret");
    expect(chat.outerHTML).not.toContain("hf_secret");
  });

  test("keeps its token from other addresses", async () => {
    const { engine } = await open();
    await giveToken();
    await lookUp("https://example.org/model/");
    expect(engine.planned[0]!.options.hubToken).toBeUndefined();
  });

  test("is asked for at the page's own hub", async () => {
    const { chat, engine } = await open();
    chat.hub = "https://hub.example.org";
    await settle();
    engine.plans.set("org/name", plan());
    await lookUp("https://hub.example.org/org/name");
    expect(engine.planned[0]).toMatchObject({
      source: "org/name",
      options: { hubUrl: "https://hub.example.org" },
    });
    await press("Download and use");
    expect(lastLoad(engine).options.hubUrl).toBe("https://hub.example.org");
  });
});

describe("Files", () => {
  const files = () => [new File(["GGUF"], "mine.gguf")];

  test("that are chosen are loaded, and asked for after a reload", async () => {
    const { engine } = await open();
    const input = find("rondo-model-form", "#files") as HTMLInputElement;
    const chosen = new DataTransfer();
    chosen.items.add(new File(["{}"], "config.json"));
    chosen.items.add(new File(["x"], "model.safetensors"));
    input.files = chosen.files;
    input.dispatchEvent(new Event("change"));
    await settle();
    expect((lastLoad(engine).source as File[]).map(({ name }) => name)).toEqual(
      ["config.json", "model.safetensors"],
    );
    expect(isOpen()).toBe(false);
    expect(Object.values(localStorage)).toEqual([
      JSON.stringify({ id: "device:model.safetensors, 0.0 MB" }),
    ]);
    lastLoad(engine).finish({ ...fakeModel, name: "mine" });
    await settle();
    await press("Model: mine");
    expect(shownText(card("model.safetensors, 0.0 MB"))).toContain(
      "From your files",
    );
  });

  test("that are dropped on the list are loaded", async () => {
    const { engine } = await open();
    drop(find("rondo-model-picker", "dialog"), files());
    await settle();
    expect((lastLoad(engine).source as File[])[0]!.name).toBe("mine.gguf");
    expect(engine.attachings).toEqual([]);
  });

  test("of a model are loaded wherever they are dropped", async () => {
    const { chat, engine } = await mountChat(ready);
    drop(chat, files());
    await settle();
    expect((lastLoad(engine).source as File[])[0]!.name).toBe("mine.gguf");
  });
});

describe("A download", () => {
  async function download(): Promise<FakeEngine> {
    const { engine } = await open();
    await press("Use Qwen2.5 0.5B");
    lastLoad(engine).download(123e6, 450e6);
    await settle();
    return engine;
  }

  const label = () => shownText(find("rondo-load-progress", "label"));
  const modelName = () => shownText(find("rondo-side-panel", "footer"));

  test("says how many bytes are there, and nothing else in its first second", async () => {
    await download();
    expect(label()).toBe("Downloading the model… 123 of 450 MB");
    await expect
      .element(page.getByRole("progressbar"))
      .toHaveAttribute("value", "123000000");
  });

  test("says how fast it is, and how long it takes yet", async () => {
    const engine = await download();
    for (let i = 1; i <= 6; i++) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      lastLoad(engine).download(123e6 + i * 2e6, 450e6);
    }
    await settle();
    expect(label()).toMatch(/135 of 450 MB · [\d.]+ MB\/s · \d+ \w+ left$/);
  });

  test("can be paused, and goes on where it was", async () => {
    const engine = await download();
    const chat = find("rondo-chat");
    await press("Pause");
    expect(lastLoad(engine).options.signal!.aborted).toBe(true);
    expect(label()).toBe("Paused at 123 of 450 MB");
    expect(chat.getAttribute("state")).toBe("paused");
    expect(alerts()).toEqual([]);
    await press("Resume");
    expect(chat.getAttribute("state")).toBe("loading");
    expect(lastLoad(engine).source).toBe(QWEN);
    lastLoad(engine).finish();
    await settle();
    expect(chat.getAttribute("state")).toBe("ready");
  });

  test("keeps the focus on its button when it is paused", async () => {
    await download();
    const pause = button("Pause").element();
    await press("Pause");
    expect(focused()).toBe(pause);
  });

  test("can be given up for the model before", async () => {
    const engine = await download();
    await press("Cancel");
    expect(lastLoad(engine).options.signal!.aborted).toBe(true);
    expect(modelName()).toContain("rondo-tiny");
    expect(find("rondo-chat").getAttribute("state")).toBe("ready");
    expect(localStorage.length).toBe(0);
  });

  test("can be given up while it is paused", async () => {
    await download();
    await press("Pause");
    await press("Cancel");
    expect(modelName()).toContain("rondo-tiny");
    expect(find("rondo-chat").getAttribute("state")).toBe("ready");
  });

  test("that is given up with no model before leads to the list", async () => {
    localStorage.setItem(MODEL_KEY, JSON.stringify({ id: QWEN }));
    const { chat, engine } = await mountChat(ready);
    lastLoad(engine).download(1e6, 450e6);
    await settle();
    await press("Cancel");
    expect(chat.state).toBe("idle");
    expect(isOpen()).toBe(true);
    await userEvent.keyboard("{Escape}");
    await settle();
    expect(shownText(find("rondo-dock"))).toContain("No model is loaded");
    await button("Choose a model", true).last().click();
    await settle();
    await press("Use rondo-tiny");
    expect(chat.state).toBe("ready");
  });
});

describe("The model that was chosen", () => {
  test("is loaded again by the next page", async () => {
    const first = await open();
    await press("Use SmolLM2 135M");
    lastLoad(first.engine).finish();
    await settle();
    first.chat.remove();
    const { engine } = await mountChat(ready);
    expect(engine.loads.map(({ source }) => source)).toEqual([SMOL]);
  });

  test("is forgotten for the page's own", async () => {
    localStorage.setItem(MODEL_KEY, JSON.stringify({ id: SMOL }));
    const { engine } = await mountChat(ready);
    lastLoad(engine).finish();
    await settle();
    await press("Model: rondo-tiny");
    await press("Use rondo-tiny");
    expect(localStorage.length).toBe(0);
  });

  test("comes with how it is kept on the GPU", async () => {
    const kept = { id: "org/name", weightBits: 8 };
    localStorage.setItem(MODEL_KEY, JSON.stringify(kept));
    const { engine } = await mountChat(ready);
    expect(lastLoad(engine).options.weightBits).toBe(8);
  });

  test.for(["{", "{}", '{"id":4}', '{"id":"a/b","weightBits":3}'])(
    "is the page's own where what was remembered makes no sense: %s",
    async (text) => {
      localStorage.setItem(MODEL_KEY, text);
      const { engine } = await mountChat(ready);
      expect(nameOfSource(lastLoad(engine).source)).toBe("rondo-tiny");
    },
  );

  test("that has ended the page twice is loaded once more only when asked for", async () => {
    localStorage.setItem(MODEL_KEY, JSON.stringify({ id: "org/large" }));
    const weights = (engine: FakeEngine) => lastLoad(engine).weights(1, 2);
    // The page is gone in mid-load; once may be a reload.
    weights((await mountChat(ready)).engine);
    weights((await mountChat(ready)).engine);
    const { chat, engine } = await mountChat(ready);
    expect(engine.loads).toEqual([]);
    expect(chat.state).toBe("failed");
    expect(alerts().join()).toContain("too large for this device");
    await press("Load again");
    expect(nameOfSource(lastLoad(engine).source)).toContain("large");
    weights(engine);
    lastLoad(engine).finish();
    await settle();
    expect(chat.state).toBe("ready");
    // It was a false alarm, and is forgotten.
    expect((await mountChat(ready)).engine.loads).toHaveLength(1);
  });

  test("that cannot be loaded leaves another to choose", async () => {
    localStorage.setItem(MODEL_KEY, JSON.stringify({ id: "org/gone" }));
    const { chat, engine } = await mountChat(ready);
    lastLoad(engine).fail(namedError("ModelFetchError", "org/gone: 404."));
    await settle();
    expect(chat.state).toBe("failed");
    expect(alerts().join()).toContain("org/gone: 404.");
    await press("Load again");
    expect(lastLoad(engine).source).toBe("org/gone");
    lastLoad(engine).fail(namedError("ModelFetchError"));
    await settle();
    await press("Choose another model");
    await press("Use rondo-tiny");
    expect(chat.state).toBe("ready");
    expect(alerts()).toEqual([]);
  });

  test("gives way to another that the page names later", async () => {
    localStorage.setItem(MODEL_KEY, JSON.stringify({ id: SMOL }));
    const { chat, engine } = await mountChat(ready);
    chat.model = "org/name";
    await settle();
    expect(lastLoad(engine).source).toBe("org/name");
  });
});
