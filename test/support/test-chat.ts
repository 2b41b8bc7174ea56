/** A chat of tokens without text: its rounds in pages, a store, and turns that end with the question's logits. */
import {
  TurnPrefill,
  type TurnPrefillRequest,
} from "../../src/engine/turn/prefill-turn";
import type { AttentionSettings } from "../../src/engine/api/replies";
import type { NetworkOptions } from "../../src/engine/load/network";
import { KvRestorer } from "../../src/engine/restore/kv-restore";
import { repairMethod } from "../../src/engine/fusion/repair";
import { Rates } from "../../src/engine/restore/restore-or-recompute";
import type { Gpu } from "../../src/gpu/gpu";
import { readBuffer } from "../../src/gpu/readback";
import { Pins, Residency } from "../../src/memory/residency";
import { newRound, type Round } from "../../src/memory/round";
import { type Half, HALVES } from "../../src/util/kv-half";
import { packHalf } from "../../src/memory/segment-transfer";
import type { DrawSettings } from "../../src/model/network/sampler-buffer";
import { tuningFor } from "../../src/model/network/tuning";
import { MemoryStore } from "./memory-store";
import { testNetwork, type TestNetwork } from "./network";
import { seededInts } from "./random";
import type { Tensors } from "./tensors";

export interface TestChatOptions {
  /** Positions that the model counts as trained on. Default 1000. */
  contextTokens?: number;
  /** Tokens of the rounds, the system prompt's first. */
  tokens?: readonly (readonly number[])[];
  /** Where stored halves are; a chat that was there before, where it has some. */
  store?: MemoryStore;
}

/** Half of the attention, and at least one round for it. */
export const SETTINGS: AttentionSettings = {
  mode: "rounds",
  tau: 0.5,
  kMin: 1,
  budgetBytes: Infinity,
  pinned: [],
};

export const GREEDY: DrawSettings = {
  seed: 0,
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
};

/** Random rounds of these lengths. */
export function randomTokens(
  lengths: readonly number[],
  vocabSize: number,
  seed = 300,
): number[][] {
  return lengths.map((length, i) => [
    ...seededInts(length, vocabSize, seed + i),
  ]);
}

/** A network, and who has its pages. */
export interface ChatNetwork extends TestNetwork {
  residency: Residency;
}

/** A network that gives the same bits on every device: how attention is split would change the last ones. */
export async function exactNetwork(
  gpu: Gpu,
  { config, tensors }: { config: unknown; tensors: Tensors },
  options: NetworkOptions = {},
): Promise<ChatNetwork> {
  const network = await testNetwork(gpu, config, tensors, {
    watershed: 1,
    tuning: { ...tuningFor(gpu), busyWorkgroups: 1 },
    ...options,
  });
  return { ...network, residency: new Residency(network.cache) };
}

export class TestChat {
  readonly network: ChatNetwork;
  readonly rounds: Round[];
  readonly store: MemoryStore;
  readonly contextTokens: number;
  readonly residency: Residency;
  readonly rates = new Rates();
  readonly restorer: KvRestorer;
  readonly pins: Pins;
  /** Ids of rounds that came from the store, in order. */
  readonly restored: number[] = [];

  constructor(
    network: ChatNetwork,
    {
      tokens = [],
      store = new MemoryStore(),
      contextTokens = 1000,
    }: TestChatOptions = {},
  ) {
    this.network = network;
    this.store = store;
    this.contextTokens = contextTokens;
    this.rounds = tokens.map((one, id) => newRound(id, one));
    for (const round of this.rounds) {
      for (const half of HALVES) {
        const found = store.halves.get(`${round.id} ${half}`);
        round[half].stored.bytes = found?.payload.length ?? 0;
      }
    }
    this.residency = network.residency;
    this.restorer = new KvRestorer(network.runner, this.residency, this.rates);
    this.pins = new Pins(this.residency);
  }

  get gpu(): Gpu {
    return this.network.gpu;
  }

  /** The prefill of the last round's turn; its halves stay pinned until `release`. */
  async ask(request: Partial<TurnPrefillRequest> = {}) {
    const { network } = this;
    const { runner, decoder } = network;
    const { residency, restorer, store, pins, contextTokens } = this;
    const own = this.rounds.at(-1)!;
    const attend = new TurnPrefill(
      {
        runner,
        residency,
        restorer,
        source: store,
        pins,
        contextTokens,
        onRestored: ({ id }) => this.restored.push(id),
        onLost: () => undefined,
      },
      {
        history: this.rounds.slice(0, -1),
        own,
        ownTokens: own.tokens.length,
        settings: SETTINGS,
        massRows: 4,
        massHeads: Array.from({ length: decoder.headCount }, (_, head) => head),
        likely: [],
        stale: new Set(),
        ratio: 0.15,
        method: repairMethod("a3", network.cache.lower.layerCount - 1),
        digestOf: ({ id }) => store.digests.get(id),
        first: () => ({ settings: GREEDY, index: 0, copies: [] }),
        ...request,
      },
    );
    for await (const _ of attend.run()) void _;
    residency.check();
    const logits = await this.logits();
    const { report, fusion, computedTokens } = attend;
    const attended = report.attended.map(({ id }) => id);
    const frame = attend.frame!;
    return { logits, report, fusion, attended, computedTokens, frame };
  }

  /** Of the row that was asked for last. */
  async logits(): Promise<Float32Array> {
    const { decoder, config } = this.network;
    const bytes = await readBuffer(this.gpu, decoder.workspace.logits);
    return new Float32Array(bytes).slice(0, config.vocabSize);
  }

  /** Adds a round, asks it, and lets go of it. */
  async say(
    tokens: readonly number[],
    request: Partial<TurnPrefillRequest> = {},
  ) {
    this.rounds.push(newRound(this.rounds.length, tokens));
    const answer = await this.ask(request);
    this.pins.release();
    return answer;
  }

  /** Forgets the last round's KV, so that it can be asked again. */
  unask(): void {
    this.pins.release();
    for (const half of HALVES) this.residency.drop(this.rounds.at(-1)!, half);
  }

  /** What is in a half's pages, as they are. */
  bytes(round: Round, half: Half): Promise<Uint8Array> {
    const pages = this.network.cache[half];
    const { length } = round.tokens;
    const { pages: main, localPages } = round[half];
    return packHalf(this.gpu, pages, main, "raw", length, localPages);
  }

  keep(mode: "raw" | "int8" = "raw"): Promise<void> {
    const { gpu, network, rounds, store } = this;
    return store.keep(gpu, network.cache, rounds, mode);
  }

  /** Gives its pages back. */
  close(): void {
    this.pins.release();
    for (const round of this.rounds)
      for (const half of HALVES) this.residency.drop(round, half);
    this.residency.check();
  }
}
