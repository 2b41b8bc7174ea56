// A model whose weights are damaged: it says so instead of chatting, and the next model chats.
import { afterAll, expect, test } from "vitest";
import { Engine } from "../../../src/engine/engine";
import { ModelOutputError } from "../../../src/util/errors";
import { say } from "../../support/say";
import { sharedGpu } from "../../support/shared-gpu";

const MODEL = new URL("/models/rondo-tiny/", location.href).href;
const engine = new Engine({
  gpu: sharedGpu,
  storeName: `damaged model test ${crypto.randomUUID()}`,
});
afterAll(() => engine.close());

/** The embedded model's files, the last kilobyte of its weights all ones: NaN. */
async function damagedFiles(): Promise<File[]> {
  const names = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model.safetensors",
  ];
  return Promise.all(
    names.map(async (name) => {
      const bytes = await (await fetch(MODEL + name)).bytes();
      if (name === "model.safetensors") bytes.fill(0xff, -1024);
      return new File([bytes], name);
    }),
  );
}

test("a model of damaged weights says what is wrong and what to do, and the message is there without a reply", async () => {
  await engine.load(await damagedFiles());
  const chat = await engine.createChat();
  const saying = say(engine, chat, "My cat is called Miso.");
  await expect(saying).rejects.toThrow(ModelOutputError);
  await expect(saying).rejects.toThrow(
    /weights are damaged.*Load the model again/,
  );
  const { rounds } = await engine.openChat(chat);
  expect(rounds).toMatchObject([
    { message: "My cat is called Miso.", reply: "", isFinished: false },
  ]);

  await engine.load(MODEL);
  for await (const event of engine.reply(chat, rounds[0]!.id)) void event;
  const { text } = await say(engine, chat, "What is my cat called?");
  expect(text).toContain("Miso");
});
