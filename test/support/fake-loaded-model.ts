/**
 * Models for an engine without a GPU: a real tokenizer and template over a fake network, whose KV tells what it
 * was computed from. A reply is a few tokens drawn at random.
 */
import type { LoadedModel } from "../../src/engine/load/loaded-model";
import { KvRestorer } from "../../src/engine/restore/kv-restore";
import { Rates } from "../../src/engine/restore/restore-or-recompute";
import type { ReadbackRing } from "../../src/gpu/readback";
import { KvCache } from "../../src/memory/kv-cache";
import { Residency } from "../../src/memory/residency";
import { ChatTemplate } from "../../src/model/text/chat-template";
import { fakeGpu, NARROW } from "./fake-gpu";
import { fakeNetwork } from "./fake-network";
import { seededRandom } from "./random";
import { tokenizerFiles, tokenizerOf } from "./tokenizers";

export interface FakeModelOptions {
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

export function fakeLoadedModel({
  segmentFingerprint = "segments",
  pages = 200,
  draw = randomTokens(),
}: FakeModelOptions = {}): LoadedModel {
  const gpu = Object.assign(fakeGpu(), {
    isSound: true,
    counts: { writtenBytes: 0 },
    check: () => undefined,
  });
  const cache = new KvCache(gpu, NARROW, Infinity);
  Object.assign(cache.limits, { lower: pages, upper: pages });
  const tokenizer = tokenizerOf("rondoTiny");
  const { runner, drawn } = fakeNetwork(gpu, cache, draw);
  const residency = new Residency(cache);
  const ring = {
    take: () => ({ copy: {}, read: async () => drawn.at(-1)! }),
  } as unknown as ReadbackRing;
  const model = {
    name: "fake",
    network: { config: { numAttentionHeads: 1 }, cache },
    tokenizer,
    template: new ChatTemplate(tinyConfig.chat_template),
    generation: { eosTokenIds: [], sampler: {} },
    textFingerprint: "text",
    segmentFingerprint,
    selection: { rows: "tail", heads: "all", tau: 0.9 },
    calibration: "measured",
    contextTokens: 1000,
  };
  const loaded = {
    gpu,
    model,
    runner,
    residency,
    ring,
    restorer: new KvRestorer(runner, residency, new Rates()),
    info: () => ({ name: model.name }),
    destroy: () => residency.release(),
  };
  return loaded as unknown as LoadedModel;
}
