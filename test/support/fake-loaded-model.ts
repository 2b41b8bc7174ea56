/** Models that can be loaded without a GPU: the fake network behind a real tokenizer and template. */
import type { Gpu } from "../../src/gpu/gpu";
import type { ReadbackRing } from "../../src/gpu/readback";
import { LoadedModel } from "../../src/engine/load/loaded-model";
import { KvRestorer } from "../../src/engine/restore/kv-restore";
import { Rates } from "../../src/engine/restore/restore-or-recompute";
import { KvCache } from "../../src/memory/kv-cache";
import { Residency } from "../../src/memory/residency";
import type { ChatTemplate } from "../../src/model/text/chat-template";
import type { Tokenizer } from "../../src/model/text/tokenizer";
import { someTurns } from "./event-loop";
import { fakeGpu, NARROW } from "./fake-gpu";
import { fakeNetwork, saltPages, watchPages } from "./fake-network";

export interface FakeModel {
  /** Other models have other KV. */
  salt: number;
  /** Models of one text fingerprint share their tokens. */
  textFingerprint: string;
}

export interface FakeModelOptions {
  tokenizer: Tokenizer;
  template: ChatTemplate;
  random: () => number;
  /** Pages that there may be. */
  limits: { lower: number; upper: number };
  /** Told of pages that are read or written while nobody has them. */
  onFault: (fault: string) => void;
  /** What the sampler draws next. Default: text at random, and sometimes the end. */
  draw?: () => number;
}

/** Of the rows that a device takes between two turns of the event loop. */
const MOST_TURNS = 2;

export function fakeLoadedModel(
  { salt, textFingerprint }: FakeModel,
  {
    tokenizer,
    template,
    random,
    limits,
    onFault,
    ...options
  }: FakeModelOptions,
): LoadedModel {
  const gpu: Gpu = Object.assign(fakeGpu(), {
    isSound: true,
    counts: { writtenBytes: 0 },
    check: () => undefined,
    done: () => someTurns(random, MOST_TURNS),
    destroy: () => undefined,
    info: { vendor: "", architecture: "", description: "" },
  });
  const cache = new KvCache(gpu, { ...NARROW, format: "f32" }, Infinity);
  Object.assign(cache.limits, limits);
  saltPages(cache, salt);
  watchPages(cache, onFault);
  const stop = tokenizer.idOf("<|im_end|>")!;
  const drawText = () => (random() < 0.2 ? stop : textToken(tokenizer, random));
  const { draw = drawText } = options;
  const { runner, drawn } = fakeNetwork(gpu, cache, draw, salt);
  const residency = new Residency(cache);
  const model = {
    name: `fake ${salt}`,
    network: {
      config: {
        architecture: "fake",
        numHiddenLayers: 4,
        numAttentionHeads: 1,
        layers: Array.from({ length: 4 }, () => ({
          attention: { window: null },
        })),
      },
      weights: { parameterCount: 1, bytes: 1 },
      cache,
      decoder: runner.decoder,
      checks: [],
    },
    tokenizer,
    template,
    generation: { sampler: {}, eosTokenIds: [stop] },
    textFingerprint,
    segmentFingerprint: `model ${salt}`,
    selection: { rows: "tail", heads: "all", tau: 0.6 },
    calibration: "measured",
    contextTokens: 4000,
  };
  const ring: Pick<ReadbackRing, "take" | "destroy"> = {
    take() {
      // The next step that is submitted draws what is read.
      const at = drawn.length;
      return {
        copy: { from: noBuffer, to: noBuffer, bytes: 4 },
        async read() {
          await someTurns(random, MOST_TURNS);
          return drawn[at]!;
        },
      };
    },
    destroy: () => undefined,
  };
  const restorer = new KvRestorer(runner, residency, new Rates());
  const parts = { gpu, model, runner, residency, restorer, ring };
  return Object.assign(Object.create(LoadedModel.prototype), parts, {
    destroy() {
      residency.release();
      Object.assign(gpu, { isSound: false });
    },
  }) as LoadedModel;
}

const noBuffer = { size: 16 } as GPUBuffer;

function textToken(tokenizer: Tokenizer, random: () => number): number {
  for (;;) {
    const token = Math.floor(random() * tokenizer.tokenCount);
    if (tokenizer.isText(token) && !tokenizer.isMarker(token)) return token;
  }
}
