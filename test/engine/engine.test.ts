// The engine over an archive and models that take their time, or fail, when a test wants them to.
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { EngineNotice } from "../../src/engine/api/notice";
import { type ArchivedChat, NoArchive } from "../../src/engine/archive/archive";
import type { RoundFields } from "../../src/engine/chat/chat-round";
import { Engine, type EngineOptions } from "../../src/engine/engine";
import type { LoadedModel } from "../../src/engine/load/loaded-model";
import { ModelLibrary } from "../../src/engine/load/model-library";
import { NO_TOKEN } from "../../src/kernels/sampling/sample";
import type { ModelFiles } from "../../src/model/files/model-files";
import { HALVES } from "../../src/util/kv-half";
import { openTemplate } from "../../src/model/text/open-template";
import { memoryFiles } from "../support/memory-files";
import { plainModel } from "../support/plain-model";
import { say } from "../support/say";
import { tokenizerOf } from "../support/tokenizers";

vi.mock(
  "../../src/memory/segment-transfer",
  () => import("../support/fake-transfer"),
);

const SHORT = { maxTokens: 3 };

/** A gate: `passed` resolves once it is opened. */
function gate(): { open: () => void; passed: Promise<void> } {
  let open = () => {};
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { open, passed };
}

function kept(id: string, system?: string): ArchivedChat {
  const conversation = {
    id,
    title: id,
    system,
    createdMs: 1,
    updatedMs: 1,
    model: { name: "fake", url: "" },
  };
  const round = {
    conversationId: id,
    id: 1,
    parentId: 0,
    user: "Hi",
    reply: "Hello!",
    isFinished: true,
    tokens: new Uint32Array(),
    openTokens: 0,
    textFingerprint: "",
    contentHash: "",
    attended: null,
    createdMs: 1,
  };
  return { conversation, rounds: [round], damagedIds: [], unreadableIds: [] };
}

/** What a round says when it is written. */
type Written = Pick<RoundFields, "id" | "user" | "reply" | "isFinished">;

/** An archive that notes what it is told, and gives what `read` says. */
function archiveOf(read: (id: string) => ArchivedChat | undefined) {
  const written: Written[] = [];
  const archive = Object.assign(new NoArchive(), {
    read: async (id: string) => read(id),
    rename: async () => undefined,
    saveRounds: async (_: unknown, rounds: readonly RoundFields[]) => {
      for (const { id, user, reply, isFinished } of rounds)
        written.push({ id, user, reply, isFinished });
      return true;
    },
  });
  return { archive, written };
}

interface TestEngine {
  engine: Engine;
  written: Written[];
  notices: EngineNotice[];
  /** Models that were loaded, in order. */
  models: LoadedModel[];
  /** How often the archive was opened. */
  opened: { count: number };
}

function engineOf(
  read: (id: string) => ArchivedChat | undefined = kept,
  options: EngineOptions = {},
): TestEngine {
  const { archive, written } = archiveOf(read);
  const models: LoadedModel[] = [];
  const opened = { count: 0 };
  const engine = new Engine({
    openFiles: () => ({}) as ModelFiles,
    openModel: async () => {
      const segmentFingerprint = `segments ${models.length}`;
      models.push(plainModel({ segmentFingerprint }));
      return models.at(-1)!;
    },
    openArchive: async () => {
      opened.count++;
      return archive;
    },
    ...options,
  });
  const notices: EngineNotice[] = [];
  engine.onNotice((notice) => notices.push(notice));
  onTestFinished(() => engine.close());
  return { engine, written, notices, models, opened };
}

/** Pages that are taken, half by half. */
const usedPages = ({ residency }: LoadedModel) =>
  HALVES.map((half) => {
    const { pageCount, freePages } = residency.cache[half].pool;
    return pageCount - freePages;
  });

const isFault = ({ type }: EngineNotice) => type === "memory-fault";

/** Waits for what is queued. */
const settled = (engine: Engine, chatId: string) =>
  engine.showVersion(chatId, 1);

