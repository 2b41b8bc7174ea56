// What a caller asks of a reply, on the embedded model: where it ends, and which tokens it may have.
import { afterAll, describe, expect, test } from "vitest";
import { Engine } from "../../src/engine/engine";
import type { ReplyOptions, TokenLogprob } from "../../src/engine/api/replies";
import { GREEDY, say } from "../support/say";
import { sharedGpu } from "../support/shared-gpu";

const engine = new Engine({
  gpu: sharedGpu,
  network: { kvFormat: "f32" },
  storeName: `reply rules test ${crypto.randomUUID()}`,
});
await engine.load(new URL("/models/rondo-tiny/", location.href).href);
afterAll(() => engine.close());

const TOLD = "My cat is called Miso.";

async function reply(options: ReplyOptions, message = TOLD) {
  const chat = await engine.createChat();
  const texts: string[] = [];
  const said = await say(engine, chat, message, options, (event) => {
    if (event.type === "text") texts.push(event.text);
  });
  const logprobs = said.events.flatMap((event) =>
    event.type === "text" ? (event.logprobs ?? []) : [],
  );
  return { chat, texts, logprobs, ...said };
}

const { text: whole } = await reply(GREEDY);

test("a reply ends before a stop text, wherever tokens begin and end", async () => {
  expect(whole.length).toBeGreaterThan(8);
  for (let at = 1; at < whole.length - 3; at += 2) {
    const stop = whole.slice(at, at + 3);
    const end = whole.indexOf(stop);
    const { text, texts, receipt } = await reply({
      ...GREEDY,
      stop: ["never said", stop],
    });
    expect(text).toBe(whole.slice(0, end));
    // Nothing that was shown is taken back.
    expect(texts.join("")).toBe(text);
    expect(receipt.finishReason).toBe("stop");
  }
});

test("a chat goes on behind a stop text, and does not have it", async () => {
  const stop = whole.slice(4, 7);
  const { chat, text } = await reply({ ...GREEDY, stop: [stop] });
  const next = await say(engine, chat, "What is my cat called?");
  expect(next.text).toContain("Miso");
  const { rounds } = await engine.openChat(chat);
  expect(rounds[0]!.reply).toBe(text);
});

test("what is not said ends nothing", async () => {
  const { text, receipt } = await reply({ ...GREEDY, stop: ["¶"] });
  expect(text).toBe(whole);
  expect(receipt.finishReason).toBe("stop");
});

test("biases and penalties change a reply, and only that one", async () => {
  const base = { temperature: 0 };
  const { logprobs } = await reply({ ...GREEDY, topLogprobs: 0 });
  const { token } = logprobs[0]!;
  const banned = { ...base, logitBias: { [token]: -100 } };
  const without = await reply({ sampler: banned, topLogprobs: 0 });
  expect(without.logprobs.map((one) => one.token)).not.toContain(token);
  // Of a text that is nearly random, penalties decide how many different tokens it has.
  const different = async (penalty: number) => {
    const random = { temperature: 4, topP: 1, topK: 8, seed: 1 };
    const penalties = { frequencyPenalty: penalty, presencePenalty: penalty };
    const said = await reply({
      sampler: { ...random, ...penalties },
      maxTokens: 60,
      topLogprobs: 0,
    });
    return new Set(said.logprobs.map((one) => one.token)).size;
  };
  expect(await different(2)).toBeGreaterThan(await different(-2));
  expect((await reply(GREEDY)).text).toBe(whole);
});

test("a token that the model does not have is refused by its number", async () => {
  const sampler = { logitBias: { 9_999_999: 1 } };
  await expect(reply({ sampler })).rejects.toThrow(
    "sampler.logitBias has token 9999999; the model's tokens are 0 to",
  );
});

describe("log-probabilities", () => {
  const probabilityOf = ({ logprob }: TokenLogprob) => Math.exp(logprob);

  test("are told of every token, with the likeliest ones, and change nothing", async () => {
    const { text, logprobs, receipt } = await reply({
      ...GREEDY,
      topLogprobs: 5,
    });
    expect(text).toBe(whole);
    expect(logprobs).toHaveLength(receipt.replyTokens);
    expect(logprobs.map((one) => one.text).join("")).toBe(whole);
    for (const { token, logprob, top } of logprobs) {
      expect(top).toHaveLength(5);
      // Greedy draws the likeliest.
      expect(top[0]).toMatchObject({ token, logprob });
      const falling = top.map((one) => one.logprob);
      expect(falling).toEqual(falling.toSorted((a, b) => b - a));
      const sum = top.map(probabilityOf).reduce((a, b) => a + b, 0);
      expect(sum).toBeGreaterThan(0.2);
      expect(sum).toBeLessThanOrEqual(1 + 1e-5);
    }
  });

  test("are the model's own, whatever the sampler does", async () => {
    const [first] = (await reply({ ...GREEDY, topLogprobs: 2 })).logprobs;
    const [, second] = first!.top;
    const sampler = { temperature: 0, logitBias: { [first!.token]: -100 } };
    const other = await reply({ sampler, topLogprobs: 1, maxTokens: 1 });
    const [drawn] = other.logprobs;
    expect(drawn).toMatchObject({
      token: second!.token,
      logprob: second!.logprob,
    });
    expect(drawn!.top[0]!.token).toBe(first!.token);
  });

  test("of no more than the token drawn, where none is asked for beside it", async () => {
    const { logprobs } = await reply({ ...GREEDY, topLogprobs: 0 });
    expect(logprobs.length).toBeGreaterThan(2);
    for (const { top } of logprobs) expect(top).toEqual([]);
  });

  test("end with the text where a stop ends it", async () => {
    for (let at = 2; at < whole.length - 4; at += 3) {
      const stop = [whole.slice(at, at + 4)];
      const { text, logprobs } = await reply({
        ...GREEDY,
        stop,
        topLogprobs: 0,
      });
      const told = logprobs.map((one) => one.text).join("");
      // The last token may have the beginning of the stop, too.
      expect(told.startsWith(text)).toBe(true);
      const without = logprobs.slice(0, -1).map((one) => one.text);
      expect(without.join("").length).toBeLessThan(Math.max(1, text.length));
    }
  });
});
