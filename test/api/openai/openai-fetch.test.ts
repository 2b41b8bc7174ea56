// The package `openai`, as its users have it, talking to an engine in the page instead of a server.
import OpenAI, {
  APIUserAbortError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
} from "openai";
import { describe, expect, test, vi } from "vitest";
import { openAIFetch } from "../../../src/api/openai";
import type { Engine } from "../../../src/engine/engine";
import { ContextFullError, OutOfMemoryError } from "../../../src/util/errors";
import { plainEngine, saying } from "../../support/plain-engine";

vi.mock(
  "../../../src/memory/segment-transfer",
  () => import("../../support/fake-transfer"),
);

const model = "fake";
const REPLY = " My name is Ada: 東京.";
const messages = [{ role: "user" as const, content: "Who are you?" }];

function clientOf(engine: Engine): OpenAI {
  return new OpenAI({
    apiKey: "none",
    baseURL: "http://rondo.invalid/v1",
    fetch: openAIFetch(engine, { model }),
  });
}

const client = async (draw?: () => number) =>
  clientOf(await plainEngine(draw && { draw }));

describe("the client", () => {
  test("gets a reply", async () => {
    const openai = await client(saying(REPLY));
    const made = await openai.chat.completions.create({ model, messages });
    expect(made.choices[0]!.message.content).toBe(REPLY);
    expect(made.choices[0]!.finish_reason).toBe("stop");
    expect(made.usage!.prompt_tokens_details!.cached_tokens).toBe(0);
    expect(made.usage!.total_tokens).toBe(
      made.usage!.prompt_tokens + made.usage!.completion_tokens,
    );
  });

  test("gets it as it is said, and its usage at the end", async () => {
    const openai = await client(saying(REPLY));
    const stream = await openai.chat.completions.create({
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let chunks = 0;
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      chunks++;
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage;
    }
    expect(text).toBe(REPLY);
    expect(chunks).toBeGreaterThan(4);
    expect(usage!.completion_tokens).toBeGreaterThan(4);
  });

  test("has its helpers put the whole together", async () => {
    const openai = await client(saying(REPLY));
    const made = await openai.chat.completions
      .stream({ model, messages })
      .finalChatCompletion();
    expect(made.choices[0]!.message.content).toBe(REPLY);
    expect(made.choices[0]!.finish_reason).toBe("stop");
  });

  test("goes on from what it was told, without its history being computed", async () => {
    const openai = await client();
    const said: OpenAI.ChatCompletionMessageParam[] = [];
    const fresh: number[] = [];
    for (let turn = 0; turn < 4; turn++) {
      said.push({ role: "user", content: "My cat is called Miso." });
      const made = await openai.chat.completions.create({
        model,
        messages: said,
        max_completion_tokens: 4,
      });
      // As it came: with all fields that a message has.
      said.push(made.choices[0]!.message);
      const { prompt_tokens, prompt_tokens_details } = made.usage!;
      fresh.push(prompt_tokens - prompt_tokens_details!.cached_tokens!);
    }
    expect(fresh[2]).toBe(fresh[1]);
    expect(fresh[3]).toBe(fresh[1]);
  });

  test("lists the model that is there", async () => {
    const openai = await client();
    const list = await openai.models.list();
    expect(list.data.map(({ id }) => id)).toEqual([model]);
    expect((await openai.models.retrieve(model)).id).toBe(model);
    await expect(openai.models.retrieve("other")).rejects.toThrow(
      NotFoundError,
    );
  });
});

describe("a reply that is stopped", () => {
  test("ends, and the next one is said", async () => {
    const openai = await client();
    const stream = await openai.chat.completions.create({
      model,
      messages,
      stream: true,
    });
    let chunks = 0;
    // Its draws never come to an end by themselves before a thousand tokens.
    for await (const _ of stream) if (++chunks === 5) stream.controller.abort();
    expect(chunks).toBeLessThan(50);
    const next = openai.chat.completions.create({
      model,
      messages,
      max_tokens: 2,
    });
    expect((await next).usage!.completion_tokens).toBe(2);
  });

  test("ends where its reader has left", async () => {
    const openai = await client();
    const stream = await openai.chat.completions.create({
      model,
      messages,
      stream: true,
    });
    for await (const _ of stream) break;
    const next = openai.chat.completions.create({
      model,
      messages,
      max_tokens: 2,
    });
    expect((await next).usage!.completion_tokens).toBe(2);
  });

  test("rejects as one that was aborted, where it was to be whole", async () => {
    const engine = await plainEngine();
    const stop = new AbortController();
    const ends: string[] = [];
    const chat = engine.chat.bind(engine);
    vi.spyOn(engine, "chat").mockImplementation(async function* (...asked) {
      for await (const event of chat(...asked)) {
        if (event.type === "text") stop.abort();
        if (event.type === "end") ends.push(event.receipt.finishReason);
        yield event;
      }
    });
    const made = clientOf(engine).chat.completions.create(
      { model, messages },
      { signal: stop.signal },
    );
    await expect(made).rejects.toThrow(APIUserAbortError);
    await vi.waitFor(() => expect(ends).toEqual(["aborted"]));
  });

  test("rejects at once where it waits for another", async () => {
    const engine = await plainEngine();
    let begin = () => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const chat = engine.chat.bind(engine);
    vi.spyOn(engine, "chat").mockImplementation(async function* (...asked) {
      await begun;
      yield* chat(...asked);
    });
    const openai = clientOf(engine);
    const create = (signal?: AbortSignal) =>
      openai.chat.completions.create(
        { model, messages, max_tokens: 2 },
        { signal },
      );
    const first = create();
    const stop = new AbortController();
    const waiting = create(stop.signal);
    setTimeout(() => stop.abort(), 10);
    await expect(waiting).rejects.toThrow(APIUserAbortError);
    begin();
    expect((await first).usage!.completion_tokens).toBe(2);
  });
});

test("requests at the same time wait for each other, and none gets what is another's", async () => {
  const replies = ["one", "two", "three"].map((word) => ` It is ${word}.`);
  const openai = await client(saying(...replies));
  const made = await Promise.all(
    replies.map((_, i) =>
      openai.chat.completions.create({
        model,
        messages: [
          { role: "user", content: "Hello." },
          { role: "assistant", content: `Hello ${i}.` },
          { role: "user", content: "Which is it?" },
        ],
      }),
    ),
  );
  expect(made.map(({ choices }) => choices[0]!.message.content)).toEqual(
    replies,
  );
});

test("where a reply ends, and what is drawn less often, reaches the engine", async () => {
  const engine = await plainEngine({ draw: saying(" One. Two. Three.") });
  const chat = vi.spyOn(engine, "chat");
  const made = await clientOf(engine).chat.completions.create({
    model,
    messages,
    stop: " Two",
    presence_penalty: 0.5,
    frequency_penalty: -1,
    logit_bias: { "7": -100 },
  });
  expect(made.choices[0]!.message.content).toBe(" One.");
  expect(made.choices[0]!.finish_reason).toBe("stop");
  expect(chat.mock.lastCall![2]).toMatchObject({
    stop: [" Two"],
    sampler: {
      presencePenalty: 0.5,
      frequencyPenalty: -1,
      logitBias: { 7: -100 },
    },
  });
});

describe("what cannot be is refused", () => {
  const create = async (body: object) =>
    (await client()).chat.completions.create({
      model,
      messages,
      ...body,
    } as OpenAI.ChatCompletionCreateParamsNonStreaming);

  test.each([
    [{ n: 2 }, "n", "unsupported_parameter"],
    [{ temperature: "hot" }, "temperature", "invalid_value"],
    [{ temperature: 3 }, "temperature", "invalid_value"],
    [{ max_tokens: 0 }, "max_tokens", "invalid_value"],
    [{ stop: 5 }, "stop", "invalid_value"],
    [{ presence_penalty: 2.5 }, "presence_penalty", "invalid_value"],
    [{ top_logprobs: 21, logprobs: true }, "top_logprobs", "invalid_value"],
    [{ logit_bias: { a: 1 } }, "logit_bias", "invalid_value"],
    [{ functions: [{ name: "a" }] }, "functions", "unsupported_parameter"],
    [{ temprature: 1 }, "temprature", "unknown_parameter"],
    [
      { stream_options: { usage: true } },
      "stream_options.usage",
      "unknown_parameter",
    ],
    [{ messages: [] }, "messages", "invalid_value"],
    [
      { messages: [...messages, { role: "assistant", content: "I" }] },
      "messages",
      "invalid_value",
    ],
    [
      { messages: [{ role: "function", content: "4" }, ...messages] },
      "messages[0].role",
      "invalid_value",
    ],
    [
      { messages: [...messages, { role: "system", content: "" }, ...messages] },
      "messages[1].role",
      "invalid_value",
    ],
    [
      { messages: [{ role: "user", content: 4 }] },
      "messages[0].content",
      "invalid_value",
    ],
    [
      {
        messages: [
          {
            role: "user",
            content: [{ type: "image_url", image_url: { url: "x" } }],
          },
        ],
      },
      "messages[0].content[0].type",
      "invalid_value",
    ],
    [
      { messages: [{ ...messages[0], name: "Ann" }] },
      "messages[0].name",
      "unsupported_parameter",
    ],
  ])("%j", async (body, param, code) => {
    const error: unknown = await create(body).catch((one: unknown) => one);
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({
      status: 400,
      param,
      code,
      type: "invalid_request_error",
    });
    expect((error as Error).message).toContain(param);
  });

  test("a model that is not loaded, with the one that is", async () => {
    const error: unknown = await create({ model: "gpt-4o" }).catch(
      (one: unknown) => one,
    );
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ param: "model", code: "model_not_found" });
    expect((error as Error).message).toContain("fake is");
  });

  test("but not what asks for nothing", async () => {
    const made = await create({
      n: 1,
      stop: null,
      tools: [],
      response_format: { type: "text" },
      frequency_penalty: 0,
      logprobs: false,
      user: "somebody",
      max_tokens: 1,
    });
    expect(made.choices).toHaveLength(1);
  });
});

