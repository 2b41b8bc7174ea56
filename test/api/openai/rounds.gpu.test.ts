// What clients without state have computed, by a real model over a real store: after an edit, and after a reload.
import { afterEach, expect, test } from "vitest";
import { createOpenAI, type RequestMessage } from "../../../src/api/openai";
import { Engine } from "../../../src/engine/engine";
import { ownName } from "../../store/fixtures";
import { sharedGpu } from "../../support/shared-gpu";

const MODEL = new URL("/models/rondo-tiny/", location.href).href;
const open: Engine[] = [];

afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});

/** A page, and a client in it that says what it was asked and how much of that was computed. */
async function page(storeName: string) {
  const engine = new Engine({ gpu: sharedGpu, storeName });
  open.push(engine);
  await engine.setHealing(false);
  const { name } = await engine.load(MODEL);
  const openai = createOpenAI(engine);
  const ask = async (messages: readonly RequestMessage[]) => {
    const made = await openai.chat.completions.create({
      model: name,
      messages,
      temperature: 0,
      max_tokens: 12,
    });
    const { prompt_tokens, prompt_tokens_details } = made.usage;
    const cached = prompt_tokens_details.cached_tokens;
    const { content } = made.choices[0].message;
    return {
      content: content!,
      prompt: prompt_tokens,
      fresh: prompt_tokens - cached,
    };
  };
  return { engine, openai, ask };
}

const user = (content: string): RequestMessage => ({ role: "user", content });
const FACTS = [
  "My cat is called Miso.",
  "My locker code is 4821.",
  "I live in Oslo.",
  "My favorite color is green.",
];
const QUESTION = user("What is my cat called?");

/** Tells the facts, and returns all that was said. */
async function tell(ask: Awaited<ReturnType<typeof page>>["ask"]) {
  const messages: RequestMessage[] = [];
  for (const fact of FACTS) {
    messages.push(user(fact));
    const { content } = await ask(messages);
    messages.push({ role: "assistant", content });
  }
  return messages;
}

test("a conversation that was edited in its midst has the edit computed, and not what follows it", async () => {
  const { ask } = await page(ownName());
  const told = await tell(ask);
  const before = await ask([...told, QUESTION]);
  const edited = told.with(2, user("My locker code is 1234."));
  const after = await ask([...edited, QUESTION]);
  // The edited round, and the share of the context that was repaired: 48 tokens.
  expect(after.fresh).toBeGreaterThan(before.fresh);
  expect(after.fresh - before.fresh).toBeLessThan(
    after.prompt / FACTS.length + 0.15 * after.prompt,
  );
  expect(after.fresh).toBeLessThan(after.prompt / 2);
});

test("a conversation whose first rounds were dropped has none of the others computed", async () => {
  const { ask } = await page(ownName());
  const told = await tell(ask);
  const whole = await ask([...told, QUESTION]);
  const rest = await ask([...told.slice(2), QUESTION]);
  expect(rest.prompt).toBeLessThan(whole.prompt);
  expect(rest.fresh).toBeLessThan(rest.prompt / 2);
});

test("goes on after a reload where it was, on any of its branches, and stands in no list of chats", async () => {
  const storeName = ownName();
  const first = await page(storeName);
  const told = await tell(first.ask);
  const before = await first.ask([...told, QUESTION]);
  const other = [...told.slice(0, 2), user("My dog is called Toto.")];
  const { content } = await first.ask(other);
  await first.engine.close();

  const { engine, openai, ask } = await page(storeName);
  expect(await engine.listChats()).toEqual([]);
  const again = await ask([...told, QUESTION]);
  expect(again.fresh).toBeLessThanOrEqual(before.fresh);
  expect(again.content).toBe(before.content);
  const onward = await ask([
    ...other,
    { role: "assistant", content },
    QUESTION,
  ]);
  expect(onward.fresh).toBeLessThan(onward.prompt / 2);

  const owned = () => engine.listChats({ owner: "rondo/openai" });
  expect(await owned()).toHaveLength(1);
  await openai.clear();
  expect(await owned()).toEqual([]);
});

test("log-probabilities come with the reply, whole and in chunks", async () => {
  const { openai, engine } = await page(ownName());
  const { name } = (await engine.memory()).model!;
  const request = {
    model: name,
    messages: [user(FACTS[0]!)],
    temperature: 0,
    logprobs: true,
    top_logprobs: 3,
  };
  const { choices } = await openai.chat.completions.create(request);
  const { message, logprobs } = choices[0];
  const told = logprobs!.content;
  expect(told.map(({ token }) => token).join("")).toBe(message.content);
  for (const { token, logprob, bytes, top_logprobs } of told) {
    expect(top_logprobs).toHaveLength(3);
    expect(top_logprobs[0]).toEqual({ token, logprob, bytes });
    expect(new TextDecoder().decode(Uint8Array.from(bytes!))).toBe(token);
  }
  const stream = await openai.chat.completions.create({
    ...request,
    stream: true,
  });
  const streamed: typeof told = [];
  for await (const chunk of stream)
    streamed.push(...(chunk.choices[0]?.logprobs?.content ?? []));
  expect(streamed.map(({ token }) => token)).toEqual(
    told.map(({ token }) => token),
  );
});