describe("a chat that another tab has changed", () => {
  /** Chats `a` and `b`, both with KV; `a` was left, and is another one now. */
  async function changedChat(options: EngineOptions = {}) {
    let system = "Be kind.";
    const test = engineOf(
      (id) => kept(id, id === "a" ? system : undefined),
      options,
    );
    const { engine } = test;
    await engine.setHealing(false);
    await engine.load("one");
    for (const id of ["b", "a"]) {
      await engine.openChat(id);
      await say(engine, id, "How are you?", SHORT);
    }
    await engine.leaveChat("a");
    system = "Be brief.";
    return test;
  }

  test("gives its pages back when it is opened", async () => {
    const alone = engineOf();
    await alone.engine.load("one");
    await alone.engine.openChat("b");
    await say(alone.engine, "b", "How are you?", SHORT);
    await settled(alone.engine, "b");

    const { engine, models, notices } = await changedChat();
    const [used] = usedPages(models[0]!);
    expect(used).toBeGreaterThan(usedPages(alone.models[0]!)[0]!);
    expect((await engine.openChat("a")).system).toBe("Be brief.");
    await settled(engine, "b");
    expect(usedPages(models[0]!)).toEqual(usedPages(alone.models[0]!));
    expect(notices.filter(isFault)).toEqual([]);
  });

  test("takes no page from the chats of the model that is loaded meanwhile", async () => {
    /** Another model is chosen, and something is said in chat b before it is there. */
    const usedByOthers = async (isOpened: boolean) => {
      const slow = gate();
      const models: LoadedModel[] = [];
      const { engine, notices } = await changedChat({
        openModel: async () => {
          if (models.length > 0) await slow.passed;
          const segmentFingerprint = `segments ${models.length}`;
          models.push(plainModel({ segmentFingerprint }));
          return models.at(-1)!;
        },
      });
      const loading = engine.load("two");
      const saying = say(engine, "b", "And now?", SHORT);
      if (isOpened) await engine.openChat("a");
      slow.open();
      await loading;
      await saying;
      await say(engine, "b", "And then?", SHORT);
      await settled(engine, "b");
      models[1]!.residency.check();
      expect(notices.filter(isFault)).toEqual([]);
      expect(usedPages(models[1]!)).not.toContain(0);
      return usedPages(models[1]!);
    };
    expect(await usedByOthers(true)).toEqual(await usedByOthers(false));
  });
});

describe("a model whose turns no token ends", () => {
  /** What it says of itself, then the user's next message, then something else for ever. */
  const SAYING = " I am.\n\nUser: Who?";

  test("stops where the next turn would begin, and keeps no more of it", async () => {
    const tokenizer = tokenizerOf("rondoTiny");
    const ids = tokenizer.encodeText(SAYING);
    let at = 0;
    const loaded = plainModel({ draw: () => ids[at++] ?? ids[0]! });
    loaded.model.template = await openTemplate(memoryFiles({}), {
      markers: [],
    });
    const { engine, notices } = engineOf(() => undefined, {
      openModel: async () => loaded,
    });
    const info = await engine.load("one");
    expect(info.templateNote).toContain("plain turns are used");
    const id = await engine.createChat();
    const { text, receipt } = await say(engine, id, "Who are you?");
    expect(text).toBe(" I am.\n");
    expect(receipt.finishReason).toBe("stop");
    expect(receipt.replyTokens).toBe(tokenizer.encodeText(" I am.\n").length);
    at = 0;
    expect((await say(engine, id, "And now?")).text).toBe(" I am.\n");
    expect(notices.filter(isFault)).toEqual([]);
  });
});

describe("what is said of a chat that is open", () => {
  test("has the name that it was given since", async () => {
    const { engine } = engineOf();
    await engine.openChat("a");
    await engine.renameChat("a", "Biscuit");
    const { summary } = await engine.showVersion("a", 1);
    expect(summary.title).toBe("Biscuit");
    expect((await engine.openChat("a")).summary.title).toBe("Biscuit");
  });

  test("has the model and the time of what was said last", async () => {
    const { engine } = engineOf();
    await engine.load("one");
    const id = await engine.createChat();
    const { summary: before } = await engine.openChat(id);
    expect(before.modelName).toBe("");
    vi.useFakeTimers({ toFake: ["Date"], now: before.updatedMs + 5000 });
    onTestFinished(() => void vi.useRealTimers());
    await say(engine, id, "Hello!", SHORT);
    const { summary } = await engine.openChat(id);
    expect(summary).toMatchObject({
      title: "Hello!",
      modelName: "fake 1",
      updatedMs: before.updatedMs + 5000,
    });
  });
});