describe("what fails in the engine", () => {
  const failing = async (error: Error, begins = false) => {
    const engine = await plainEngine();
    const chat = vi.spyOn(engine, "chat");
    chat.mockImplementation(async function* () {
      if (begins) yield { type: "text", text: "Once" } as never;
      throw error;
    });
    return { openai: clientOf(engine), chat };
  };

  test("fails as it does on a server, and is not tried again", async () => {
    const full = await failing(new ContextFullError("It is too long."));
    await expect(
      full.openai.chat.completions.create({ model, messages, stream: true }),
    ).rejects.toMatchObject({
      status: 400,
      code: "context_length_exceeded",
      message: "400 It is too long.",
    });
    const { openai, chat } = await failing(new OutOfMemoryError("No room."));
    const error: unknown = await openai.chat.completions
      .create({ model, messages }, { maxRetries: 2 })
      .catch((one: unknown) => one);
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error).toMatchObject({ status: 503, code: "out_of_memory" });
    expect(chat).toHaveBeenCalledTimes(1);
  });

  test("fails in the midst of a reply, too", async () => {
    const error = new OutOfMemoryError("No room.");
    const { openai } = await failing(error, true);
    const stream = await openai.chat.completions.create({
      model,
      messages,
      stream: true,
    });
    let text = "";
    const reading = async () => {
      for await (const chunk of stream)
        text += chunk.choices[0]?.delta.content ?? "";
    };
    await expect(reading()).rejects.toThrow("No room.");
    expect(text).toBe("Once");
  });
});

