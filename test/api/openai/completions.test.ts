// `create` over the engine itself: what comes of it, and what it costs by the engine's own counts.
import type OpenAI from "openai";
import { describe, expect, expectTypeOf, test, vi } from "vitest";
import {
  type ChatCompletion,
  type ChatCompletionChunk,
  createOpenAI,
  type RequestMessage,
} from "../../../src/api/openai";
import type { Engine } from "../../../src/engine/engine";
import { plainEngine, saying } from "../../support/plain-engine";

vi.mock(
  "../../../src/memory/segment-transfer",
  () => import("../../support/fake-transfer"),
);

const user = (content: string): RequestMessage => ({ role: "user", content });
const assistant = (content: string): RequestMessage => ({
  role: "assistant",
  content,
});
const model = "fake";

/** Asks, and keeps asking with all that was said, as clients do. */
function talk(engine: Engine) {
  const { chat } = createOpenAI(engine, { model });
  const ask = async (...messages: RequestMessage[]) => {
    const made = await chat.completions.create({
      model,
      messages,
      max_tokens: 4,
    });
    const { prompt_tokens, prompt_tokens_details } = made.usage;
    const cached = prompt_tokens_details.cached_tokens;
    const { content } = made.choices[0].message;
    return { content: content!, cached, fresh: prompt_tokens - cached };
  };
  return { chat, ask };
}

async function all<T>(from: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of from) found.push(one);
  return found;
}

