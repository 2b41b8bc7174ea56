/** The engine itself over a fake model, without a GPU and without a store: what it computes can be counted. */
import { onTestFinished } from "vitest";
// What the engine loads late is not a test's time.
import "../../src/engine/running";
import "../../src/engine/turn/receipt";
import { NoArchive } from "../../src/engine/archive/archive";
import { Engine } from "../../src/engine/engine";
import type { ModelFiles } from "../../src/model/files/model-files";
import { plainModel, type PlainModelOptions } from "./plain-model";
import { tokenizerOf } from "./tokenizers";

/** Closed when the test is over. Tests that use it mock memory/segment-transfer. */
export function unloadedEngine(options?: PlainModelOptions): Engine {
  const engine = new Engine({
    openFiles: () => ({}) as ModelFiles,
    openModel: async () => plainModel(options),
    openArchive: async () => new NoArchive(),
  });
  onTestFinished(() => engine.close());
  return engine;
}

/** The same with its model. Only turns compute. */
export async function plainEngine(
  options?: PlainModelOptions,
): Promise<Engine> {
  const engine = unloadedEngine(options);
  await engine.setHealing(false);
  await engine.load("one");
  return engine;
}

/** A model's draws: these replies, one after the other, each to its end. */
export function saying(...replies: string[]): () => number {
  const tokenizer = tokenizerOf("rondoTiny");
  const end = tokenizer.idOf("<|im_end|>")!;
  // One step is under way when the one before turns out to be the last.
  const tokens = replies.flatMap((reply) => [
    ...tokenizer.encodeText(reply),
    end,
    end,
  ]);
  let at = 0;
  return () => tokens[at++] ?? end;
}