describe("as a fetch", () => {
  const ask = async (path: string, init?: RequestInit) => {
    const fetch = openAIFetch(await plainEngine(), { model });
    return fetch(`/any/v1${path}`, init);
  };

  test("it knows no other addresses and methods", async () => {
    expect((await ask("/embeddings", { method: "POST" })).status).toBe(404);
    expect((await ask("/chat/completions")).status).toBe(405);
    expect((await ask("/models", { method: "DELETE" })).status).toBe(405);
  });

  test("it says what is wrong with a body", async () => {
    const post = { method: "POST", body: "{" };
    const response = await ask("/chat/completions", post);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { type: "invalid_request_error", param: null },
    });
  });

  test("it takes a Request, and ends a stream with [DONE]", async () => {
    const fetch = openAIFetch(await plainEngine(), { model });
    const body = { model, messages, stream: true, max_tokens: 2 };
    const request = new Request("http://rondo.invalid/v1/chat/completions", {
      method: "POST",
      body: JSON.stringify(body),
    });
    const response = await fetch(request);
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const events = (await response.text()).split("\n\n");
    expect(events.splice(-2)).toEqual(["data: [DONE]", ""]);
    for (const event of events)
      expect(JSON.parse(event.replace(/^data: /, ""))).toMatchObject({
        object: "chat.completion.chunk",
      });
  });
});