describe("a message", () => {
  test("is written down while the model still loads", async () => {
    const slow = gate();
    const { engine, written } = engineOf(kept, {
      openModel: async () => {
        await slow.passed;
        return plainModel();
      },
    });
    await engine.openChat("a");
    const loading = engine.load("one");
    const saying = say(engine, "a", "Are you there?", SHORT);
    await vi.waitFor(() =>
      expect(written.at(-1)).toEqual({
        id: 2,
        user: "Are you there?",
        reply: "",
        isFinished: false,
      }),
    );
    slow.open();
    await loading;
    const { text } = await saying;
    await vi.waitFor(() =>
      expect(written.at(-1)).toMatchObject({ id: 2, reply: text }),
    );
  });

  test("is written down while another chat is answered", async () => {
    const { engine, written } = engineOf();
    await engine.load("one");
    for (const id of ["a", "b"]) await engine.openChat(id);
    const reply = engine.chat("a", "Tell me a story.");
    await reply.next();
    const other = say(engine, "b", "Are you there?", SHORT);
    await vi.waitFor(() =>
      expect(written.map(({ user }) => user)).toContain("Are you there?"),
    );
    await reply.return();
    await other;
  });

  test("whose reply fails is there and in the store, without a reply", async () => {
    const { engine, written } = engineOf(kept, {
      openModel: async () => plainModel({ draw: () => NO_TOKEN }),
    });
    await engine.load("one");
    await engine.openChat("a");
    await expect(say(engine, "a", "How are you?", SHORT)).rejects.toThrow(
      "are not numbers",
    );
    const { rounds } = await engine.showVersion("a", 2);
    expect(rounds.at(-1)).toMatchObject({ id: 2, message: "How are you?" });
    expect(rounds.at(-1)).toMatchObject({ reply: "", isFinished: false });
    await vi.waitFor(() => expect(written.length).toBeGreaterThan(1));
    expect(written.filter(({ id }) => id === 2)).not.toContainEqual(
      expect.objectContaining({ isFinished: true }),
    );
  });
});

