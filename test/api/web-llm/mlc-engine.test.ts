// A small app as it is written for WebLLM, with another import.
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { CreateMLCEngine } from "../../../src/api/web-llm";
import type { Usage } from "../../../src/api/openai";
import type {
  InitProgressReport,
  RequestMessage,
} from "../../../src/api/web-llm";
import type { Engine } from "../../../src/engine/engine";
import { saying, unloadedEngine } from "../../support/plain-engine";

vi.mock(
  "../../../src/memory/segment-transfer",
  () => import("../../support/fake-transfer"),
);

const REPLY = " Hello, I am Ada.";

/** WebLLM's example of a chat, but for the page around it. */
class App {
  readonly messages: RequestMessage[] = [
    { role: "system", content: "You are a helpful AI agent helping users." },
  ];
  readonly progress: InitProgressReport[] = [];
  readonly engines: Engine[] = [];
  readonly opening: ReturnType<typeof CreateMLCEngine>;
  curMessage = "";

  constructor(draw?: () => number) {
    this.opening = CreateMLCEngine("fake", {
      initProgressCallback: (report) => this.progress.push(report),
      createEngine: () => {
        const engine = unloadedEngine(draw && { draw });
        this.engines.push(engine);
        return engine;
      },
    });
    onTestFinished(async () => (await this.opening).unload());
  }

  async streamingGenerating(message: string, onUpdate = () => {}) {
    const engine = await this.opening;
    this.messages.push({ content: message, role: "user" });
    const completion = await engine.chat.completions.create({
      stream: true,
      messages: this.messages,
      stream_options: { include_usage: true },
      max_tokens: 60,
    });
    this.curMessage = "";
    let usage: Usage | undefined;
    let reason;
    for await (const chunk of completion) {
      const curDelta = chunk.choices[0]?.delta.content;
      reason = chunk.choices[0]?.finish_reason ?? reason;
      if (curDelta) this.curMessage += curDelta;
      if (chunk.usage) usage = chunk.usage;
      onUpdate();
    }
    const finalMessage = await engine.getMessage();
    this.messages.push({ content: finalMessage, role: "assistant" });
    if (usage === undefined) throw new Error("a reply has no usage");
    return { finalMessage, usage, reason };
  }
}

describe("an app of WebLLM's", () => {
  test("hears of the model, and chats", async () => {
    const app = new App(saying(REPLY, REPLY));
    const first = await app.streamingGenerating("Who are you?");
    expect(first.finalMessage).toBe(REPLY);
    expect(app.curMessage).toBe(REPLY);
    expect(first.reason).toBe("stop");
    const { usage } = await app.streamingGenerating("Who are you?");
    const { cached_tokens } = usage.prompt_tokens_details;
    expect(cached_tokens).toBeGreaterThan(first.usage.prompt_tokens);
    expect(app.progress.at(-1)).toMatchObject({
      progress: 1,
      text: "fake 1 is loaded.",
    });
  });

  test("is given a whole reply, too", async () => {
    const engine = await new App(saying(REPLY)).opening;
    const made = await engine.chat.completions.create({
      messages: [{ role: "user", content: "Hi" }],
      extra_body: { enable_thinking: false },
    });
    expect(made.choices[0].message.content).toBe(REPLY);
    expect(await engine.getMessage()).toBe(REPLY);
    await engine.resetChat();
    expect(await engine.getMessage()).toBe("");
  });

  test("interrupts a reply, keeps what was said, and goes on", async () => {
    const app = new App();
    const engine = await app.opening;
    let updates = 0;
    const cut = await app.streamingGenerating("Tell me all.", () => {
      if (++updates === 5) engine.interruptGenerate();
    });
    expect(cut.reason).toBe("abort");
    expect(cut.finalMessage).not.toBe("");
    expect(cut.usage.completion_tokens).toBeLessThan(60);
    const next = await app.streamingGenerating("And then?");
    expect(next.reason).toBe("length");
    expect(next.usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(
      cut.usage.prompt_tokens,
    );
  });

  test("unloads its model, and loads it again", async () => {
    const app = new App(saying(REPLY));
    const engine = await app.opening;
    await engine.unload();
    expect(app.engines[0]!.isClosed).toBe(true);
    const ask = () => app.streamingGenerating("Who are you?");
    await expect(ask()).rejects.toThrow("No model is loaded");
    app.messages.pop();
    await engine.reload("fake");
    expect((await ask()).finalMessage).toBe(REPLY);
    expect(app.engines).toHaveLength(2);
  });
});
