// The real AI SDK over the engine itself: what it gets, and what that costs by the engine's own counts.
import { generateText, type ModelMessage, streamText } from "ai";
import { expect, test, vi } from "vitest";
import { rondo } from "../../../src/api/ai-sdk";
import { plainEngine, saying } from "../../support/plain-engine";

vi.mock(
  "../../../src/memory/segment-transfer",
  () => import("../../support/fake-transfer"),
);

const user = (content: string): ModelMessage => ({ role: "user", content });
const assistant = (content: string): ModelMessage => ({
  role: "assistant",
  content,
});

async function all<T>(from: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of from) found.push(one);
  return found;
}

test("generateText gets a reply, why it ended, and what it took", async () => {
  const engine = await plainEngine({ draw: saying(" My name is Ada.") });
  const made = await generateText({ model: rondo(engine), prompt: "Hi" });
  expect(made.text).toBe(" My name is Ada.");
  expect(made.finishReason).toBe("stop");
  expect(made.usage.outputTokens).toBe(
    await engine.countTokens(" My name is Ada."),
  );
  expect(made.usage.inputTokens).toBeGreaterThan(0);
  expect(made.usage.cachedInputTokens).toBe(0);
  expect(made.warnings).toEqual([]);
});

test("streamText streams it, with its thinking apart", async () => {
  const said = "<think>\nWell.\n</think>\n\nYes.";
  const engine = await plainEngine({ draw: saying(said) });
  const stream = streamText({ model: rondo(engine), prompt: "Well?" });
  const parts = await all(stream.fullStream);
  const text = (type: string) =>
    parts
      .map((part) =>
        part.type === type ? (part as { text: string }).text : "",
      )
      .join("");
  expect(text("text-delta")).toBe("Yes.");
  expect(text("reasoning-delta").trim()).toBe("Well.");
  const kinds = parts.map(({ type }) => type);
  expect(kinds.filter((type) => type.endsWith("-start"))).toEqual([
    "reasoning-start",
    "text-start",
  ]);
  expect(kinds.at(-1)).toBe("finish");
  expect(await stream.reasoningText).toBe(text("reasoning-delta"));
});

test("a conversation that is sent whole each time reads only what is new", async () => {
  const engine = await plainEngine({
    draw: saying(" One.", " Two.", " Other."),
  });
  const model = rondo(engine);
  const ask = async (...messages: ModelMessage[]) => {
    const { text, usage } = await generateText({ model, messages });
    return { text, cached: usage.cachedInputTokens!, all: usage.inputTokens! };
  };
  const first = await ask(user("Tell me one."));
  const second = await ask(
    user("Tell me one."),
    assistant(first.text),
    user("And two?"),
  );
  expect(second.cached).toBeGreaterThanOrEqual(first.all);
  expect(second.all - second.cached).toBeLessThan(first.all);
  // Another second message: a branch.
  const other = await ask(
    user("Tell me one."),
    assistant(first.text),
    user("And another?"),
  );
  expect(other.cached).toBeGreaterThanOrEqual(first.all);
  expect(await engine.listChats()).toEqual([]);
});

test("options reach the sampler, and what is not supported is a warning", async () => {
  const engine = await plainEngine({ draw: saying(" One. Two. Three.") });
  const chat = vi.spyOn(engine, "chat");
  const made = await generateText({
    model: rondo(engine),
    system: "Be brief.",
    prompt: "Count.",
    maxOutputTokens: 50,
    temperature: 0.5,
    topK: 9,
    topP: 0.8,
    presencePenalty: 0.25,
    frequencyPenalty: -0.5,
    seed: 7,
    stopSequences: [" Two"],
    tools: {},
  });
  expect(chat.mock.lastCall![2]).toMatchObject({
    sampler: {
      temperature: 0.5,
      topK: 9,
      topP: 0.8,
      presencePenalty: 0.25,
      frequencyPenalty: -0.5,
      seed: 7,
    },
    maxTokens: 50,
    stop: [" Two"],
  });
  expect(made.text).toBe(" One.");
  expect(made.finishReason).toBe("stop");
});

test("an abort ends the reply, and the next one comes", async () => {
  const engine = await plainEngine({
    draw: saying(" One two three four five six seven eight.", " Fine."),
  });
  const model = rondo(engine);
  const controller = new AbortController();
  const onAbort = vi.fn();
  const stream = streamText({
    model,
    prompt: "Count.",
    abortSignal: controller.signal,
    onAbort,
  });
  let text = "";
  for await (const delta of stream.textStream) {
    text += delta;
    controller.abort();
  }
  expect(onAbort).toHaveBeenCalledOnce();
  expect(" One two three four five six seven eight.").toContain(text);
  expect(text.length).toBeLessThan(30);
  await expect(
    generateText({ model, prompt: "Hi", abortSignal: controller.signal }),
  ).rejects.toThrow(/abort/i);
  expect((await generateText({ model, prompt: "How?" })).text).not.toBe("");
});

test("what is not text is refused by its place", async () => {
  const engine = await plainEngine();
  const image = new Uint8Array([137, 80, 78, 71]);
  const message: ModelMessage = {
    role: "user",
    content: [{ type: "image", image, mediaType: "image/png" }],
  };
  await expect(
    generateText({ model: rondo(engine), messages: [message] }),
  ).rejects.toThrow(
    "Message 1 of the prompt, of the user, has a part of type file",
  );
  await expect(
    generateText({
      model: rondo(engine),
      messages: [user("Hi"), assistant("Hello.")],
    }),
  ).rejects.toThrow("The prompt's messages must end with one of the user");
});