describe("while a model is downloaded", () => {
  /** Downloads of models by their names on the hub: each begins, and ends when the test wants it. */
  function downloads() {
    const begun: { source: unknown; gate: ReturnType<typeof gate> }[] = [];
    const open = vi.spyOn(ModelLibrary.prototype, "open");
    onTestFinished(() => open.mockRestore());
    open.mockImplementation(async (source, { onProgress, signal } = {}) => {
      if (typeof source !== "string" || !source.includes("/"))
        return {} as ModelFiles;
      onProgress?.({ phase: "download", loadedBytes: 0, totalBytes: 9 });
      const download = { source, gate: gate() };
      begun.push(download);
      await new Promise<void>((resolve, reject) => {
        void download.gate.passed.then(resolve);
        signal!.addEventListener("abort", () =>
          reject(signal!.reason as Error),
        );
      });
      return {} as ModelFiles;
    });
    return begun;
  }

  /** Models that say which they are: fake 1, fake 2, … */
  function numbered(): EngineOptions {
    let count = 0;
    const openModel = async () => {
      const loaded = plainModel({ segmentFingerprint: `segments ${count}` });
      loaded.model.name = `fake ${++count}`;
      return loaded;
    };
    return { openModel };
  }

  const modelsOf = async (engine: Engine, chatId: string) =>
    (await engine.openChat(chatId)).rounds.map(({ modelName }) => modelName);

  test("the one before answers, and then the new one takes over", async () => {
    const begun = downloads();
    const { engine } = engineOf(kept, numbered());
    await engine.load("one");
    await engine.openChat("a");
    const phases: string[] = [];
    const loading = engine.load("org/two", {
      onProgress: ({ phase }) => phases.push(phase),
    });
    await say(engine, "a", "Are you there?", SHORT);
    await say(engine, "a", "Still?", SHORT);
    expect(phases).toEqual(["download"]);
    begun[0]!.gate.open();
    expect((await loading).name).toBe("fake 2");
    await say(engine, "a", "And now?", SHORT);
    expect(await modelsOf(engine, "a")).toEqual([
      undefined,
      "fake 1",
      "fake 1",
      "org/two",
    ]);
  });

  test("a reply that is coming ends before the new one takes over", async () => {
    const begun = downloads();
    const { engine, models } = engineOf();
    await engine.load("one");
    await engine.openChat("a");
    const reply = engine.chat("a", "Tell me a story.", { maxTokens: 9 });
    await reply.next();
    const loading = engine.load("org/two");
    await vi.waitFor(() => expect(begun).toHaveLength(1));
    begun[0]!.gate.open();
    let last: unknown;
    for await (const event of reply) {
      last = event;
      expect(models).toHaveLength(1);
    }
    expect(last).toMatchObject({ receipt: { finishReason: "length" } });
    await loading;
    expect(models).toHaveLength(2);
  });

  test("messages wait for it where there is none before", async () => {
    const begun = downloads();
    const { engine } = engineOf(kept, numbered());
    const loading = engine.load("org/one");
    await engine.openChat("a");
    const saying = say(engine, "a", "Are you there?", SHORT);
    await vi.waitFor(() => expect(begun).toHaveLength(1));
    begun[0]!.gate.open();
    await loading;
    await saying;
    expect(await modelsOf(engine, "a")).toEqual([undefined, "org/one"]);
  });

  test("another load ends the download at once, and the one before answers until then", async () => {
    const begun = downloads();
    const { engine } = engineOf(kept, numbered());
    await engine.load("one");
    await engine.openChat("a");
    const two = engine.load("org/two");
    await vi.waitFor(() => expect(begun).toHaveLength(1));
    const three = engine.load("org/three");
    await expect(two).rejects.toThrow("Another model is loaded instead.");
    await say(engine, "a", "Are you there?", SHORT);
    begun[1]!.gate.open();
    await three;
    await say(engine, "a", "And now?", SHORT);
    expect(begun.map(({ source }) => source)).toEqual(["org/two", "org/three"]);
    expect(await modelsOf(engine, "a")).toEqual([
      undefined,
      "fake 1",
      "org/three",
    ]);
  });

  test("what was said behind a load that needs no download is for its model", async () => {
    downloads();
    const { engine } = engineOf(kept, numbered());
    await engine.load("one");
    await engine.openChat("a");
    const loading = engine.load("two");
    await say(engine, "a", "Are you there?", SHORT);
    await loading;
    expect(await modelsOf(engine, "a")).toEqual([undefined, "fake 2"]);
  });

  test.each([true, false])(
    "closing ends the download at once: with a model before: %s",
    async (hasBefore) => {
      const begun = downloads();
      const { engine } = engineOf();
      if (hasBefore) await engine.load("one");
      const loading = engine.load("org/two");
      await vi.waitFor(() => expect(begun).toHaveLength(1));
      await Promise.all([
        expect(loading).rejects.toThrow("The engine is closed."),
        engine.close(),
      ]);
    },
  );
});

describe("an engine that is closed", () => {
  test("opens its store no more for what a turn leaves to be done", async () => {
    const { engine, opened } = engineOf();
    await engine.load("one");
    await engine.openChat("a");
    const reply = engine.chat("a", "How are you?");
    await reply.next();
    const closing = engine.close();
    await reply.return();
    await closing;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(opened.count).toBe(1);
    await expect(engine.openChat("a")).rejects.toThrow("closed");
    expect(opened.count).toBe(1);
  });

  test("ends the reply that is coming", async () => {
    const { engine } = engineOf();
    await engine.load("one");
    await engine.openChat("a");
    const reply = engine.chat("a", "How are you?", { maxTokens: 500 });
    await reply.next();
    const closing = engine.close();
    let last: unknown;
    for await (const event of reply) last = event;
    expect(last).toMatchObject({ receipt: { finishReason: "aborted" } });
    await closing;
  });

  test("ends the load that is under way", async () => {
    const { engine } = engineOf(kept, {
      openModel: (_, { signal }) =>
        new Promise((_, reject) =>
          signal!.addEventListener("abort", () =>
            reject(signal!.reason as Error),
          ),
        ),
    });
    const loading = engine.load("one");
    await Promise.all([
      expect(loading).rejects.toThrow("The engine is closed."),
      engine.close(),
    ]);
  });
});

test("A reply says which model it is from, and a message without one says nothing", async () => {
  const { engine } = engineOf();
  await engine.setHealing(false);
  await engine.openChat("a");
  await engine.load("one");
  await say(engine, "a", "Who are you?", SHORT);
  await engine.addMessage("a", "And who answers this?");
  const { rounds } = await engine.openChat("a");
  const { name } = plainModel().model;
  expect(rounds.map(({ modelName }) => modelName)).toEqual([
    undefined,
    name,
    undefined,
  ]);
});
