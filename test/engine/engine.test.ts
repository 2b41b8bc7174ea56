// The engine with the embedded model, from text to text.
import { expect, test } from "vitest";
import { Engine } from "../../src/engine/engine";
import type { ChatEngine, Receipt, ReplyOptions } from "../../src/engine/chat-engine";

const engine = new Engine({ network: { kvFormat: "f32" } });
const info = await engine.load(new URL("/models/rondo-tiny/", location.href).href);
const GREEDY = { sampler: { temperature: 0 } };

async function say(chatId: string, message: string, options: ReplyOptions = GREEDY, on: ChatEngine = engine) {
  let text = "";
  let receipt: Receipt | undefined;
  for await (const event of on.chat(chatId, message, options)) {
    if (event.type === "text") text += event.text;
    if (event.type === "end") receipt = event.receipt;
  }
  return { text, receipt: receipt! };
}

test("says what model it is", () => {
  expect(info).toMatchObject({ name: "rondo-tiny", architecture: "LlamaForCausalLM", layerCount: 8, contextTokens: 2048 });
  expect(info.parameterCount).toBe(3_443_904);
});

test("remembers what it was told, and prefills only the new question", async () => {
  const chat = await engine.createChat();
  const first = await say(chat, "My cat is called Miso.");
  console.log(first);
  const second = await say(chat, "What is my cat called?");
  console.log(second);
  expect(second.text).toContain("Miso");
  expect(second.receipt.finishReason).toBe("stop");
  expect(second.receipt.cachedTokens).toBeGreaterThan(20);
});