describe("a completion", () => {
  test("is OpenAI's, whole", async () => {
    const engine = await plainEngine({ draw: saying(" My name is Ada.") });
    const { chat } = createOpenAI(engine, { model });
    const before = Math.floor(Date.now() / 1000);
    const made = await chat.completions.create({
      model,
      messages: [user("Hi")],
    });
    const tokens = await engine.countTokens(" My name is Ada.");
    expect(made).toEqual({
      id: expect.stringMatching(/^chatcmpl-./) as string,
      object: "chat.completion",
      created: expect.any(Number) as number,
      model,
      choices: [
        {
          index: 0,
          message: {
            role: "assistant",
            content: " My name is Ada.",
            refusal: null,
          },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: {
        prompt_tokens: expect.any(Number) as number,
        completion_tokens: tokens,
        total_tokens: made.usage.prompt_tokens + tokens,
        prompt_tokens_details: { cached_tokens: 0 },
      },
    });
    expect(made.created).toBeGreaterThanOrEqual(before);
    expect(made.usage.prompt_tokens).toBeGreaterThan(
      await engine.countTokens("Hi"),
    );
  });

  test("is OpenAI's, in chunks of one id", async () => {
    const engine = await plainEngine({ draw: saying(" My name is Ada.") });
    const { chat } = createOpenAI(engine, { model });
    const chunks = await all(
      await chat.completions.create({
        model,
        messages: [user("Hi")],
        stream: true,
      }),
    );
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    const choices = chunks.map((one) => one.choices[0]!);
    expect(choices[0]!.delta).toEqual({ role: "assistant", content: "" });
    expect(choices.at(-1)).toEqual({
      index: 0,
      delta: {},
      logprobs: null,
      finish_reason: "stop",
    });
    const text = choices.map(({ delta }) => delta.content ?? "").join("");
    expect(text).toBe(" My name is Ada.");
    for (const { finish_reason } of choices.slice(0, -1))
      expect(finish_reason).toBeNull();
    for (const one of chunks) expect(one).not.toHaveProperty("usage");
  });

  test("ends with its usage where that is asked for", async () => {
    const engine = await plainEngine();
    const { chat } = createOpenAI(engine, { model });
    const chunks = await all(
      await chat.completions.create({
        model,
        messages: [user("Hi")],
        max_tokens: 3,
        stream: true,
        stream_options: { include_usage: true },
      }),
    );
    const last = chunks.pop()!;
    expect(last.choices).toEqual([]);
    expect(last.usage?.completion_tokens).toBe(3);
    expect(chunks.at(-1)!.choices[0]!.finish_reason).toBe("length");
    for (const { usage } of chunks) expect(usage).toBeNull();
  });

  test("has the types of OpenAI's own", () => {
    type Params = OpenAI.ChatCompletionCreateParamsNonStreaming;
    // `abort` is WebLLM's, and only comes to those who call `interruptGenerate`.
    type Finished<T> = { [K in keyof T]: Exclude<T[K], "abort"> };
    expectTypeOf<
      Finished<ChatCompletion["choices"][0]>
    >().toExtend<OpenAI.ChatCompletion.Choice>();
    expectTypeOf<Omit<ChatCompletion, "choices">>().toExtend<
      Omit<OpenAI.ChatCompletion, "choices">
    >();
    expectTypeOf<Omit<ChatCompletionChunk, "choices">>().toExtend<
      Omit<OpenAI.ChatCompletionChunk, "choices">
    >();
    const params: Params = { model, messages: [user("Hi") as never] };
    expect(params.model).toBe(model);
  });

  test("is sampled as was asked for, whatever integer the seed is", async () => {
    const engine = await plainEngine();
    const { mock } = vi.spyOn(engine, "chat");
    const face = createOpenAI(engine, { model });
    for (const seed of [7, -1, 2 ** 40 + 3])
      await face.chat.completions.create({
        model,
        messages: [user("Hi")],
        seed,
        temperature: 0.5,
        top_p: 0,
        max_tokens: 1,
      });
    const topP = Number.MIN_VALUE;
    expect(mock.calls.map(([, , options]) => options?.sampler)).toEqual([
      { seed: 7, temperature: 0.5, topP },
      { seed: 2 ** 32 - 1, temperature: 0.5, topP },
      { seed: 3, temperature: 0.5, topP },
    ]);
  });
});

describe("a client that sends its whole history each time", () => {
  test("has no more computed for it than what is new", async () => {
    const { ask } = talk(await plainEngine());
    const messages: RequestMessage[] = [
      { role: "system", content: "You are kind and you are brief." },
    ];
    const turns = [];
    for (let turn = 0; turn < 6; turn++) {
      messages.push(user("My cat is called Miso."));
      const made = await ask(...messages);
      messages.push(assistant(made.content));
      turns.push(made);
    }
    // The first message also has the system prompt computed, the others what closes the reply before.
    const [, second, ...later] = turns;
    for (const { fresh } of later) expect(fresh).toBe(second!.fresh);
    const cached = turns.map((turn) => turn.cached);
    expect(cached[0]).toBe(0);
    for (let turn = 1; turn < cached.length; turn++) {
      const before = turns[turn - 1]!;
      expect(cached[turn]).toBeGreaterThanOrEqual(
        cached[turn - 1]! + before.fresh,
      );
    }
  });

  test("has nothing of it computed for the same messages again", async () => {
    const { ask } = talk(await plainEngine());
    const first = await ask(user("Hello."));
    const messages = [user("Hello."), assistant(first.content), user("And?")];
    const once = await ask(...messages);
    const again = await ask(...messages);
    expect(again.cached).toBeGreaterThanOrEqual(once.cached);
    expect(again.fresh).toBeLessThanOrEqual(once.fresh);
  });

  test("goes on in either of two conversations, one after the other", async () => {
    const { ask } = talk(await plainEngine());
    const talks = ["Oslo", "Rome"].map((place) => [user(`I am in ${place}.`)]);
    const cached: number[][] = [[], []];
    for (let turn = 0; turn < 3; turn++)
      for (const [i, messages] of talks.entries()) {
        const made = await ask(...messages);
        cached[i]!.push(made.cached);
        messages.push(assistant(made.content), user("Where am I?"));
      }
    for (const [first, second, third] of cached) {
      expect(second).toBeGreaterThan(first!);
      expect(third).toBeGreaterThan(second!);
    }
  });

  test("has what was never said computed once, and then no more", async () => {
    const { ask } = talk(await plainEngine());
    const history = [
      user("My cat is called Miso."),
      assistant("A good name."),
      user("I live in Oslo."),
      assistant("It is cold there."),
    ];
    const first = await ask(...history, user("Where?"));
    const second = await ask(
      ...history,
      user("Where?"),
      assistant(first.content),
      user("Where?"),
    );
    expect(first.cached).toBe(0);
    expect(second.cached).toBeGreaterThanOrEqual(first.fresh);
    expect(second.fresh).toBeLessThan(first.fresh / 2);
  });
});

describe("what is said before", () => {
  test("stays in its own chat where the system prompt is another", async () => {
    const engine = await plainEngine();
    const { ask } = talk(engine);
    const system = (content: string): RequestMessage => ({
      role: "system",
      content,
    });
    await ask(system("Be kind."), user("Hello."));
    const other = await ask(system("Be brief."), user("Hello."));
    expect(other.cached).toBe(0);
    const same = await ask(system("Be kind."), user("Good bye."));
    expect(same.cached).toBeGreaterThan(0);
  });

  test("is what the client says that it was, not what the model said", async () => {
    const engine = await plainEngine();
    const { ask } = talk(engine);
    const first = await ask(user("Hello."));
    const read = vi.spyOn(engine, "addRounds");
    const said = "Something else altogether.";
    const other = await ask(user("Hello."), assistant(said), user("And?"));
    expect(read.mock.calls.map(([, rounds]) => rounds)).toEqual([
      [{ message: "Hello.", reply: said }],
    ]);
    const kept = await ask(
      user("Hello."),
      assistant(first.content),
      user("And?"),
    );
    expect(other.fresh).toBeGreaterThan(kept.fresh);
    expect(read).toHaveBeenCalledTimes(1);
  });

  test("is read as it is given, whichever way messages follow each other", async () => {
    const engine = await plainEngine();
    const { ask } = talk(engine);
    const shown = watchChats(engine);
    await ask(
      { role: "developer", content: "Be kind." },
      { role: "system", content: [{ type: "text", text: "Be brief." }] },
      assistant("Welcome!"),
      user("Hello."),
      user("Hello?"),
      assistant("Hi."),
      assistant("I am here."),
      user("Good."),
    );
    const [chat] = await shown();
    expect(chat).toEqual({
      system: "Be kind.\n\nBe brief.",
      rounds: [
        ["", "Welcome!"],
        ["Hello.\n\nHello?", "Hi.\n\nI am here."],
        ["Good.", expect.any(String)],
      ],
    });
  });

  test("may lose its first rounds and have one changed, and is read as it is then", async () => {
    const engine = await plainEngine();
    const { ask } = talk(engine);
    const shown = watchChats(engine);
    const messages = ["one", "two", "three", "four"].flatMap((word) => [
      user(`This is ${word}.`),
      assistant(`That was ${word}.`),
    ]);
    await ask(...messages, user("And?"));
    await ask(...messages.slice(2), user("And?"));
    await ask(
      ...messages.slice(0, 3),
      assistant("No."),
      ...messages.slice(4),
      user("And?"),
    );
    const said = (words: string[]) =>
      words.map((word) => [`This is ${word}.`, `That was ${word}.`]);
    const [chat] = await shown();
    expect(chat!.rounds.slice(0, -1)).toEqual([
      ...said(["one"]),
      ["This is two.", "No."],
      ...said(["three", "four"]),
    ]);
  });
});

/** What the engine's chats show now, the last one first; of those that were made since this was called. */
function watchChats(engine: Engine) {
  const { mock } = vi.spyOn(engine, "createChat");
  return async () => {
    const made = mock.settledResults.map(({ value }) => value as string);
    return Promise.all(
      made.toReversed().map(async (id) => {
        const { system, rounds } = await engine.openChat(id);
        const said = rounds.map(({ message, reply }) => [message, reply]);
        return { system, rounds: said };
      }),
    );
  };
}
