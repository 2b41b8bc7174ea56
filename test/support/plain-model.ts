/** A fake model (fake-loaded-model.ts) whose device is quick and whose replies are random tokens without an end. */
import type { LoadedModel } from "../../src/engine/load/loaded-model";
import { ChatTemplate } from "../../src/model/text/chat-template";
import { fakeLoadedModel } from "./fake-loaded-model";
import { seededRandom } from "./random";
import { tokenizerFiles, tokenizerOf } from "./tokenizers";

export interface PlainModelOptions {
  /** What its KV is named after. Default "segments". */
  segmentFingerprint?: string;
  /** Pages that each half may have. Default 200. */
  pages?: number;
  /** What the sampler draws next. Default: a token at random. */
  draw?: () => number;
}

const [, tinyConfig] = tokenizerFiles.rondoTiny() as [
  unknown,
  { chat_template: string },
];

function randomTokens(): () => number {
  const next = seededRandom(7);
  const tokens = tokenizerOf("rondoTiny").encodeText("My cat is called Miso.");
  return () => tokens[Math.floor(next() * tokens.length)]!;
}

export function plainModel({
  segmentFingerprint = "segments",
  pages = 200,
  draw = randomTokens(),
}: PlainModelOptions = {}): LoadedModel {
  const loaded = fakeLoadedModel(
    { salt: 1, textFingerprint: "text" },
    {
      tokenizer: tokenizerOf("rondoTiny"),
      template: new ChatTemplate(tinyConfig.chat_template),
      random: () => 0,
      limits: { lower: pages, upper: pages },
      onFault(fault) {
        throw new Error(fault);
      },
      draw,
    },
  );
  Object.assign(loaded.model, {
    segmentFingerprint,
    generation: { eosTokenIds: [], sampler: {} },
    selection: { rows: "tail", heads: "all", tau: 0.9 },
    contextTokens: 1000,
  });
  return loaded;
}
